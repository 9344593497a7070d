/* Keeps reading the control database in a thread of its own, and hands pictures over. It connects to nothing
 * else: what it shows of the stores is what engines recorded there. It survives every lost
 * connection: being cut off is something it reports, never an end.
 */
#pragma once

#include "view/model.h"
#include "view/series.h"
#include "tenantmv/record.h"

struct monitor;

struct monitor_report {
    struct tmv_snapshot *snapshot; /* newer than the last one taken, now the taker's; NULL: no newer one */
    struct tmv_record *record;     /* of the focus, now the taker's; NULL: no newer one */
    struct tmv_audit_entry *log;   /* earlier audit, once after each connecting, now the taker's; NULL none */
    size_t log_count;
    bool connected;
    bool judged; /* `rights` are known: asked for after each connecting, before the first picture */
    struct tmv_rights rights; /* of the role that the console has */
    int64_t offline_since_us; /* monotonic, when not connected */
    char error[400];          /* why not, "" */
    char hint[400];
};

/* Starts it; `wake_fd` (an eventfd) is written at every change. The string is copied. NULL when there is no
 * memory or no thread: see `err`. */
struct monitor *monitor_start(const char *conninfo, int wake_fd, int limit, struct tmv_error *err);
/* The migration whose record is read too, at once and then every few seconds; nil: none. Does not block. */
void monitor_focus(struct monitor *monitor, const struct tmv_uuid *migration);
/* The last hour of a migration, recorded whether pictures are taken or not; false: nothing is known. Does not
 * block.
 */
bool monitor_series(struct monitor *monitor, const struct tmv_uuid *migration, struct series_view *ret_view);
/* What changed since the last call; false: nothing. Does not block. */
bool monitor_take(struct monitor *monitor, struct monitor_report *ret_report);
/* Whether the stores are read too: every second while somebody looks at them, else seldom. Before the first
 * call they are not. Does not block. */
void monitor_watch_stores(struct monitor *monitor, bool often);
/* The stores, when they were read since the last call; false: they were not. The caller frees *ret_stores.
 * `problem` says why they cannot be read, "" when they can: then the list is empty. Does not block. */
bool monitor_take_stores(struct monitor *monitor, struct store_view **ret_stores, size_t *ret_count,
                         char problem[TMV_REASON_MAX]);
/* Ends it. Waits a moment only: a thread that hangs in a dying connection ends by itself. NULL is fine. */
void monitor_stop(struct monitor *monitor);
