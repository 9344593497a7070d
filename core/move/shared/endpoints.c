#include "move/shared/endpoints.h"

#include <inttypes.h>
#include <stdio.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "pg/copy.h"
#include "sql_embedded.h"

#define BEGIN_TIMEOUT_US (10 * US_PER_S)

int leg_number(const struct leg *leg)
{
    return leg->number ? leg->number : 1;
}

void endpoints_reverse(const struct endpoints *first, int number, struct endpoints *ret_back)
{
    *ret_back = *first;
    ret_back->leg = (struct leg){.number = number, .mode = LEG_APPEND};
    ret_back->source_store = first->target_store;
    ret_back->target_store = first->source_store;
    ret_back->source = first->target;
    ret_back->target = first->source;
}

const char *endpoints_source_name(const struct endpoints *endpoints)
{
    return leg_number(&endpoints->leg) == BACK_LEG ? "new store" : "source";
}

const char *endpoints_target_name(const struct endpoints *endpoints)
{
    return leg_number(&endpoints->leg) == BACK_LEG ? "old store" : "target";
}

static bool connect_store(const struct endpoints *endpoints, const struct tmv_store_info *store,
                          const char *part, struct pgx_conn **ret_conn, struct tmv_error *err)
{
    const struct pgx_options options = {.part = part,
                                        .migration = endpoints->migration[0] ? endpoints->migration : NULL,
                                        .stop = endpoints->stop};

    return store_connect(store, &options, ret_conn, err);
}

bool endpoints_connect_source(const struct endpoints *endpoints, const char *part, struct pgx_conn **ret_conn,
                              struct tmv_error *err)
{
    return connect_store(endpoints, &endpoints->source_store, part, ret_conn, err)
               ? true
               : err_wrap(err, "%s", endpoints_source_name(endpoints));
}

bool endpoints_connect_target(const struct endpoints *endpoints, const char *part, struct pgx_conn **ret_conn,
                              struct tmv_error *err)
{
    return connect_store(endpoints, &endpoints->target_store, part, ret_conn, err)
               ? true
               : err_wrap(err, "%s", endpoints_target_name(endpoints));
}

bool endpoints_rename(const struct endpoints *endpoints, struct pgx_conn *conn, const char *part,
                      struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(400);
    AUTO(buf) struct buf literal = BUF_INIT(200);
    char name[64];

    snprintf(name, sizeof name, "tenantmv/%s/%s", part, endpoints->migration);
    pgx_literal(&literal, name);
    const struct pgx_var named = {"name", buf_text(&literal)};
    return pgx_expand(&sql, sql_endpoints_rename, &named, 1, err) &&
           pgx_script(conn, BEGIN_TIMEOUT_US, buf_text(&sql), 0, NULL, err);
}

/* One way to begin: whose right it is, and how the applied row is locked. */
struct begin {
    const char *state;
    const char *strength;
    const char *copy; /* sent along, or NULL */
    const char *path; /* pgx_write_path of the connection */
};

static bool begin_sql(const struct endpoints *endpoints, const struct begin *begin, struct buf *ret_sql,
                      struct tmv_error *err)
{
    char pass[TMV_UUID_TEXT + 30];
    char migration[TMV_UUID_TEXT + 10];
    char epoch[24], leg[12];
    char state_literal[40];
    char events[STORE_KEY_SQL];

    snprintf(pass, sizeof pass, "'%s/%" PRId64 "'", endpoints->migration, endpoints->owner.epoch);
    snprintf(migration, sizeof migration, "'%s'", endpoints->migration);
    snprintf(epoch, sizeof epoch, "%" PRId64, endpoints->owner.epoch);
    snprintf(leg, sizeof leg, "%d", leg_number(&endpoints->leg));
    snprintf(state_literal, sizeof state_literal, "'%s'", begin->state);
    const struct pgx_var vars[] = {
        {"pass", pass},
        {"migration", migration},
        {"leg", leg},
        {"owner_epoch", epoch},
        {"state", state_literal},
        {"strength", begin->strength},
        {"events_key", store_key_sql(endpoints->target.relation_oid, events)},
        {"write_path", begin->path},
    };
    if (!pgx_expand(ret_sql, sql_endpoints_begin_target, vars, ARRAY_LEN(vars), err))
        return false;
    if (begin->copy)
        buf_printf(ret_sql, ";\n%s", begin->copy);
    return buf_ok(ret_sql, err);
}

static bool not_ours(const struct endpoints *endpoints, const char *state, struct tmv_error *err)
{
    return err_set(err, TMV_ERR_OWNERSHIP, "the applied row of the %s is not ours, or not %s any more",
                   endpoints_target_name(endpoints), state);
}

bool endpoints_begin_target(const struct endpoints *endpoints, struct pgx_conn *conn, const char *state,
                            bool shared, struct tmv_error *err)
{
    const struct begin begin = {
        .state = state, .strength = shared ? "SHARE" : "UPDATE", .path = pgx_write_path(conn)};
    AUTO(buf) struct buf sql = BUF_INIT(2000);
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!begin_sql(endpoints, &begin, &sql, err) ||
        !pgx_script(conn, BEGIN_TIMEOUT_US, buf_text(&sql), 1, &row, err)) {
        pgx_rollback(conn, BEGIN_TIMEOUT_US);
        return err_wrap(err, "beginning a transaction on the %s", endpoints_target_name(endpoints));
    }
    if (pgx_rows(row) == 1)
        return true;
    pgx_rollback(conn, BEGIN_TIMEOUT_US);
    return not_ours(endpoints, state, err);
}

bool endpoints_begin_copy_in(const struct endpoints *endpoints, struct pgx_conn *conn, const char *state,
                             const char *copy, struct tmv_error *err)
{
    const struct begin begin = {
        .state = state, .strength = "UPDATE", .copy = copy, .path = pgx_write_path(conn)};
    AUTO(buf) struct buf sql = BUF_INIT(64 * 1024);
    int rows = 0;

    if (!begin_sql(endpoints, &begin, &sql, err) ||
        !pgx_begin_copy_in(conn, BEGIN_TIMEOUT_US, buf_text(&sql), &rows, err)) {
        pgx_rollback(conn, BEGIN_TIMEOUT_US);
        return err_wrap(err, "beginning a transaction on the %s", endpoints_target_name(endpoints));
    }
    if (rows == 1)
        return true;
    pgx_copy_abandon(conn, BEGIN_TIMEOUT_US);
    pgx_rollback(conn, BEGIN_TIMEOUT_US);
    return not_ours(endpoints, state, err);
}
