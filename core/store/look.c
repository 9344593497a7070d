/* A look at a store's server for an operator. What the role may not see stays unknown. */
#include "store/look.h"

#include <string.h>
#include <sys/statvfs.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"
#include "store/shape.h"

static int64_t int_or_unknown(const struct pgx_result *r, int column)
{
    return pgx_is_null(r, 0, column) ? -1 : pgx_int(r, 0, column);
}

/* Only a server on this machine has a directory that we can ask about; PostgreSQL itself cannot tell. */
static void look_at_disk(const char *directory, struct tmv_store_look *look)
{
    struct statvfs fs;

    if (!*directory || statvfs(directory, &fs) != 0)
        return;
    look->disk_free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    look->disk_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
}

static void read_look(const struct pgx_result *r, struct tmv_store_look *look)
{
    look->server_version = (int)pgx_int(r, 0, 0);
    look->standby = pgx_bool(r, 0, 1);
    look->read_only = pgx_bool(r, 0, 2);
    look->guard_ready = pgx_bool(r, 0, 3);
    look->started_at_us = pgx_int(r, 0, 4);
    look->now_us = pgx_int(r, 0, 5);
    look->connections = (int)pgx_int(r, 0, 6);
    look->connections_max = (int)pgx_int(r, 0, 7);
    look->connections_ours = (int)pgx_int(r, 0, 8);
    look->oldest_us = int_or_unknown(r, 9);
    look->oldest_pid = (int)pgx_int(r, 0, 10);
    text_copy(look->oldest_who, sizeof look->oldest_who, pgx_text(r, 0, 11));
    text_sanitize(look->oldest_who);
    look->standbys = (int)pgx_int(r, 0, 12);
    look->synchronous = pgx_bool(r, 0, 13);
    look->replay_us = int_or_unknown(r, 14);
    look->replay_bytes = int_or_unknown(r, 15);
    look->database_bytes = int_or_unknown(r, 16);
    look->events_bytes = int_or_unknown(r, 17);
    look_at_disk(pgx_text(r, 0, 18), look);
    look->commits = int_or_unknown(r, 19);
}

/* A role without rights on our schema sees no figures of it; only a lost connection is an error. */
static bool look_at_guard(struct pgx_conn *conn, int64_t timeout_us, int64_t events_oid,
                          struct tmv_store_look *look, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;

    if (!look->guard_ready)
        return true;
    if (!pgx_query(conn, timeout_us, sql_store_look_guard, PGX_ARGS(PGX_INT(events_oid)), &r, err))
        return pgx_is_usable(conn);
    look->fences_open = (int)pgx_int(r, 0, 0);
    look->fences_shut = (int)pgx_int(r, 0, 1);
    look->fences_moved = (int)pgx_int(r, 0, 2);
    look->rejected = int_or_unknown(r, 3);
    return true;
}

static bool ask(struct pgx_conn *conn, const struct tmv_store_info *store, int64_t timeout_us,
                struct tmv_store_look *look, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    const char *schema = store->events_schema[0] ? store->events_schema : "public";
    const char *table = store->events_table[0] ? store->events_table : "events";
    int64_t asked_us = clock_now_us();

    if (!pgx_script(conn, timeout_us, sql_any_now, 0, NULL, err))
        return false;
    look->answer_us = clock_now_us() - asked_us;
    text_copy(look->place, sizeof look->place, pgx_place(conn));
    text_sanitize(look->place);
    if (!pgx_query(conn, timeout_us, sql_store_look, PGX_ARGS(PGX_TEXT(schema), PGX_TEXT(table)), &r, err))
        return false;
    read_look(r, look);
    return look_at_guard(conn, timeout_us, pgx_int(r, 0, 20), look, err);
}

bool store_look(const struct tmv_store_info *store, const struct stop *stop, int64_t timeout_us,
                struct tmv_store_look *ret_look, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    const struct pgx_options options = {
        .part = "look", .stop = stop, .connect_timeout_us = timeout_us, .statement_timeout_us = timeout_us};
    struct tmv_store_look look = {.oldest_us = -1,
                                  .replay_us = -1,
                                  .replay_bytes = -1,
                                  .disk_free_bytes = -1,
                                  .disk_bytes = -1,
                                  .rejected = -1};

    memset(ret_look, 0, sizeof *ret_look);
    if (!store_connect(store, &options, &conn, err))
        return false;
    if (!ask(conn, store, timeout_us, &look, err))
        return err_wrap(err, "looking at store %s", store->id);
    *ret_look = look;
    return true;
}
