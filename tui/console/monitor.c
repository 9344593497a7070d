#include "console/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/store_views.h"
#include "console/thread.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"

#define LEAST_GAP_US                                                                                         \
    INT64_C(250000)                /* between two readings: the screen needs no more, the database neither */
#define SLICE_US INT64_C(250000)   /* of a wait for changes: so long a new focus may have to wait */
#define SLOW_US INT64_C(1000000)   /* a picture is not older than that, announced changes or not */
#define RECORD_US INT64_C(5000000) /* the same for the record of the focus */
#define STORES_US INT64_C(1000000) /* the same for the stores, while somebody looks at them */
#define STORES_SELDOM_US INT64_C(30000000) /* and while nobody does */
#define TENANTS_US INT64_C(5000000)        /* how many tenants live there is counted so often at most */
#define SHARE 10                           /* a reading may take one part in so many of the time */
#define MOST_GAP_US                                                                                          \
    INT64_C(1000000) /* but one slow reading is no reason to look away: a cutover waits for the picture */
#define LOG_MAX 2000 /* audit rows that are read once after connecting */
#define RETRY_FIRST_US INT64_C(250000)
#define RETRY_LAST_US INT64_C(4000000)

struct monitor {
    struct thread thread; /* first: see thread.h */
    char *conninfo;
    int limit;
    struct monitor_report report; /* under the lock; snapshot: the newest not yet taken */
    bool fresh;                   /* the report changed since it was taken */
    struct tmv_uuid focus;        /* under the lock */
    struct series_set *series;    /* under the lock; owned */
    struct tmv_uuid recorded;     /* the thread's own: whose record was read last */
    int64_t recorded_us;
    int64_t stores_gap_us;    /* under the lock: between two readings of the stores; 0: they are not read */
    struct store_views views; /* changed by the thread, under the lock */
    char stores_problem[TMV_REASON_MAX]; /* under the lock */
    bool stores_fresh;                   /* under the lock: changed since they were taken */
    int64_t stores_us, tenants_us;       /* the thread's own: when these were read last; 0 never */
};

static void monitor_free(struct monitor *monitor)
{
    tmv_snapshot_free(monitor->report.snapshot);
    tmv_record_free(monitor->report.record);
    free(monitor->report.log);
    store_views_release(&monitor->views);
    series_free(monitor->series);
    free(monitor->conninfo);
    free(monitor);
}

static void report_picture(struct monitor *monitor, struct tmv_snapshot *snapshot)
{
    pthread_mutex_lock(&monitor->thread.lock);
    series_note(monitor->series, snapshot); /* the last change to it: from here on it is only read */
    tmv_snapshot_free(monitor->report.snapshot);
    monitor->report.snapshot = snapshot;
    monitor->report.connected = true;
    monitor->report.error[0] = monitor->report.hint[0] = '\0';
    monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
}

static void report_lost(struct monitor *monitor, const struct tmv_error *err)
{
    struct monitor_report *report = &monitor->report;

    pthread_mutex_lock(&monitor->thread.lock);
    if (report->connected || report->error[0] == '\0')
        report->offline_since_us = clock_now_us();
    report->connected = false;
    snprintf(report->error, sizeof report->error, "%.399s", err->message);
    text_copy(report->hint, sizeof report->hint, err->hint);
    monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
}

static void pause_until(struct monitor *monitor, int64_t deadline_us)
{
    pthread_mutex_lock(&monitor->thread.lock);
    while (!monitor->thread.stop && clock_now_us() < deadline_us)
        thread_wait(&monitor->thread, deadline_us);
    pthread_mutex_unlock(&monitor->thread.lock);
}

/* What the role may do, which may have been another when the connection before this one was made. */
static bool judge(struct monitor *monitor, struct tmv_control *control, struct tmv_error *err)
{
    struct tmv_rights rights;

    if (!tmv_control_own_rights(control, &rights, err))
        return false;
    pthread_mutex_lock(&monitor->thread.lock);
    monitor->report.rights = rights;
    monitor->report.judged = monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
    return true;
}

/* The audit from before this console started, or from while it was cut off. */
static bool read_log(struct monitor *monitor, struct tmv_control *control,
                     const struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    int64_t newest = snapshot->event_count > 0 ? snapshot->events[0].id : 0;
    const struct tmv_audit_query query = {.after_id = newest > LOG_MAX ? newest - LOG_MAX : 0,
                                          .limit = LOG_MAX};
    struct tmv_audit_entry *log;
    size_t count;

    if (!tmv_audit_list(control, &query, &log, &count, err))
        return false;
    pthread_mutex_lock(&monitor->thread.lock);
    free(monitor->report.log);
    monitor->report.log = log;
    monitor->report.log_count = count;
    monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    return true;
}

