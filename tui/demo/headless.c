#include "demo/headless.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "demo/cancel.h"
#include "demo/checker.h"
#include "demo/mover.h"
#include "demo/process.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "tenantmv/verify.h"

#define WARM_UP_US 1500000
#define LOOK_US 100000

typedef void say_fn(const char *fmt, ...);

/* One run. */
struct headless {
    const struct stage *stage;
    const struct demo_options *options;
    say_fn *say;
    struct demo_report *report;
    struct tmv_control *control;
    struct live live;
};

static void note_problem(struct demo_report *report, const struct tmv_error *err)
{
    if (!report->problem[0])
        text_copy(report->problem, sizeof report->problem, err->message);
}

/* Lets the writers open their connections and get going. */
static bool warm_up(struct headless *h, struct tmv_error *err)
{
    int64_t end = clock_now_us() + WARM_UP_US;
    int64_t left;

    while ((left = end - clock_now_us()) > 0) {
        if (cancel_asked())
            return err_set(err, TMV_ERR_CANCELLED, "stopped by a signal");
        if (!tmv_control_wait_change(h->control, left < LOOK_US ? left : LOOK_US, err))
            return false;
    }
    return true;
}

/* Moves the tenants; stops at the first that does not arrive. */
static bool move_all(struct headless *h, struct tmv_error *err)
{
    struct mover mover = {.control = h->control, .live = &h->live, .report = h->report};

    h->report->wanted = h->options->cutovers;
    if (!warm_up(h, err))
        return false;
    for (int i = 0; i < h->options->cutovers; i++) {
        const struct stage_tenant *t = &h->stage->tenants[i];

        h->say("moving %s (%" PRId64 " events), %d of %d", t->name, t->seeded, i + 1, h->options->cutovers);
        if (!mover_run(&mover, t, (size_t)i, err))
            return false;
        h->report->completed++;
    }
    return true;
}

/* Compares one tenant's journal with the store that its route names. */
static bool check_tenant(struct headless *h, size_t number, struct tmv_error *err)
{
    const struct stage_tenant *t = &h->stage->tenants[number];
    AUTO_FREE struct tmv_route_info *routes = NULL;
    struct check_request request;
    struct check_result result;
    size_t count = 0;
    bool moved;

    if (!tmv_routing_list(h->control, &t->id, &routes, &count, err))
        return false;
    moved = count == 1 && strcmp(routes[0].store_id, t->store) == 0;
    request = (struct check_request){.cluster = moved ? h->stage->dedicated : h->stage->shared,
                                     .database = moved ? t->database : STAGE_SHARED,
                                     .tenant = &t->id,
                                     .journal = journal_path(h->live.journal, number),
                                     .seeded = t->seeded,
                                     .dedicated = moved};
    if (!journal_flush(h->live.journal, number, err) || !checker_run(&request, &result, err))
        return false;
    h->report->events_total += result.events;
    h->report->lost += result.lost;
    h->report->duplicated += result.duplicated;
    h->report->out_of_order += result.out_of_order;
    return true;
}

/* Everything that the source holds of a moved tenant must be on the target: an event that came to the source
 * after the decision is not. */
static bool verify_tenant(struct headless *h, size_t number, struct tmv_error *err)
{
    const struct stage_tenant *t = &h->stage->tenants[number];
    AUTO_FREE struct tmv_verify_report *found = calloc(1, sizeof *found);
    struct tmv_store_info source, target;
    int64_t last = 0;
    bool ok;

    if (!found)
        return err_set(err, TMV_ERR_NOMEM, "no memory for a verification report");
    stage_store(h->stage, NULL, &source);
    stage_store(h->stage, t, &target);
    ok = checker_last_position(h->stage->shared, STAGE_SHARED, &t->id, &last, err);
    const struct tmv_verify_options options = {
        .source = &source, .target = &target, .tenant = t->id, .level = TMV_VERIFY_HASH, .to = last};
    ok = ok && (last == 0 || tmv_verify_stores(&options, found, err));
    if (ok && last > 0) {
        h->report->verify_us += found->duration_us;
        h->report->consistent = h->report->consistent && found->consistent;
    }
    return ok;
}

static bool check_all(struct headless *h, struct tmv_error *err)
{
    h->say("comparing what the writers were told with what the stores hold");
    for (size_t i = 0; i < h->stage->tenant_count; i++) {
        if (cancel_asked())
            return err_set(err, TMV_ERR_CANCELLED, "stopped by a signal");
        if (!check_tenant(h, i, err))
            return false;
    }
    h->say("verifying by hash");
    h->report->consistent = true;
    for (int i = 0; i < h->report->completed; i++)
        if (!verify_tenant(h, (size_t)i, err)) {
            h->report->consistent = false;
            return err_wrap(err, "verifying tenant %s", h->stage->tenants[i].name);
        }
    h->report->checked = true;
    return true;
}

static void take_totals(struct headless *h)
{
    struct workload_totals totals = {0};
    struct tmv_error err = {0};

    live_stop_writers(&h->live, &totals);
    h->report->writes_acknowledged = totals.acknowledged;
    h->report->writes_failed = totals.failed + totals.unknown;
    if (h->report->writes_failed) {
        err_set(&err, TMV_ERR_REFUSED, "%" PRId64 " writes failed; the last: %s", h->report->writes_failed,
                totals.last_failure);
        note_problem(h->report, &err);
    }
}

static void take_peak(struct demo_report *report)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0)
        report->peak_rss_kib = usage.ru_maxrss;
}

bool headless_run(const struct stage *stage, const struct demo_options *options, say_fn *say,
                  struct demo_report *report, struct tmv_error *err)
{
    struct headless h = {.stage = stage, .options = options, .say = say, .report = report};
    bool ok = tmv_control_open(stage->control, &h.control, err) && live_start(stage, options, &h.live, err);

    if (ok && !move_all(&h, err)) {
        ok = err->code != TMV_ERR_CANCELLED;
        note_problem(report, err);
    }
    take_totals(&h);
    if (h.live.engine) {
        tmv_engine_stop(h.live.engine); /* nothing changes from here on */
        h.live.engine = NULL;
    }
    if (ok && !check_all(&h, err)) {
        ok = err->code != TMV_ERR_CANCELLED;
        note_problem(report, err);
    }
    live_stop(&h.live);
    tmv_control_close(h.control);
    take_peak(report);
    return ok;
}
