#include "store/guard/table_lock.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "sql_embedded.h"

#define LOCK_TIMEOUT_US (30 * US_PER_S)
#define TRY_MS 20

/* Somebody's long transaction holds the table: who? Empty when nobody does any more. */
static bool old_writer(struct pgx_conn *conn, const struct store_shape *shape, char who[200],
                       struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    who[0] = '\0';
    if (!pgx_query(conn, LOCK_TIMEOUT_US, sql_guard_old_writers,
                   PGX_ARGS(PGX_TEXT(shape->events), PGX_INT(TRY_MS)), &result, err))
        return false;
    if (pgx_rows(result) == 0)
        return true;
    if (pgx_int(result, 0, 0) == 0)
        snprintf(who, 200, "prepared transaction '%s'", pgx_text(result, 0, 1));
    else
        snprintf(who, 200, "pid %s (%s), for %s ms", pgx_text(result, 0, 0), pgx_text(result, 0, 2),
                 pgx_text(result, 0, 3));
    return true;
}

/* One try for the table lock inside a savepoint. *ret_got false: refused within its 20 ms. */
static bool try_once(struct pgx_conn *conn, const char *script, bool *ret_got, struct tmv_error *err)
{
    AUTO(buf) struct buf begin = BUF_INIT(1000);
    char limit[24];
    const struct pgx_var vars[] = {{"lock_ms", limit}};

    snprintf(limit, sizeof limit, "%d", TRY_MS);
    if (!pgx_expand(&begin, sql_guard_lock_try, vars, 1, err) ||
        !pgx_script(conn, LOCK_TIMEOUT_US, buf_text(&begin), 0, NULL, err))
        return false;
    *ret_got = pgx_script(conn, LOCK_TIMEOUT_US, script, 0, NULL, err);
    if (*ret_got)
        return true;
    if (!err_is_sqlstate(err, "55P03") && !err_is_sqlstate(err, "40P01"))
        return false;
    return pgx_script(conn, LOCK_TIMEOUT_US, sql_guard_lock_undo, 0, NULL, err);
}

bool table_lock_run(struct pgx_conn *conn, const struct store_shape *shape, const char *script,
                    int64_t patience_us, struct tmv_error *err)
{
    int64_t deadline = clock_now_us() + patience_us;
    unsigned seed = (unsigned)clock_now_us();
    char who[200] = "";

    for (int64_t pause_us = 20 * US_PER_MS;;) {
        bool got = false;

        if (!try_once(conn, script, &got, err) || got)
            return got;
        do {
            if (clock_now_us() > deadline) {
                err_set(err, TMV_ERR_TIMEOUT, "the events table in %s could not be locked for a moment: %s",
                        pgx_place(conn), who[0] ? who : "too many short transactions");
                return err_hint(err, "let that transaction end (or end it), then resume the migration");
            }
            if (!stop_sleep(pgx_stop(conn), pause_us + rand_r(&seed) % (int)pause_us))
                return err_set(err, TMV_ERR_CANCELLED, "stopped");
            if (!old_writer(conn, shape, who, err))
                return false;
        } while (who[0]);
        if (pause_us < 500 * US_PER_MS)
            pause_us *= 2;
    }
}
