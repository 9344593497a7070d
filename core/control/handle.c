/* The public handle: one connection to a control database whose schema fits this program. */
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "control/row.h"
#include "control/schema.h"
#include "sql_embedded.h"

static void control_auto(struct tmv_control **control)
{
    tmv_control_close(*control);
}

static bool open_control(const char *conninfo, bool read_only, struct tmv_control **ret_control,
                         struct tmv_error *err)
{
    AUTO(control) struct tmv_control *control = calloc(1, sizeof *control);
    struct pgx_options options = {.conninfo = conninfo,
                                  .part = read_only ? "watch" : "control",
                                  .statement_timeout_us = CONTROL_TIMEOUT_US};

    if (!control)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    control->read_only = read_only;
    if (!tmv_conninfo_check(conninfo, err) || !pgx_connect(&options, &control->conn, err))
        return err_wrap(err, "control database");
    if (!control_schema_check(control->conn, err))
        return false;
    if (read_only &&
        !pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_read_only, PGX_NONE, NULL, err))
        return false;
    *ret_control = TAKE(control);
    return true;
}

bool tmv_control_open(const char *conninfo, struct tmv_control **ret_control, struct tmv_error *err)
{
    return open_control(conninfo, false, ret_control, err);
}

bool tmv_control_open_read_only(const char *conninfo, struct tmv_control **ret_control, struct tmv_error *err)
{
    return open_control(conninfo, true, ret_control, err);
}

void tmv_control_set_actor(struct tmv_control *control, const struct tmv_actor *actor)
{
    control->actor = *actor;
}

void tmv_control_close(struct tmv_control *control)
{
    if (!control)
        return;
    pgx_close(control->conn);
    free(control);
}

/* Whatever is waiting is one announcement: the caller reads everything anew anyway. */
static bool take_notifications(struct pgx_conn *conn)
{
    char channel[64];
    char payload[256];
    bool any = false;

    while (pgx_next_notification(conn, channel, payload))
        any = true;
    return any;
}

bool tmv_control_wait_change(struct tmv_control *control, int64_t timeout_us, struct tmv_error *err)
{
    int64_t deadline = clock_now_us() + timeout_us;

    if (!control->listening) {
        /* What changed before this is not announced; the caller is told once, so that it looks. */
        if (!pgx_script(control->conn, CONTROL_TIMEOUT_US, sql_control_listen, 0, NULL, err))
            return err_wrap(err, "waiting for changes");
        control->listening = true;
        return true;
    }
    while (!take_notifications(control->conn)) {
        int64_t left = deadline - clock_now_us();

        if (left <= 0)
            return true;
        if (!pgx_wait_readable(control->conn, left, err))
            return err_wrap(err, "waiting for changes");
    }
    return true;
}
