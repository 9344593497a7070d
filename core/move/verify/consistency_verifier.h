/* ConsistencyVerifier: COUNT, HASH and FULL of position ranges on both ends (design §10). The public call is
 * in tenantmv/verify.h; these are the parts that the coordinator's gate and the cutover's drain use. */
#pragma once

#include "move/shared/endpoints.h"
#include "move/shared/position_plan.h"
#include "tenantmv/verify.h"

/* Digest of a range: number of events and two sums of 64-bit hashes of each event (order does not matter,
 * pairs cannot cancel). Only digests of the same process compare: its seeds are its own. */
struct range_digest {
    int64_t events;
    char sums[2][48]; /* decimal numerics: of the hashes under the first and the second seed */
};
/* The two seeds of this process, chosen by chance when they are first asked for: bytes that nobody who
 * changes an event can know, and what would happen to look equal once does not the next time. Any thread. */
const int64_t *verifier_seeds(void);
/* Builds the statement whose one row is the digest of positions ($1, $2] of tenant $3, for the copied columns
 * of both ends, on `side` (source or target shape: same text but for the table). One plan: bounded range of
 * the primary key, OFFSET 0, the tenant filtered outside. */
TMV_NODISCARD bool verifier_digest_sql(const struct store_shape *source, const struct store_shape *target,
                                       const struct store_shape *side, struct buf *ret_sql,
                                       struct tmv_error *err);
/* The same for sides on which positions differ: each event's ordinal within the range is in its hash instead.
 * The ranges of both sides begin and end at the same events (an anchor of the leg). */
TMV_NODISCARD bool verifier_ordinal_digest_sql(const struct store_shape *source,
                                               const struct store_shape *target,
                                               const struct store_shape *side, struct buf *ret_sql,
                                               struct tmv_error *err);
void verifier_read_digest(const struct pgx_result *result, struct range_digest *ret_digest);
bool range_digest_equal(const struct range_digest *a, const struct range_digest *b);

/* Who is told every difference, not only those that a report has room for. Called from the workers' threads,
 * several at a time when there are several. */
struct verifier_hook {
    void *user;
    void (*difference)(void *user, const char *kind, int64_t position);
};
/* One verification. Pointers are borrowed for the call. */
struct verifier_task {
    const struct endpoints *endpoints;
    enum tmv_verify_level level;
    struct position_span span;
    struct pgx_conn *source, *target; /* the first worker's sessions; others open their own */
    int workers;                      /* pairs of sessions at most; COUNT uses one */
    double sample_percent;            /* 0: everything */
    int64_t sample_seed;
    bool whole; /* the span is meant to hold all of the tenant's events up to its end: the total is compared
                   too */
    const struct verifier_hook *hook; /* NULL: nobody */
};
/* Verifies a span on both ends at once, in ranges, several at a time; fills the report. A range that differs
 * is narrowed down to its events, and verification goes on after it. A difference is a result, not an error.
 * After an error the sessions may be in the middle of a statement: close them. */
TMV_NODISCARD bool verifier_run(const struct verifier_task *task, struct tmv_verify_report *ret_report,
                                struct tmv_error *err);
/* Puts the differences of `part` (ranges that follow, or lie between) into `whole`: counts and names, lowest
 * positions first. Pure. */
void verifier_merge(struct tmv_verify_report *whole, const struct tmv_verify_report *part);

/* Whether a sample takes the block of positions with this number. Pure: the same everywhere, for ever. */
bool verifier_samples_block(int64_t seed, double percent, int64_t block);
