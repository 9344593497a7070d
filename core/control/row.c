#include "control/row.h"

#include "lib/err.h"
#include "lib/text.h"

void row_text(char *dst, size_t size, const struct pgx_result *result, int row, int column)
{
    text_copy(dst, size, pgx_text(result, row, column));
    text_sanitize(dst);
}

bool row_ownership_lost(const struct owner *owner, struct tmv_error *err)
{
    char id[TMV_UUID_TEXT];

    return err_set(err, TMV_ERR_OWNERSHIP, "this engine no longer owns migration %s (epoch %lld)",
                   tmv_uuid_format(&owner->migration, id), (long long)owner->epoch);
}

bool row_owned(struct pgx_conn *conn, const struct owner *owner, const char *sql, struct pgx_args args,
               struct pgx_result **ret_result, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql, args, &result, err))
        return false;
    if (pgx_rows(result) < 1)
        return err_set(err, TMV_ERR_INTERNAL, "a statement of the owner gave no answer");
    if (!pgx_bool(result, 0, 0))
        return row_ownership_lost(owner, err);
    if (ret_result) {
        *ret_result = result;
        result = NULL;
    }
    return true;
}

bool control_check_writable(const struct tmv_control *control, struct tmv_error *err)
{
    if (!control->read_only)
        return true;
    err_set(err, TMV_ERR_REFUSED, "this is a read-only view: nothing can be changed from here");
    return err_hint(
        err, "use the console or a verb other than `watch`, as a role that may change the control database");
}
