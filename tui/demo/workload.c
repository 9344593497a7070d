#include "demo/workload.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "demo/business.h"
#include "demo/process.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/thread.h"

#define HOT_SHARE 8           /* all but one of so many appends go to the hot tenant */
#define BATCH_EVERY 16        /* one of so many appends carries several events */
#define BEHIND_MAX_US 1000000 /* a writer that is later than this starts its schedule anew */

/* When a tenant's writers were last answered. */
struct pulse {
    pthread_mutex_t lock;
    int64_t last_us;    /* monotonic; 0 never */
    int64_t longest_us; /* between begin and end */
    bool watched;
};

struct writer {
    struct workload *workload;
    pthread_t thread;
    int number;
    uint64_t random;             /* state of its generator, never 0 */
    struct business_case *cases; /* owned: the stream it is in, one for each tenant */
};

struct workload {
    struct workload_options options;
    struct tmv_uuid *tenants; /* owned */
    struct pulse *pulses;     /* owned, one for each tenant */
    struct writer *writers;   /* owned */
    int started;              /* threads that run */
    int stop_fd;              /* eventfd: readable once the writers shall end */
    atomic_size_t hot;
    atomic_llong acknowledged, failed, unknown;
    pthread_mutex_t failure_lock;
    char last_failure[400];
};

