/* The source's synchronous standby, as far as a cutover is concerned (design §9).
 *
 * A COMMIT that waits for a standby obeys no timeout of the server and holds the tenant's lock. So the
 * standby is asked right before the lock, and a decision that waits all the same is released within the
 * budget: it stands then on the source alone.
 */
#pragma once

#include "pg/query.h"

struct standby {
    struct pgx_conn *conn; /* owned: a session of the source that does nothing else */
    bool configured;       /* commits of the source wait for a standby, as last seen */
    int64_t asked_us;      /* a probe is under way since then (monotonic); 0: none */
    int64_t answer_us;     /* how long the latest probe took */
    bool answers;          /* the latest probe was answered in time */
};

void standby_release(struct standby *s);
/* Commits a probe on the source and waits for it up to `bound_us`; one that is not answered stays under way
 * and is looked at by the next call. Sets `answers` and `answer_us`. */
TMV_NODISCARD bool standby_ask(struct standby *s, int64_t bound_us, struct tmv_error *err);
/* Waits for the answer to a script that was sent on `conn` and ends in COMMIT, at most until `deadline_us`
 * (monotonic). Then ends its wait for the standby, over `other`. *ret_alone: that was done, so the commit
 * stands on this server only. The answer is still to be taken. */
TMV_NODISCARD bool standby_await_commit(struct pgx_conn *conn, struct pgx_conn *other, int64_t deadline_us,
                                        bool *ret_alone, struct tmv_error *err);