static bool wants_record(struct monitor *monitor, struct tmv_uuid *ret_focus)
{
    pthread_mutex_lock(&monitor->thread.lock);
    *ret_focus = monitor->focus;
    pthread_mutex_unlock(&monitor->thread.lock);
    return !tmv_uuid_is_nil(ret_focus) && (!tmv_uuid_equal(ret_focus, &monitor->recorded) ||
                                           clock_now_us() - monitor->recorded_us >= RECORD_US);
}

/* Reads the focus' record when it is due. One that is gone meanwhile is no error. */
static bool read_record(struct monitor *monitor, struct tmv_control *control, struct tmv_error *err)
{
    struct tmv_record *record = NULL;
    struct tmv_uuid focus;

    if (!wants_record(monitor, &focus))
        return true;
    monitor->recorded = focus;
    monitor->recorded_us = clock_now_us();
    if (!tmv_record_read(control, &focus, &record, err))
        return err->code == TMV_ERR_NOT_FOUND;
    pthread_mutex_lock(&monitor->thread.lock);
    for (size_t i = 0; i < record->sample_count; i++)
        series_add(monitor->series, &focus, &record->samples[i]);
    tmv_record_free(monitor->report.record);
    monitor->report.record = record;
    monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
    return true;
}

static bool wants_stores(struct monitor *monitor)
{
    int64_t gap_us;

    pthread_mutex_lock(&monitor->thread.lock);
    gap_us = monitor->stores_gap_us;
    pthread_mutex_unlock(&monitor->thread.lock);
    return gap_us > 0 && (monitor->stores_us == 0 || clock_now_us() - monitor->stores_us >= gap_us);
}

static void report_stores(struct monitor *monitor, const struct tmv_store_observation *stores, size_t count,
                          const struct tmv_store_tenants *tenants, size_t tenant_count)
{
    pthread_mutex_lock(&monitor->thread.lock);
    store_views_update(&monitor->views, stores, count, tenants, tenant_count);
    monitor->stores_problem[0] = '\0';
    monitor->stores_fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
}

/* What the server refuses to tell leaves the rest of the picture as it is. */
static bool report_no_stores(struct monitor *monitor, const struct tmv_error *err)
{
    if (err->code != TMV_ERR_SQL)
        return false;
    pthread_mutex_lock(&monitor->thread.lock);
    store_views_release(&monitor->views);
    snprintf(monitor->stores_problem, sizeof monitor->stores_problem, "%.250s%s%.140s", err->message,
             err->hint[0] ? ": " : "", err->hint);
    monitor->stores_fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
    return true;
}

/* Reads what engines saw of the stores, when it is due. */
static bool read_stores(struct monitor *monitor, struct tmv_control *control, struct tmv_error *err)
{
    struct tmv_store_observation *stores = NULL;
    struct tmv_store_tenants *tenants = NULL;
    size_t count = 0, tenant_count = 0;
    bool ok, counts;

    if (!wants_stores(monitor))
        return true;
    monitor->stores_us = clock_now_us();
    counts = monitor->tenants_us == 0 || monitor->stores_us - monitor->tenants_us >= TENANTS_US;
    if (counts)
        monitor->tenants_us = monitor->stores_us;
    ok = tmv_store_observations(control, &stores, &count, err) &&
         (!counts || tmv_store_tenants(control, &tenants, &tenant_count, err));
    if (ok)
        report_stores(monitor, stores, count, tenants, tenant_count);
    free(stores);
    free(tenants);
    return ok || report_no_stores(monitor, err);
}

/* Waits until something was announced, or the picture has become old; the focus is served meanwhile. */
static bool wait_for_change(struct monitor *monitor, struct tmv_control *control, int64_t read_at_us,
                            struct tmv_error *err)
{
    int64_t until = read_at_us + SLOW_US;

    for (bool changed = false; !changed && clock_now_us() < until && !thread_stopping(&monitor->thread);) {
        int64_t began = clock_now_us();
        if (!read_record(monitor, control, err) || !read_stores(monitor, control, err) ||
            !tmv_control_wait_change(control, SLICE_US, err))
            return false;
        changed = clock_now_us() - began < SLICE_US;
    }
    return true;
}

/* Until the next reading, after one that took so long. */
static int64_t gap_us(int64_t took_us)
{
    int64_t gap = took_us * SHARE > LEAST_GAP_US ? took_us * SHARE : LEAST_GAP_US;

    return gap < MOST_GAP_US ? gap : MOST_GAP_US;
}

