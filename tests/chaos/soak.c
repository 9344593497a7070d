/* Many migrations at once, in rounds of some minutes: workers whose fault points strike at random, two
 * operators who ask for anything at any time, writers of every kind. In the end the operators bring
 * everything to an end with workers that behave, and every tenant is judged. */
#include "test.h"

#include "chaos/modes.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "chaos/course.h"
#include "support/support.h"

#define ROUND_US (300 * US_PER_S) /* a bed has room for the tenants of so long */
#define ROUNDS_MAX 300
#define SOAK_WORKERS 2
#define TENANTS_AT_ONCE 4
#define OPERATORS 2
#define PERMILLE 4                       /* of the points reached strike */
#define FINISH_US (240 * US_PER_S)       /* for the end of every migration */
#define STOPPED_US (4 * US_PER_S)        /* so long a stopped worker sleeps */
#define NEW_TENANT_US (2500 * US_PER_MS) /* one more tenant begins to move so often */

struct soak {
    struct bed bed;
    struct writers *writers;
    unsigned seed;   /* as given, for messages */
    unsigned chance; /* state of what is drawn */
    int64_t until_us;
    pthread_mutex_t lock; /* of the two that follow; the bed itself is the main thread's alone */
    size_t migration_count;
    struct tmv_uuid
        migrations[BED_TENANTS_MAX]; /* each tenant's latest migration, for the operators; nil: none */
    atomic_bool operators_stop;
    atomic_int operations;
    int faults;                       /* workers that died or were stopped */
    int64_t stopped_us[SOAK_WORKERS]; /* since when a worker sleeps; 0 not */
    bool ended[BED_TENANTS_MAX];      /* moved: its writers still write to the target */
    int64_t begun_us;
};
static struct soak *soak;

struct round {
    unsigned seed;
    int64_t length_us;
};

/* Rounds that CI repeats: seeds that once failed, with what they found, and one of each shape. */
static const struct {
    unsigned seed;
    const char *why;
} known[] = {
    {1, "the control tables stand in the source's database"},
    {3, "the control tables stand elsewhere"},
};

static int dice(unsigned *seed, int sides)
{
    return (int)(rand_r(seed) % (unsigned)sides);
}

/* ---- operators ---- */

/* Lets the operators know of a tenant's migration. */
static void publish(const struct bed_tenant *t)
{
    pthread_mutex_lock(&soak->lock);
    soak->migrations[t - soak->bed.tenants] = t->migration;
    soak->migration_count = soak->bed.tenant_count;
    pthread_mutex_unlock(&soak->lock);
}

static struct tmv_uuid any_migration(unsigned *seed)
{
    pthread_mutex_lock(&soak->lock);
    struct tmv_uuid migration = soak->migrations[dice(seed, (int)soak->migration_count)];
    pthread_mutex_unlock(&soak->lock);
    return migration;
}

/* Asks over a connection of its own, as another person's program would. */
static void *operator_main(void *arg)
{
    unsigned seed = soak->seed * 31 + (unsigned)(uintptr_t)arg;
    static const enum tmv_operation any[] = {TMV_OP_PAUSE,   TMV_OP_RESUME,   TMV_OP_RESUME, TMV_OP_CUTOVER,
                                             TMV_OP_CUTOVER, TMV_OP_REHEARSE, TMV_OP_VERIFY, TMV_OP_ABORT,
                                             TMV_OP_CUTOVER, TMV_OP_RESUME};
    static const struct tmv_actor people[OPERATORS] = {{.name = "amy", .from = "soak"},
                                                       {.name = "bob", .from = "soak"}};
    struct tmv_control *control = NULL;
    struct tmv_error err;

    assert_done(tmv_control_open(soak->bed.control, &control, &err), &err);
    while (!atomic_load(&soak->operators_stop)) {
        struct tmv_request request = {.operation = any[dice(&seed, (int)ARRAY_LEN(any))],
                                      .migration = any_migration(&seed),
                                      .reason = "soak"};
        struct tmv_uuid id;

        if (!tmv_uuid_is_nil(&request.migration) &&
            tmv_request(control, &request, &people[(uintptr_t)arg], &id, &err))
            atomic_fetch_add(&soak->operations, 1);
        stop_sleep(NULL, (20 + dice(&seed, 200)) * US_PER_MS);
    }
    tmv_control_close(control);
    return NULL;
}

/* ---- workers ---- */

