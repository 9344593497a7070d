/* Many cutovers of small tenants under load, several migrations at a time, and nothing but that: what the
 * writers' pause is, and that nothing is lost and nothing refused. Servers are durable here, as the pause
 * waits for the disk. A bed serves twenty tenants; then another one is made. */
#include "test.h"

#include "chaos/modes.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "chaos/course.h"
#include "support/support.h"

#define TENANTS_OF_A_BED 20
#define BED_LIMIT_US (400 * US_PER_S)

/* What a bed hands back: the figures of jobs are too few, so pauses stand in a table of their own. */
struct fleet {
    int tenants, parallel;
    int64_t *pauses; /* shared with the process: one for each tenant, -1 none */
};
enum figure { FLEET_FAILED, FLEET_LOST, FLEET_EVENTS, FLEET_LONGEST_US, FLEET_WRITES };

static void begin_tenant(struct bed *bed, struct writers *writers)
{
    struct bed_tenant *t = bed_add_tenant(bed, 5);

    writers_add(writers, t, WRITER_ROUTER, 20 * US_PER_MS);
    writers_add(writers, t, WRITER_ROUTER, 20 * US_PER_MS);
    if (!bed_begin(bed, t))
        fail_msg("a migration cannot be started");
}

static int64_t pause_of(struct bed *bed, const struct bed_tenant *t)
{
    char id[TMV_UUID_TEXT];

    return support_int(
        bed->on_control,
        "SELECT pause_us FROM tenantmv.cutover_attempt WHERE migration_id = '%s' AND outcome = "
        "'completed'",
        tmv_uuid_format(&t->migration, id));
}

/* One round over the tenants that are on their way; returns how many still are. */
static int tend(struct bed *bed, struct writers *writers, const struct fleet *fleet, bool *over)
{
    int busy = 0;

    for (size_t i = 0; i < bed->tenant_count; i++) {
        struct bed_tenant *t = &bed->tenants[i];

        if (over[i])
            continue;
        if (bed_is(bed, t, "m.phase = 'completed' AND l.engine IS NULL")) {
            over[i] = true;
            fleet->pauses[i] = pause_of(bed, t);
            writers_end(writers, t);
            continue;
        }
        busy++;
        if (bed_is(bed, t, "m.phase = 'dual_write' AND s.ready AND NOT m.is_paused"))
            bed_ask(bed, t, TMV_OP_CUTOVER);
    }
    return busy;
}

static bool run_fleet(const void *what, struct job_result *result)
{
    static struct bed bed;
    static bool over[BED_TENANTS_MAX];
    static struct history_report report;
    const struct fleet *fleet = what;
    const struct bed_options options = {0};
    struct writers_totals totals;

    bed_open(&bed, &options);
    struct writers *writers = writers_new(&bed, NULL);
    writers_add(writers, NULL, WRITER_ROUTER, 20 * US_PER_MS);
    bed_start_worker(&bed, 0, NULL, NULL);
    for (;;) {
        int busy = tend(&bed, writers, fleet, over);

        while (busy < fleet->parallel && (int)bed.tenant_count < fleet->tenants) {
            begin_tenant(&bed, writers);
            busy++;
        }
        if (busy == 0)
            break;
        stop_sleep(NULL, 50 * US_PER_MS);
    }
    writers_get_totals(writers, &totals);
    writers_stop(writers);
    if (!bed_end_workers(&bed))
        fail_msg("the worker does not end");
    bed_judge(&bed, &report);
    history_print(bed.history, &report, stdout);
    result->figures[FLEET_FAILED] = totals.router_failed;
    result->figures[FLEET_WRITES] = totals.router_writes;
    result->figures[FLEET_LONGEST_US] = totals.longest_us;
    result->figures[FLEET_LOST] = (int64_t)report.count;
    result->figures[FLEET_EVENTS] = (int64_t)report.events;
    bed_close(&bed);
    return report.count == 0 && totals.router_failed == 0;
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print_sum(const struct job *jobs, size_t beds, int64_t *pauses, size_t count)
{
    int64_t sums[JOB_FIGURES] = {0}, longest = 0;
    size_t done = 0;

    for (size_t i = 0; i < beds; i++) {
        for (int k = 0; k < JOB_FIGURES; k++)
            sums[k] += jobs[i].result->figures[k] > 0 ? jobs[i].result->figures[k] : 0;
        if (jobs[i].result->figures[FLEET_LONGEST_US] > longest)
            longest = jobs[i].result->figures[FLEET_LONGEST_US];
    }
    for (size_t i = 0; i < count; i++)
        if (pauses[i] > 0)
            pauses[done++] = pauses[i];
    qsort(pauses, done, sizeof *pauses, by_size);
    printf("{\"cutovers\": %zu, \"pause_us\": {\"p50\": %" PRId64 ", \"p99\": %" PRId64 ", \"max\": %" PRId64
           "}, \"longest_write_us\": %" PRId64 ", \"writes\": %" PRId64 ", \"failed_writes\": %" PRId64
           ", \"events\": %" PRId64 ", \"violations\": %" PRId64 "}\n",
           done, done ? pauses[done / 2] : 0, done ? pauses[done * 99 / 100] : 0, done ? pauses[done - 1] : 0,
           longest, sums[FLEET_WRITES], sums[FLEET_FAILED], sums[FLEET_EVENTS], sums[FLEET_LOST]);
}

bool chaos_cutovers(const struct chaos_options *options)
{
    size_t beds = (options->cutovers + TENANTS_OF_A_BED - 1) / TENANTS_OF_A_BED;
    struct fleet *fleets = calloc(beds, sizeof *fleets);
    struct job *jobs = calloc(beds, sizeof *jobs);
    int64_t *pauses = (int64_t *)(void *)jobs_results(beds * TENANTS_OF_A_BED * sizeof *pauses);

    assert_non_null(fleets);
    assert_non_null(jobs);
    beds_prepare(true);
    for (size_t i = 0; i < beds; i++) {
        size_t left = options->cutovers - i * TENANTS_OF_A_BED;

        fleets[i] = (struct fleet){.tenants = left < TENANTS_OF_A_BED ? (int)left : TENANTS_OF_A_BED,
                                   .parallel = options->parallel,
                                   .pauses = pauses + i * TENANTS_OF_A_BED};
        jobs[i].what = &fleets[i];
        snprintf(jobs[i].name, sizeof jobs[i].name, "cutovers from %zu on", i * TENANTS_OF_A_BED + 1);
    }
    size_t failed = jobs_run(jobs, beds, 1, BED_LIMIT_US, run_fleet);
    print_sum(jobs, beds, pauses, beds * TENANTS_OF_A_BED);
    free(fleets);
    free(jobs);
    return failed == 0;
}
