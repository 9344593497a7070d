/* Verifies a whole range by its digest. To be replaced by the version that narrows down to events:
 * when you land verifier_hash_range and tmv_verify_stores, delete this file. */
#include "migrate/consistency_verifier.h"
#include "base/cleanup.h"
bool verifier_hash_range(const struct ends *ends, struct pgx_conn *source, struct pgx_conn *target,
                         int64_t from, int64_t to, struct tmv_verify_report *r, int64_t *ret_verified_to,
                         struct tmv_error *err)
{
    AUTO(buf) struct buf a = BUF_INIT(65536);
    AUTO(buf) struct buf b = BUF_INIT(65536);
    AUTO_RESULT struct pgx_result *x = NULL;
    AUTO_RESULT struct pgx_result *y = NULL;
    struct range_digest dx, dy;
    struct pgx_args args = PGX_ARGS(PGX_INT(from), PGX_INT(to), PGX_UUID(&ends->owner.tenant));
    if (!verifier_digest_sql(&ends->source, &ends->target, &ends->source, &a, err) ||
        !verifier_digest_sql(&ends->source, &ends->target, &ends->target, &b, err) ||
        !pgx_send(source, buf_text(&a), args, err) ||
        !pgx_query(target, 60000000, buf_text(&b), args, &y, err) || !pgx_receive(source, 60000000, &x, err))
        return false;
    verifier_read_digest(x, &dx);
    verifier_read_digest(y, &dy);
    *r = (struct tmv_verify_report){.level = TMV_VERIFY_HASH,
                                    .consistent = range_digest_equal(&dx, &dy),
                                    .from_position = from,
                                    .to_position = to,
                                    .events_source = dx.events,
                                    .events_target = dy.events};
    r->differences = !r->consistent;
    *ret_verified_to = r->consistent ? to : from;
    return true;
}
bool tmv_verify_stores(const struct tmv_store_info *source, const struct tmv_store_info *target,
                       const struct tmv_uuid *tenant, enum tmv_verify_level level, int64_t from, int64_t to,
                       struct tmv_verify_report *r, struct tmv_error *err)
{
    static struct ends ends;
    AUTO_CONN struct pgx_conn *a = NULL;
    AUTO_CONN struct pgx_conn *b = NULL;
    int64_t v;
    (void)level;
    ends.owner.tenant = *tenant;
    ends.source_store = *source;
    ends.target_store = *target;
    if (to == 0)
        to = INT64_MAX / 2;
    return ends_connect_source(&ends, "v", &a, err) && ends_connect_target(&ends, "v", &b, err) &&
           store_shape_discover(a, source->events_schema, source->events_table, &ends.source, err) &&
           store_shape_discover(b, target->events_schema, target->events_table, &ends.target, err) &&
           verifier_hash_range(&ends, a, b, from, to, r, &v, err);
}