static void start_worker(int number, bool random)
{
    char faults[60];

    snprintf(faults, sizeof faults, "random#%u=%d",
             soak->seed + (unsigned)soak->faults * 101 + (unsigned)number, PERMILLE);
    bed_start_worker(&soak->bed, number, random ? faults : NULL, NULL);
}

static void watch(bool random)
{
    bed_watch_workers(&soak->bed);
    for (int i = 0; i < SOAK_WORKERS; i++) {
        struct bed_worker *w = &soak->bed.workers[i];

        if (!w->pid) {
            if (w->exit_code != BED_FAULT_EXIT)
                fail_msg("seed %u: worker %d ended with code %d", soak->seed, i, w->exit_code);
            soak->faults++;
            start_worker(i, random);
        } else if (w->stopped && !soak->stopped_us[i]) {
            soak->faults++;
            soak->stopped_us[i] = clock_now_us();
        } else if (w->stopped && clock_now_us() - soak->stopped_us[i] > STOPPED_US) {
            soak->stopped_us[i] = 0;
            w->stopped = false;
            kill(w->pid, SIGCONT);
        }
    }
}

/* ---- tenants ---- */

static bool is_over(const struct bed_tenant *t)
{
    return bed_is(&soak->bed, t, "m.phase IN ('completed', 'aborted', 'failed')");
}

static void begin(struct bed_tenant *t)
{
    (void)!bed_begin(&soak->bed, t);
    publish(t);
}

static void add_tenant(void)
{
    struct bed_tenant *t = bed_add_tenant(&soak->bed, 5 + dice(&soak->chance, 10));
    int first = dice(&soak->chance, WRITER_KINDS);

    writers_add(soak->writers, t, WRITER_ROUTER, 60 * US_PER_MS);
    /* Seldom enough that the shared table is free for a moment now and then: the guard needs that. */
    for (int i = 0; i < 2; i++)
        writers_add(soak->writers, t, (enum writer_kind)((first + i * 5) % WRITER_KINDS), 600 * US_PER_MS);
    begin(t);
}

/* A tenant whose migration was aborted begins again; one that moved falls silent; new ones come. */
static void tend(void)
{
    size_t busy = 0;

    for (size_t i = 0; i < soak->bed.tenant_count; i++) {
        struct bed_tenant *t = &soak->bed.tenants[i];

        if (soak->ended[i])
            continue;
        if (!is_over(t)) {
            busy++;
        } else if (bed_is(&soak->bed, t, "m.phase = 'completed'")) {
            soak->ended[i] = true;
            writers_end(soak->writers, t);
        } else if (!bed_is(&soak->bed, t,
                           "EXISTS (SELECT FROM tenantmv.ledger g WHERE g.migration_id = m.id AND "
                           "g.done_at IS NULL)")) {
            begin(t);
        }
    }
    if (busy >= TENANTS_AT_ONCE || soak->bed.tenant_count == BED_TENANTS_MAX ||
        clock_now_us() - soak->begun_us < NEW_TENANT_US)
        return;
    soak->begun_us = clock_now_us();
    add_tenant();
}

/* ---- the end ---- */

static bool all_over(void)
{
    bool over = true;

    for (size_t i = 0; i < soak->bed.tenant_count; i++) {
        const struct bed_tenant *t = &soak->bed.tenants[i];

        if (bed_is(
                &soak->bed, t,
                "m.phase IN ('completed', 'aborted', 'failed') AND (l.engine IS NULL OR (m.phase <> "
                "'completed' "
                "AND clock_timestamp() - l.heartbeat_at > interval '3 s')) AND (m.phase = 'completed' OR NOT "
                "EXISTS (SELECT FROM tenantmv.ledger g WHERE g.migration_id = m.id AND g.done_at IS NULL))"))
            continue;
        over = false;
        if (bed_is(&soak->bed, t, "m.is_paused AND m.phase NOT IN ('completed', 'aborted', 'failed')"))
            bed_ask(&soak->bed, t, TMV_OP_RESUME);
        else if (bed_is(&soak->bed, t, "m.phase = 'dual_write' AND s.ready"))
            bed_ask(&soak->bed, t, i % 3 ? TMV_OP_CUTOVER : TMV_OP_ABORT);
    }
    return over;
}

