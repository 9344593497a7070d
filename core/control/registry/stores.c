/* The registry of stores. */
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/row.h"
#include "pg/conn.h"
#include "sql_embedded.h"
#include "tenantmv/stores.h"

/* Names travel into routing rows, messages and command lines. */
static bool check_id(const char *id, struct tmv_error *err)
{
    char safe[TMV_NAME_MAX];

    if (!id[0])
        return err_set(err, TMV_ERR_USAGE, "a store needs a name");
    text_copy(safe, sizeof safe, id);
    text_sanitize(safe);
    if (strcmp(safe, id) != 0 || strpbrk(id, " \t'\""))
        return err_set(err, TMV_ERR_USAGE, "a store's name has no spaces, quotes or control characters");
    return true;
}

static bool check_store(struct tmv_control *control, const struct tmv_store_info *store,
                        struct tmv_error *err)
{
    if (!control_check_writable(control, err) || !check_id(store->id, err) ||
        !tmv_conninfo_check(store->conninfo, err))
        return false;
    return store->conninfo[0] || err_set(err, TMV_ERR_USAGE, "store %s needs a connection string", store->id);
}

/* $1 … $9 of the statements that write a store. */
#define STORE_ARGS(control, s)                                                                               \
    PGX_TEXT((s)->id), PGX_TEXT((s)->conninfo),                                                              \
        PGX_TEXT((s)->events_schema[0] ? (s)->events_schema : "public"),                                     \
        PGX_TEXT((s)->events_table[0] ? (s)->events_table : "events"),                                       \
        (s)->identity.system_identifier[0] ? PGX_TEXT((s)->identity.system_identifier) : PGX_NULL,           \
        (s)->identity.database_oid ? PGX_INT((s)->identity.database_oid) : PGX_NULL,                         \
        (s)->identity.events_oid ? PGX_INT((s)->identity.events_oid) : PGX_NULL,                             \
        PGX_TEXT((control)->actor.name), PGX_TEXT((control)->actor.from)

bool tmv_store_add(struct tmv_control *control, const struct tmv_store_info *store, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!check_store(control, store, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_add,
                   PGX_ARGS(STORE_ARGS(control, store)), &result, err))
        return err_wrap(err, "adding store %s", store->id);
    if (pgx_bool(result, 0, 0))
        return true;
    err_set(err, TMV_ERR_REFUSED, "there is a store %s already; nothing was changed", store->id);
    return err_hint(err, "`tenantmv store add %.100s … --replace` changes how it is reached", store->id);
}

bool tmv_store_uses(struct tmv_control *control, const char *id, struct tmv_store_uses *ret_uses,
                    struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_uses, PGX_ARGS(PGX_TEXT(id)), &result,
                   err))
        return err_wrap(err, "looking for users of store %s", id);
    *ret_uses = (struct tmv_store_uses){pgx_int(result, 0, 0), pgx_int(result, 0, 1)};
    return true;
}

static bool in_use(const struct pgx_result *result, int count, const char *id, struct tmv_error *err)
{
    return err_set(err, TMV_ERR_REFUSED, "store %s is in use %lld times, by %s for one", id,
                   (long long)pgx_int(result, 0, count), pgx_text(result, 0, count + 1));
}

static bool unknown_store(const char *id, struct tmv_error *err)
{
    err_set(err, TMV_ERR_NOT_FOUND, "there is no store %s", ARGUMENT(id));
    return err_hint(err, "`tenantmv store list` shows those there are");
}

bool tmv_store_replace(struct tmv_control *control, const struct tmv_store_info *store, bool in_use_too,
                       struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!check_store(control, store, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_replace,
                   PGX_ARGS(STORE_ARGS(control, store), PGX_BOOL(in_use_too)), &result, err))
        return err_wrap(err, "replacing store %s", store->id);
    if (!pgx_bool(result, 0, 0))
        return unknown_store(store->id, err);
    if (pgx_bool(result, 0, 1))
        return true;
    in_use(result, 2, store->id, err);
    return err_hint(err, "its name must be typed to confirm the change");
}

static bool hold_one(struct pgx_conn *conn, const struct tmv_store_info *store, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    const struct tmv_store_identity *known = &store->identity;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_store_hold,
                   PGX_ARGS(PGX_TEXT(store->id), PGX_TEXT(store->conninfo), PGX_TEXT(store->events_schema),
                            PGX_TEXT(store->events_table),
                            known->system_identifier[0] ? PGX_TEXT(known->system_identifier) : PGX_NULL,
                            PGX_INT(known->database_oid),
                            known->events_oid ? PGX_INT(known->events_oid) : PGX_NULL),
                   &row, err))
        return err_wrap(err, "reading store %s", store->id);
    return pgx_rows(row) == 1 ||
           err_set(err, TMV_ERR_CONFLICT, "store %s was replaced in the registry while the tenant moved",
                   store->id);
}

