#include "move/cutover/standby.h"

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define STANDBY_TIMEOUT_US (10 * US_PER_S)
#define LOOK_AGAIN_US (5 * US_PER_MS)

void standby_release(struct standby *s)
{
    pgx_close(TAKE(s->conn));
    s->asked_us = 0;
    s->answers = false;
}

bool standby_ask(struct standby *s, int64_t bound_us, struct tmv_error *err)
{
    bool answered = false;

    s->answers = false;
    if (!s->asked_us) {
        if (!pgx_send(s->conn, sql_standby_probe, PGX_NONE, err))
            return err_wrap(err, "asking the synchronous standby");
        s->asked_us = clock_now_us();
    }
    if (!pgx_await(s->conn, bound_us, &answered, err))
        return err_wrap(err, "asking the synchronous standby");
    s->answer_us = clock_now_us() - s->asked_us;
    if (!answered)
        return true;
    s->asked_us = 0;
    s->answers = pgx_receive(s->conn, STANDBY_TIMEOUT_US, NULL, err);
    return s->answers ? true : err_wrap(err, "asking the synchronous standby");
}

bool standby_await_commit(struct pgx_conn *conn, struct pgx_conn *other, int64_t deadline_us, bool *ret_alone,
                          struct tmv_error *err)
{
    int64_t give_up_us = deadline_us + STANDBY_TIMEOUT_US;
    int64_t wait_us = deadline_us - clock_now_us();
    bool answered = false;

    *ret_alone = false;
    for (;;) {
        AUTO_RESULT struct pgx_result *told = NULL;

        if (!pgx_await(conn, wait_us > 0 ? wait_us : 0, &answered, err))
            return false;
        if (answered || clock_now_us() > give_up_us)
            return true;
        if (!pgx_query(other, STANDBY_TIMEOUT_US, sql_standby_release,
                       PGX_ARGS(PGX_INT(pgx_backend_pid(conn))), &told, err))
            return err_wrap(err, "ending the decision's wait for a synchronous standby");
        *ret_alone = *ret_alone || pgx_rows(told) > 0;
        wait_us = LOOK_AGAIN_US;
    }
}
