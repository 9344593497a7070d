/* ConsistencyVerifier: COUNT and HASH of position ranges on both ends (design §10). The public call is in
 * tenantmv/verify.h; these are the parts that the coordinator's gate and the cutover's drain use. */
#pragma once

#include "migrate/ends.h"
#include "migrate/position_plan.h"
#include "tenantmv/verify.h"

/* Digest of a range: number of events and a sum of strong hashes (order does not matter, pairs cannot
 * cancel). */
struct range_digest {
    int64_t events;
    char sums[2][48]; /* decimal numerics: sums of the first and second 64 bits of each event's SHA-256 */
};
/* Builds the statement whose one row is the digest of positions ($1, $2] of tenant $3, for the copied columns
 * of both ends, on `side` (source or target shape: same text but for the table). One plan: bounded range of
 * the primary key, OFFSET 0, the tenant filtered outside. */
TMV_NODISCARD bool verifier_digest_sql(const struct store_shape *source, const struct store_shape *target,
                                       const struct store_shape *side, struct buf *ret_sql,
                                       struct tmv_error *err);
void verifier_read_digest(const struct pgx_result *result, struct range_digest *ret_digest);
bool range_digest_equal(const struct range_digest *a, const struct range_digest *b);

/* Verifies a span by HASH on two connections at once, in sub-ranges; fills the report. A sub-range that
 * differs is narrowed down to its events, and verification goes on after it. */
TMV_NODISCARD bool verifier_hash_range(const struct ends *ends, struct pgx_conn *source,
                                       struct pgx_conn *target, const struct position_span *span,
                                       struct tmv_verify_report *ret_report, struct tmv_error *err);
/* Verifies a span by COUNT: events and last version of each stream. */
TMV_NODISCARD bool verifier_count_range(const struct ends *ends, struct pgx_conn *source,
                                        struct pgx_conn *target, const struct position_span *span,
                                        struct tmv_verify_report *ret_report, struct tmv_error *err);