bool control_stores_hold(struct pgx_conn *conn, const struct tmv_store_info *one,
                         const struct tmv_store_info *other, struct tmv_error *err)
{
    bool in_order = strcmp(one->id, other->id) < 0;

    return hold_one(conn, in_order ? one : other, err) && hold_one(conn, in_order ? other : one, err);
}

bool control_store_identify(struct pgx_conn *conn, const struct tmv_store_info *store,
                            const struct tmv_store_identity *identity, const char *who, struct tmv_error *err)
{
    return pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_store_identify,
                     PGX_ARGS(PGX_TEXT(store->id), PGX_TEXT(store->conninfo),
                              PGX_TEXT(identity->system_identifier), PGX_INT(identity->database_oid),
                              identity->events_oid ? PGX_INT(identity->events_oid) : PGX_NULL, PGX_TEXT(who)),
                     NULL, err) ||
           err_wrap(err, "remembering which database store %s is", store->id);
}

static bool environment_names(const char *variable)
{
    const char *value = getenv(variable);

    return value && *value;
}

void tmv_store_own_role(const struct tmv_control *control, struct tmv_store_info *store)
{
    char named[64];
    bool decided = pgx_conninfo_user(store->conninfo, named) || environment_names("PGUSER") ||
                   environment_names("PGSERVICE");

    text_copy(store->role, sizeof store->role, decided ? "" : pgx_user(control->conn));
}

static void read_store(const struct tmv_control *control, const struct pgx_result *result, int row,
                       struct tmv_store_info *store)
{
    row_text(store->id, sizeof store->id, result, row, 0);
    row_text(store->conninfo, sizeof store->conninfo, result, row, 1);
    row_text(store->events_schema, sizeof store->events_schema, result, row, 2);
    row_text(store->events_table, sizeof store->events_table, result, row, 3);
    row_text(store->identity.system_identifier, sizeof store->identity.system_identifier, result, row, 4);
    store->identity.database_oid = pgx_int(result, row, 5);
    store->identity.events_oid = pgx_int(result, row, 6);
    tmv_store_own_role(control, store);
}

bool tmv_store_list(struct tmv_control *control, struct tmv_store_info **ret_stores, size_t *ret_count,
                    struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_store_info *stores;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_list, PGX_ARGS(PGX_NULL), &result,
                   err))
        return err_wrap(err, "listing stores");
    stores = calloc((size_t)pgx_rows(result) + 1, sizeof *stores);
    if (!stores)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(result); row++)
        read_store(control, result, row, &stores[row]);
    *ret_stores = stores;
    *ret_count = (size_t)pgx_rows(result);
    return true;
}

bool tmv_store_get(struct tmv_control *control, const char *id, struct tmv_store_info *ret_store,
                   struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_list, PGX_ARGS(PGX_TEXT(id)), &result,
                   err))
        return err_wrap(err, "reading store %s", id);
    if (pgx_rows(result) == 0)
        return unknown_store(id, err);
    memset(ret_store, 0, sizeof *ret_store);
    read_store(control, result, 0, ret_store);
    return true;
}

bool tmv_store_remove(struct tmv_control *control, const char *id, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!control_check_writable(control, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_remove,
                   PGX_ARGS(PGX_TEXT(id), PGX_TEXT(control->actor.name), PGX_TEXT(control->actor.from)),
                   &result, err))
        return err_wrap(err, "removing store %s", id);
    if (pgx_int(result, 0, 1) > 0)
        return in_use(result, 1, id, err);
    return pgx_bool(result, 0, 0) || unknown_store(id, err);
}

bool tmv_store_tenants(struct tmv_control *control, struct tmv_store_tenants **ret_counts, size_t *ret_count,
                       struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    struct tmv_store_tenants *counts;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_store_tenants, PGX_NONE, &result, err))
        return err_wrap(err, "counting the tenants of each store");
    counts = calloc((size_t)pgx_rows(result) + 1, sizeof *counts);
    if (!counts)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(result); row++) {
        row_text(counts[row].id, sizeof counts[row].id, result, row, 0);
        counts[row].tenants = pgx_int(result, row, 1);
    }
    *ret_counts = counts;
    *ret_count = (size_t)pgx_rows(result);
    return true;
}
