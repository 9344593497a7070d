/* Where tenants live, as every process reads it. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/row.h"
#include "sql_embedded.h"

bool tmv_routing_register(struct tmv_control *control, const struct tmv_uuid *tenant, const char *store_id,
                          struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char home[TMV_NAME_MAX];
    char id[TMV_UUID_TEXT];

    if (!control_check_writable(control, err))
        return false;
    if (tmv_uuid_is_nil(tenant))
        return err_set(err, TMV_ERR_USAGE, "the nil uuid is no tenant");
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_routing_register,
                   PGX_ARGS(PGX_UUID(tenant), PGX_TEXT(store_id), PGX_TEXT(control->actor.name),
                            PGX_TEXT(control->actor.from)),
                   &result, err))
        return err_wrap(err, "registering a tenant");
    if (pgx_bool(result, 0, 1) || strcmp(pgx_text(result, 0, 2), store_id) == 0)
        return true;
    if (pgx_bool(result, 0, 0)) {
        row_text(home, sizeof home, result, 0, 2);
        err_set(err, TMV_ERR_REFUSED, "tenant %s is registered on store %s already; nothing was changed",
                tmv_uuid_format(tenant, id), *home ? home : "?");
        return err_hint(err, "to move it there: tenantmv start %s --to %.100s", id, store_id);
    }
    err_set(err, TMV_ERR_NOT_FOUND, "there is no store %s", ARGUMENT(store_id));
    return err_hint(err, "add it with `tenantmv store add`");
}

bool tmv_routing_list(struct tmv_control *control, const struct tmv_uuid *tenant,
                      struct tmv_route_info **ret_routes, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    AUTO_FREE struct tmv_route_info *routes = NULL;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_routing_list,
                   PGX_ARGS(tenant ? PGX_UUID(tenant) : PGX_NULL), &result, err))
        return err_wrap(err, "reading routes");
    routes = calloc((size_t)pgx_rows(result) + 1, sizeof *routes);
    if (!routes)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(result); row++) {
        routes[row].tenant = pgx_uuid(result, row, 0);
        row_text(routes[row].store_id, sizeof routes[row].store_id, result, row, 1);
        if (!tmv_routing_state_parse(pgx_text(result, row, 2), &routes[row].state))
            return err_set(err, TMV_ERR_REFUSED, "a routing row has the unknown state %s",
                           pgx_text(result, row, 2));
        routes[row].migration = pgx_uuid(result, row, 3);
    }
    *ret_count = (size_t)pgx_rows(result);
    *ret_routes = TAKE(routes);
    return true;
}
