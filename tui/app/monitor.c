#include "app/monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/thread.h"

#define LEAST_GAP_US                                                                                         \
    INT64_C(250000) /* between two readings: the screen needs no more, the database neither */
#define CHANGE_WAIT_US INT64_C(1000000)
#define RETRY_FIRST_US INT64_C(250000)
#define RETRY_LAST_US INT64_C(4000000)

struct monitor {
    struct thread thread; /* first: see thread.h */
    char *conninfo;
    int limit;
    struct monitor_report report; /* under the lock; snapshot: the newest not yet taken */
    bool fresh;                   /* the report changed since it was taken */
};

static void monitor_free(struct monitor *monitor)
{
    tmv_snapshot_free(monitor->report.snapshot);
    free(monitor->conninfo);
    free(monitor);
}

static void report_picture(struct monitor *monitor, struct tmv_snapshot *snapshot)
{
    pthread_mutex_lock(&monitor->thread.lock);
    tmv_snapshot_free(monitor->report.snapshot);
    monitor->report = (struct monitor_report){.snapshot = snapshot, .connected = true};
    monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
}

static void report_lost(struct monitor *monitor, const struct tmv_error *err)
{
    struct monitor_report *report = &monitor->report;

    pthread_mutex_lock(&monitor->thread.lock);
    if (report->connected || report->error[0] == '\0')
        report->offline_since_us = thread_now_us();
    report->connected = false;
    snprintf(report->error, sizeof report->error, "%.399s", err->message);
    snprintf(report->hint, sizeof report->hint, "%s", err->hint);
    monitor->fresh = true;
    pthread_mutex_unlock(&monitor->thread.lock);
    thread_wake(&monitor->thread);
}

static void pause_until(struct monitor *monitor, int64_t deadline_us)
{
    pthread_mutex_lock(&monitor->thread.lock);
    while (!monitor->thread.stop && thread_now_us() < deadline_us)
        thread_wait(&monitor->thread, deadline_us);
    pthread_mutex_unlock(&monitor->thread.lock);
}

/* Reads until the connection is lost; true: it was of use at least once. */
static bool follow(struct monitor *monitor, struct tmv_control *control, struct tmv_error *err)
{
    bool any = false;

    while (!thread_stopping(&monitor->thread)) {
        int64_t read_at = thread_now_us();
        struct tmv_snapshot *snapshot = NULL;
        if (!tmv_snapshot_read(control, NULL, monitor->limit, &snapshot, err))
            return any;
        any = true;
        report_picture(monitor, snapshot);
        if (!tmv_control_wait_change(control, CHANGE_WAIT_US, err))
            return any;
        pause_until(monitor, read_at + LEAST_GAP_US);
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
        if (tmv_control_open_read_only(monitor->conninfo, &control, &err) && follow(monitor, control, &err))
            retry_us = RETRY_FIRST_US;
        tmv_control_close(control);
        if (thread_stopping(&monitor->thread))
            break;
        report_lost(monitor, &err);
        pause_until(monitor, thread_now_us() + retry_us);
        retry_us = retry_us * 2 > RETRY_LAST_US ? RETRY_LAST_US : retry_us * 2;
    }
    if (thread_release(&monitor->thread))
        monitor_free(monitor);
    return NULL;
}

struct monitor *monitor_start(const char *conninfo, int wake_fd, int limit)
{
    struct monitor *monitor = calloc(1, sizeof *monitor);

    if (monitor == NULL)
        return NULL;
    monitor->conninfo = strdup(conninfo);
    monitor->limit = limit;
    if (monitor->conninfo == NULL || !thread_start(&monitor->thread, wake_fd, monitor_run)) {
        monitor_free(monitor);
        return NULL;
    }
    return monitor;
}

bool monitor_take(struct monitor *monitor, struct monitor_report *ret_report)
{
    bool fresh;

    pthread_mutex_lock(&monitor->thread.lock);
    fresh = monitor->fresh;
    if (fresh) {
        *ret_report = monitor->report;
        monitor->report.snapshot = NULL;
        monitor->fresh = false;
    }
    pthread_mutex_unlock(&monitor->thread.lock);
    return fresh;
}

void monitor_stop(struct monitor *monitor)
{
    if (monitor == NULL)
        return;
    thread_stop(&monitor->thread);
    if (thread_release(&monitor->thread))
        monitor_free(monitor);
}