static void bring_to_an_end(void)
{
    int64_t until = clock_now_us() + FINISH_US;

    for (int i = 0; i < SOAK_WORKERS; i++) {
        bed_kill_worker(&soak->bed, i);
        soak->stopped_us[i] = 0;
        start_worker(i, false);
    }
    while (!all_over()) {
        watch(false);
        if (clock_now_us() > until)
            for (size_t i = 0; i < soak->bed.tenant_count; i++)
                if (!is_over(&soak->bed.tenants[i])) {
                    AUTO_FREE char *now = bed_describe(&soak->bed, &soak->bed.tenants[i]);
                    fail_msg("seed %u: a migration does not end: %s", soak->seed, now);
                }
        stop_sleep(NULL, 150 * US_PER_MS);
    }
}

static bool judge(void)
{
    struct history_report *report = calloc(1, sizeof *report);
    struct writers_totals totals;
    size_t moved = 0;

    assert_non_null(report);
    for (size_t i = 0; i < soak->bed.tenant_count; i++)
        moved += bed_is(&soak->bed, &soak->bed.tenants[i], "m.phase = 'completed'");
    writers_get_totals(soak->writers, &totals);
    writers_stop(soak->writers);
    if (!bed_end_workers(&soak->bed))
        fail_msg("a worker does not end");
    bed_judge(&soak->bed, report);
    history_print(soak->bed.history, report, stdout);
    bool ok = report->count == 0 && totals.router_failed == 0;
    if (totals.router_failed)
        printf("  %" PRId64 " writes failed through the router: %s\n", totals.router_failed, totals.last);
    printf("seed %u: %zu tenants, %zu moved, %d operations, %d workers died or were stopped, %zu events, %zu "
           "acknowledged, %zu refused, %zu unknown (%zu there), %zu violations\n",
           soak->seed, soak->bed.tenant_count, moved, atomic_load(&soak->operations), soak->faults,
           report->events, report->acknowledged, report->refused, report->unknown, report->unknown_there,
           report->count);
    free(report);
    return ok;
}

static bool run_round(const void *what, struct job_result *result)
{
    const struct round *round = what;
    const struct bed_options options = {.elsewhere = round->seed % 3 == 0};
    pthread_t operators[OPERATORS];

    (void)result;
    soak = calloc(1, sizeof *soak);
    assert_non_null(soak);
    soak->seed = soak->chance = round->seed;
    assert_int_equal(pthread_mutex_init(&soak->lock, NULL), 0);
    bed_open(&soak->bed, &options);
    soak->writers = writers_new(&soak->bed, NULL);
    writers_add(soak->writers, NULL, WRITER_ROUTER, 50 * US_PER_MS);
    writers_add(soak->writers, NULL, WRITER_STATEMENTS, 80 * US_PER_MS);
    add_tenant();
    for (int i = 0; i < SOAK_WORKERS; i++)
        start_worker(i, true);
    for (int i = 0; i < OPERATORS; i++)
        assert_int_equal(pthread_create(&operators[i], NULL, operator_main, (void *)(uintptr_t)i), 0);
    soak->until_us = clock_now_us() + round->length_us;
    while (clock_now_us() < soak->until_us) {
        watch(true);
        tend();
        stop_sleep(NULL, 100 * US_PER_MS);
    }
    atomic_store(&soak->operators_stop, true);
    for (int i = 0; i < OPERATORS; i++)
        pthread_join(operators[i], NULL);
    bring_to_an_end();
    bool ok = judge();
    bed_close(&soak->bed);
    return ok;
}

static size_t list_rounds(const struct chaos_options *o, struct round rounds[ROUNDS_MAX])
{
    size_t count = 0;

    if (o->known)
        for (; count < ARRAY_LEN(known); count++)
            rounds[count] = (struct round){.seed = known[count].seed, .length_us = o->soak_us};
    else
        for (int64_t left = o->soak_us; left > 0 && count < ROUNDS_MAX; left -= ROUND_US, count++)
            rounds[count] = (struct round){.seed = o->seed + (unsigned)count,
                                           .length_us = left < ROUND_US ? left : ROUND_US};
    return count;
}

bool chaos_soak(const struct chaos_options *options)
{
    static struct round rounds[ROUNDS_MAX];
    static struct job jobs[ROUNDS_MAX];
    size_t count = list_rounds(options, rounds);

    beds_prepare(false);
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct job){.what = &rounds[i], .show = true};
        snprintf(jobs[i].name, sizeof jobs[i].name, "soak with seed %u%s%s", rounds[i].seed,
                 options->known ? ": " : "", options->known ? known[i].why : "");
    }
    size_t failed = jobs_run(jobs, count, 1, ROUND_US + 2 * FINISH_US, run_round);
    printf("%zu round%s, %zu failed\n", count, count == 1 ? "" : "s", failed);
    return failed == 0;
}