/* Reads until the connection is lost; true: it was of use at least once. */
static bool follow(struct monitor *monitor, struct tmv_control *control, struct tmv_error *err)
{
    bool any = false;

    while (!thread_stopping(&monitor->thread)) {
        int64_t read_at = clock_now_us(), took;
        struct tmv_snapshot *snapshot = NULL;
        bool ok = any ? tmv_snapshot_read_brief(control, monitor->limit, &snapshot, err)
                      : tmv_snapshot_read(control, NULL, monitor->limit, &snapshot, err);
        if (!ok)
            return any;
        took = clock_now_us() - read_at;
        if (!any && !read_log(monitor, control, snapshot, err)) {
            tmv_snapshot_free(snapshot);
            return false;
        }
        any = true;
        report_picture(monitor, snapshot);
        if (!wait_for_change(monitor, control, read_at, err))
            return any;
        pause_until(monitor, read_at + took + gap_us(took));
    }
    return any;
}

static void *monitor_run(void *self)
{
    struct monitor *monitor = self;
    int64_t retry_us = RETRY_FIRST_US;

    while (!thread_stopping(&monitor->thread)) {
        struct tmv_control *control = NULL;
        struct tmv_error err = {0};
        if (tmv_control_open_read_only(monitor->conninfo, &control, &err) && judge(monitor, control, &err) &&
            follow(monitor, control, &err))
            retry_us = RETRY_FIRST_US;
        tmv_control_close(control);
        if (thread_stopping(&monitor->thread))
            break;
        report_lost(monitor, &err);
        pause_until(monitor, clock_now_us() + retry_us);
        retry_us = retry_us * 2 > RETRY_LAST_US ? RETRY_LAST_US : retry_us * 2;
    }
    if (thread_release(&monitor->thread))
        monitor_free(monitor);
    return NULL;
}

struct monitor *monitor_start(const char *conninfo, int wake_fd, int limit, struct tmv_error *err)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);

    if (!monitor) {
        err_set(err, TMV_ERR_NOMEM, "out of memory");
        return NULL;
    }
    monitor->conninfo = strdup(conninfo);
    monitor->limit = limit;
    monitor->series = series_new();
    bool ok = (monitor->conninfo && monitor->series) || err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!ok || !thread_start(&monitor->thread, "monitor", wake_fd, monitor_run, err)) {
        monitor_free(monitor);
        return NULL;
    }
    return monitor;
}

void monitor_focus(struct monitor *monitor, const struct tmv_uuid *migration)
{
    pthread_mutex_lock(&monitor->thread.lock);
    monitor->focus = *migration;
    pthread_mutex_unlock(&monitor->thread.lock);
}

bool monitor_series(struct monitor *monitor, const struct tmv_uuid *migration, struct series_view *ret_view)
{
    bool known;

    pthread_mutex_lock(&monitor->thread.lock);
    known = series_read(monitor->series, migration, ret_view);
    pthread_mutex_unlock(&monitor->thread.lock);
    return known;
}

bool monitor_take(struct monitor *monitor, struct monitor_report *ret_report)
{
    bool fresh;

    pthread_mutex_lock(&monitor->thread.lock);
    fresh = monitor->fresh;
    if (fresh) {
        *ret_report = monitor->report;
        monitor->report.snapshot = NULL;
        monitor->report.record = NULL;
        monitor->report.log = NULL;
        monitor->report.log_count = 0;
        monitor->report.judged = false;
        monitor->fresh = false;
    }
    pthread_mutex_unlock(&monitor->thread.lock);
    return fresh;
}

void monitor_watch_stores(struct monitor *monitor, bool often)
{
    pthread_mutex_lock(&monitor->thread.lock);
    monitor->stores_gap_us = often ? STORES_US : STORES_SELDOM_US;
    pthread_mutex_unlock(&monitor->thread.lock);
}

bool monitor_take_stores(struct monitor *monitor, struct store_view **ret_stores, size_t *ret_count,
                         char problem[TMV_REASON_MAX])
{
    struct store_view *stores = NULL;

    pthread_mutex_lock(&monitor->thread.lock);
    if (monitor->stores_fresh)
        stores = malloc((monitor->views.count + 1) * sizeof *stores);
    if (stores) {
        if (monitor->views.count > 0)
            memcpy(stores, monitor->views.list, monitor->views.count * sizeof *stores);
        *ret_stores = stores;
        *ret_count = monitor->views.count;
        text_copy(problem, TMV_REASON_MAX, monitor->stores_problem);
        monitor->stores_fresh = false;
    }
    pthread_mutex_unlock(&monitor->thread.lock);
    return stores;
}

void monitor_stop(struct monitor *monitor)
{
    if (!monitor)
        return;
    thread_stop(&monitor->thread);
    if (thread_release(&monitor->thread))
        monitor_free(monitor);
}