static uint64_t next_random(struct writer *w)
{
    w->random ^= w->random << 13; /* xorshift64, Marsaglia 2003 */
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static void pulse_beat(struct pulse *pulse)
{
    int64_t now;

    pthread_mutex_lock(&pulse->lock);
    now = clock_now_us();
    if (pulse->watched && pulse->last_us && now - pulse->last_us > pulse->longest_us)
        pulse->longest_us = now - pulse->last_us;
    pulse->last_us = now;
    pthread_mutex_unlock(&pulse->lock);
}

void workload_gap_begin(struct workload *w, size_t tenant)
{
    struct pulse *pulse = &w->pulses[tenant];

    pthread_mutex_lock(&pulse->lock);
    pulse->watched = true;
    pulse->longest_us = 0;
    pthread_mutex_unlock(&pulse->lock);
}

int64_t workload_gap_end(struct workload *w, size_t tenant)
{
    struct pulse *pulse = &w->pulses[tenant];
    int64_t longest;

    pthread_mutex_lock(&pulse->lock);
    longest = clock_now_us() - pulse->last_us;
    if (!pulse->last_us || longest < pulse->longest_us)
        longest = pulse->longest_us;
    pulse->watched = false;
    pthread_mutex_unlock(&pulse->lock);
    return longest;
}

void workload_set_hot(struct workload *w, size_t tenant)
{
    atomic_store(&w->hot, tenant);
}

static size_t choose_tenant(struct writer *w)
{
    size_t hot = atomic_load(&w->workload->hot);
    uint64_t random = next_random(w) >> 16;

    if (hot < w->workload->options.tenant_count && random % HOT_SHARE != 0)
        return hot;
    return (size_t)(random / HOT_SHARE) % w->workload->options.tenant_count;
}

static void note_failure(struct workload *w, const struct tmv_error *err)
{
    pthread_mutex_lock(&w->failure_lock);
    snprintf(w->last_failure, sizeof w->last_failure, "%s: %.350s", tmv_code_name(err->code), err->message);
    pthread_mutex_unlock(&w->failure_lock);
}

static void record(struct workload *w, size_t tenant, const struct business_batch *batch,
                   const struct tmv_append_result *result)
{
    struct journal_entry entry = {.stream = batch->stream.aggregate, .kind = batch->stream.aggregate_type};

    for (size_t i = 0; i < batch->count; i++) {
        entry.event = batch->events[i].id;
        entry.known = result;
        entry.version =
            result ? result->version - (int64_t)(batch->count - 1 - i) : batch->expected + 1 + (int64_t)i;
        entry.position = result && i == 0 ? result->position : 0;
        journal_add(w->options.journal, tenant, &entry);
    }
}

static void append_once(struct writer *writer, struct business_batch *batch)
{
    struct workload *w = writer->workload;
    size_t tenant = choose_tenant(writer);
    struct business_case *c = &writer->cases[tenant];
    size_t wanted = next_random(writer) % BATCH_EVERY == 0 ? BUSINESS_BATCH_MAX : 1;
    struct tmv_append_result result = {0};
    struct tmv_error err = {0};
    struct tmv_append append = {.stream = &batch->stream, .events = batch->events};

    business_next(c, &w->tenants[tenant], next_random(writer), wanted, batch);
    append.expected_version = batch->expected ? batch->expected : TMV_EXPECT_NO_STREAM;
    append.count = batch->count;
    if (tmv_router_append(w->options.router, &append, &result, &err)) {
        record(w, tenant, batch, &result); /* before the beat: writing it down is not part of the gap */
        pulse_beat(&w->pulses[tenant]);
        atomic_fetch_add(&w->acknowledged, 1);
        business_confirm(c, batch->count);
        return;
    }
    if (err.code == TMV_ERR_UNKNOWN)
        record(w, tenant, batch, NULL);
    atomic_fetch_add(err.code == TMV_ERR_UNKNOWN ? &w->unknown : &w->failed, 1);
    note_failure(w, &err);
    business_abandon(c);
}

/* Sleeps until `due_us`; false when the writers shall end. */
static bool wait_until(const struct workload *w, int64_t due_us)
{
    struct pollfd fd = {.fd = w->stop_fd, .events = POLLIN};

    for (;;) {
        int64_t left = due_us - clock_now_us();
        struct timespec ts = {0};

        if (left > 0) {
            ts.tv_sec = left / 1000000;
            ts.tv_nsec = left % 1000000 * 1000;
        }
        if (ppoll(&fd, 1, &ts, NULL) > 0)
            return false;
        if (left <= 0)
            return true;
    }
}

static void *writer_main(void *argument)
{
    struct writer *writer = argument;
    struct workload *w = writer->workload;
    AUTO_FREE struct business_batch *batch = calloc(1, sizeof *batch);
    int64_t step = w->options.rate > 0 ? 1000000 * (int64_t)w->options.writers / w->options.rate : 0;
    int64_t due = clock_now_us() + step * writer->number / w->options.writers;

    while (batch && wait_until(w, due)) {
        append_once(writer, batch);
        due += step;
        if (!step || clock_now_us() - due > BEHIND_MAX_US)
            due = clock_now_us();
    }
    return NULL;
}

static void release(struct workload *w)
{
    for (int i = 0; w->writers && i < w->options.writers; i++)
        free(w->writers[i].cases);
    for (size_t i = 0; w->pulses && i < w->options.tenant_count; i++)
        pthread_mutex_destroy(&w->pulses[i].lock);
    if (w->stop_fd >= 0)
        close(w->stop_fd);
    pthread_mutex_destroy(&w->failure_lock);
    free(w->writers);
    free(w->pulses);
    free(w->tenants);
    free(w);
}

static bool allocate(struct workload *w, struct tmv_error *err)
{
    size_t tenants = w->options.tenant_count;
    bool ok;

    w->tenants = calloc(tenants, sizeof *w->tenants);
    w->pulses = calloc(tenants, sizeof *w->pulses);
    w->writers = calloc((size_t)w->options.writers + 1, sizeof *w->writers);
    ok = w->tenants && w->pulses && w->writers;
    for (size_t i = 0; w->pulses && i < tenants; i++)
        lock_init(&w->pulses[i].lock);
    for (int i = 0; ok && i < w->options.writers; i++) {
        w->writers[i].cases = calloc(tenants, sizeof *w->writers[i].cases);
        ok = w->writers[i].cases;
    }
    if (!ok)
        return err_set(err, TMV_ERR_NOMEM, "no memory for %d writers", w->options.writers);
    memcpy(w->tenants, w->options.tenants, tenants * sizeof *w->tenants);
    w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return w->stop_fd >= 0 || err_errno(err, "eventfd");
}

bool workload_start(const struct workload_options *options, struct workload **ret_workload,
                    struct tmv_error *err)
{
    struct workload *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, TMV_ERR_NOMEM, "no memory for a workload");
    w->options = *options;
    w->stop_fd = -1;
    atomic_init(&w->hot, WORKLOAD_NOBODY);
    lock_init(&w->failure_lock);
    if (!allocate(w, err)) {
        release(w);
        return false;
    }
    for (; w->started < options->writers; w->started++) {
        struct writer *writer = &w->writers[w->started];

        writer->workload = w;
        writer->number = w->started;
        memcpy(&writer->random, tmv_uuid_random().bytes, sizeof writer->random);
        writer->random |= 1;
        if (!thread_spawn(&writer->thread, "writer", writer_main, writer, err)) {
            workload_stop(w, NULL);
            return false;
        }
    }
    *ret_workload = w;
    return true;
}

void workload_get_totals(struct workload *w, struct workload_totals *ret_totals)
{
    ret_totals->acknowledged = atomic_load(&w->acknowledged);
    ret_totals->failed = atomic_load(&w->failed);
    ret_totals->unknown = atomic_load(&w->unknown);
    pthread_mutex_lock(&w->failure_lock);
    memcpy(ret_totals->last_failure, w->last_failure, sizeof ret_totals->last_failure);
    pthread_mutex_unlock(&w->failure_lock);
}

void workload_stop(struct workload *w, struct workload_totals *ret_totals)
{
    if (!w)
        return;
    eventfd_write(w->stop_fd, 1);
    for (int i = 0; i < w->started; i++)
        pthread_join(w->writers[i].thread, NULL);
    if (ret_totals)
        workload_get_totals(w, ret_totals);
    release(w);
}
