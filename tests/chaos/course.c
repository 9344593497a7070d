#include "test.h"

#include "chaos/course.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/fault.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "chaos/changes.h"
#include "chaos/outside.h"
#include "support/support.h"

#define COURSE_TIMEOUT_US (120 * US_PER_S)
#define TICK_US (15 * US_PER_MS)
#define ASK_EVERY_US (100 * US_PER_MS)
#define STUCK_US (50 * US_PER_S) /* with a mutant a migration need not end */
#define LATE_US (2 * US_PER_S)   /* for an engine that wakes up late to do its harm */

/* The scenario that the other points come from stands first: a point belongs to the first one that reaches
 * it. */
static const struct scenario all_scenarios[] = {
    {.name = "move",
     .steps = {TMV_OP_VERIFY, TMV_OP_REHEARSE, TMV_OP_PAUSE, TMV_OP_RESUME, TMV_OP_CUTOVER},
     .step_count = 5,
     .streams = 15},
    {.name = "control elsewhere",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .streams = 10,
     .elsewhere = true},
    {.name = "abort", .steps = {TMV_OP_ABORT}, .step_count = 1, .streams = 15},
    {.name = "cutover that rolls back",
     .always = "cutover.after_drain=error",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .streams = 10},
    {.name = "an error before",
     .always = "tail.before_commit#2=error",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .streams = 10},
    {.name = "large history", .steps = {TMV_OP_CUTOVER}, .step_count = 1, .streams = 2300, .only = "copy."},
    {.name = "takeover of a tail",
     .before = "tail.after_commit#2=exit",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "takeover. lease. resolve.",
     .streams = 10},
    {.name = "takeover of an armed target",
     .before = "cutover.drain_committed=exit",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "takeover. resolve. rollback.",
     .streams = 10},
    {.name = "takeover after the decision",
     .before = "cutover.after_decide=exit",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "takeover. resolve. follow. lease.",
     .streams = 10,
     .elsewhere = true},
    {.name = "takeover of an abort",
     .before = "abort.fence_off=exit",
     .steps = {TMV_OP_ABORT},
     .step_count = 1,
     .only = "takeover. abort. phase.",
     .streams = 10},
    {.name = "abort without indexes",
     .before = "copy.after_index_drop=exit",
     .steps = {TMV_OP_ABORT},
     .step_count = 1,
     .only = "abort.indexes_restored copy.",
     .streams = 2300,
     .while_copying = true},
    {.name = "ended by another program", .only = "abort.", .streams = 10, .ended_by_other = true},
    {.name = "ended by another program after the decision",
     .before = "cutover.after_decide=exit",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "follow.",
     .streams = 10,
     .elsewhere = true,
     .ended_by_other = true},
    {.name = "triggers that are not needed any more",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "retire.",
     .streams = 10,
     .until_retired = true},
    {.name = "a store that is kept current",
     .steps = {TMV_OP_CUTOVER, TMV_OP_FINALIZE},
     .step_count = 2,
     .only = "finalize.",
     .streams = 10,
     .hold = true},
    {.name = "takeover of a store that is kept current",
     .before = "follow.settled=exit",
     .steps = {TMV_OP_CUTOVER, TMV_OP_FINALIZE},
     .step_count = 2,
     .only = "tail. takeover. lease.",
     .streams = 10,
     .elsewhere = true,
     .hold = true},
    {.name = "a new partition",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "facts.",
     .streams = 10,
     .change = "partition-both"},
    {.name = "a new column",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "facts.",
     .streams = 10,
     .change = "column-both"},
    {.name = "a store that nobody wrote to",
     .steps = {TMV_OP_CUTOVER},
     .step_count = 1,
     .only = "tail.",
     .unused = true},
};

const struct scenario *scenarios(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(all_scenarios);
    return all_scenarios;
}

/* What runs. One per process. */
struct run {
    const struct course *course;
    const struct scenario *scenario;
    struct job_result *result;
    struct bed bed;
    struct bed_tenant *tenant;
    struct writers *writers;
    struct outside outside;
    struct change change;
    bool writing;       /* the writers were started */
    int newest, faulty; /* numbers of workers */
    size_t step;
    int64_t asked_us;
    bool struck;
    int64_t killed_us, killed_epoch; /* while the next progress is waited for; 0 not */
    char killed_at[60];
};

/* Whether the worker is only stopped while something happens elsewhere. */
static bool is_from_outside(const struct run *r)
{
    return r->outside.fault || change_is(r->course->fault);
}

/* ---- workers ---- */

static void start_next(struct run *r)
{
    const struct course *c = r->course;
    char faults[200] = "";
    int number = ++r->newest;

    if (number < r->faulty)
        text_copy(faults, sizeof faults, r->scenario->before);
    else if (number == r->faulty)
        snprintf(faults, sizeof faults, "%s%s%s%s%s", r->scenario->always ? r->scenario->always : "",
                 r->scenario->always && c->point ? "," : "", c->point ? c->point : "", c->point ? "=" : "",
                 !c->point            ? ""
                 : is_from_outside(r) ? "stop"
                                      : c->fault);
    bed_start_worker(&r->bed, number, faults[0] ? faults : NULL, c->mutant);
}

static void note_kill(struct run *r)
{
    AUTO_FREE char *now = support_text(r->bed.on_control, "SELECT clock_timestamp()");
    char id[TMV_UUID_TEXT];

    if (bed_is(&r->bed, r->tenant, "m.phase IN ('completed', 'aborted', 'failed')"))
        return;
    r->killed_us = clock_now_us();
    text_copy(r->killed_at, sizeof r->killed_at, now);
    r->killed_epoch =
        support_int(r->bed.on_control,
                    "SELECT coalesce((SELECT owner_epoch FROM tenantmv.lease WHERE migration_id = '%s'), 0)",
                    tmv_uuid_format(&r->tenant->migration, id));
}

static void look_for_progress(struct run *r)
{
    char condition[300];

    if (!r->killed_us)
        return;
    snprintf(condition, sizeof condition,
             "l.owner_epoch > %" PRId64 " AND (s.reported_at > '%s' OR m.phase IN ('completed', 'aborted'))",
             r->killed_epoch, r->killed_at);
    if (!bed_is(&r->bed, r->tenant, condition))
        return;
    r->result->figures[COURSE_TAKEOVER_US] = clock_now_us() - r->killed_us;
    r->killed_us = 0;
}

/* The worker stands at its point; it happens, and the worker goes on. */
static void strike_from_outside(struct run *r, struct bed_worker *w)
{
    r->struck = true;
    if (r->outside.fault)
        outside_strike(&r->outside, &r->bed);
    else
        change_strike(&r->change, &r->bed, r->tenant);
    w->stopped = false;
    kill(w->pid, SIGCONT);
}

/* What a worker's end or sleep means. */
static void watch_worker(struct run *r, int i)
{
    struct bed_worker *w = &r->bed.workers[i];

    if (w->stopped && i == r->faulty && is_from_outside(r) && !r->struck)
        strike_from_outside(r, w);
    if (!w->pid && w->exit_code != BED_FAULT_EXIT)
        fail_msg("worker %d ended with code %d", i, w->exit_code);
    if (w->pid && !w->stopped)
        return;
    if (i == r->faulty && !r->struck) {
        r->struck = true;
        if (!w->pid)
            note_kill(r);
    }
    if (i == r->newest)
        start_next(r);
}

static void watch(struct run *r)
{
    char owned[60];

    bed_watch_workers(&r->bed);
    for (int i = 0, count = r->newest; i <= count; i++)
        watch_worker(r, i);
    snprintf(owned, sizeof owned, "l.engine_name = 'worker %d'", r->faulty);
    /* Who retires triggers is not settled by owning: with a second engine the first may never get there. */
    if (r->course->standby && !r->scenario->until_retired && r->newest == r->faulty &&
        bed_is(&r->bed, r->tenant, owned))
        start_next(r);
    look_for_progress(r);
    outside_mend(&r->outside);
    change_continue(&r->change, &r->bed, r->tenant);
}

/* ---- operators ---- */

static bool accomplished(struct run *r, enum tmv_operation op)
{
    char condition[200];

    switch (op) {
    case TMV_OP_PAUSE:
        return bed_is(&r->bed, r->tenant, "m.is_paused");
    case TMV_OP_RESUME:
        return bed_is(&r->bed, r->tenant, "NOT m.is_paused");
    case TMV_OP_CUTOVER:
        return bed_is(&r->bed, r->tenant, "m.phase = 'completed'");
    case TMV_OP_ABORT:
        return bed_is(&r->bed, r->tenant, "m.phase = 'aborted'");
    case TMV_OP_FINALIZE:
        return bed_is(&r->bed, r->tenant, "s.ending = 'finalized'");
    case TMV_OP_VERIFY:
    case TMV_OP_REHEARSE:
    case TMV_OP_START:
    case TMV_OP_COUNT:
        break;
    }
    snprintf(condition, sizeof condition,
             "EXISTS (SELECT FROM tenantmv.command c WHERE c.migration_id = m.id AND c.operation = '%s' AND "
             "c.state = 'done')",
             tmv_operation_name(op));
    return bed_is(&r->bed, r->tenant, condition);
}

static const char *when(const struct run *r, enum tmv_operation op)
{
    if (op == TMV_OP_FINALIZE) /* some events have been carried */
        return "s.ending = 'hold' AND s.verified_to > 0 AND s.lag_us >= 0 AND s.step LIKE 'keeping%'";
    if (op == TMV_OP_CUTOVER || op == TMV_OP_REHEARSE)
        return "m.phase = 'dual_write' AND s.ready";
    return r->scenario->while_copying ? "m.phase IN ('bulk_copy', 'dual_write')" : "m.phase = 'dual_write'";
}

static void end_by_another_program(struct run *r)
{
    const char *phase = r->scenario->before ? "cutover" : "dual_write";
    char id[TMV_UUID_TEXT];

    if (r->scenario->before && r->newest < r->faulty)
        return; /* the one before still lives */
    /* As eventsource-py does it. */
    support_sql(r->bed.on_control,
                "WITH ended AS (UPDATE public.tenant_migrations SET phase = 'aborted' WHERE id = '%s' AND "
                "phase = '%s' RETURNING id) INSERT INTO public.migration_audit_log (migration_id, "
                "event_type, old_phase, new_phase) SELECT id, 'migration_aborted', '%s', 'aborted' "
                "FROM ended",
                tmv_uuid_format(&r->tenant->migration, id), phase, phase);
}

/* Whether the scenario's change was made, or there is none. */
static bool change_is_settled(struct run *r)
{
    if (!r->scenario->change)
        return true;
    if (!r->change.struck && bed_is(&r->bed, r->tenant, "m.phase = 'dual_write' AND s.ready"))
        change_strike(&r->change, &r->bed, r->tenant);
    return change_is_made(&r->change);
}

/* A crash may undo what was asked for, and an error pauses a migration: operators look again and again. */
static void operate(struct run *r)
{
    if (clock_now_us() - r->asked_us < ASK_EVERY_US)
        return;
    r->asked_us = clock_now_us();
    if (r->scenario->ended_by_other)
        end_by_another_program(r);
    if (!r->writing || !change_is_settled(r))
        return;
    while (r->step < r->scenario->step_count && accomplished(r, r->scenario->steps[r->step]))
        r->step++;
    if (change_is_refused(&r->change))
        bed_ask(&r->bed, r->tenant, TMV_OP_ABORT);
    else if (bed_is(&r->bed, r->tenant, "m.is_paused AND m.phase NOT IN ('completed', 'aborted', 'failed')"))
        bed_ask(&r->bed, r->tenant, TMV_OP_RESUME);
    else if (r->step < r->scenario->step_count &&
             bed_is(&r->bed, r->tenant, when(r, r->scenario->steps[r->step])))
        bed_ask(&r->bed, r->tenant, r->scenario->steps[r->step]);
}

static bool has_ended(struct run *r)
{
    if (r->scenario->until_retired && !change_is_refused(&r->change) &&
        !bed_is(&r->bed, r->tenant, "s.retired"))
        return false;
    return bed_is(&r->bed, r->tenant,
                  "m.phase IN ('completed', 'aborted', 'failed') AND s.ending IN ('', 'finalized') AND "
                  "(l.engine IS NULL OR (m.phase <> "
                  "'completed' AND clock_timestamp() - l.heartbeat_at > interval '3 s')) AND (m.phase = "
                  "'completed' OR NOT EXISTS (SELECT FROM tenantmv.ledger g WHERE g.migration_id = m.id AND "
                  "g.done_at IS NULL)) AND NOT EXISTS (SELECT FROM tenantmv.command c WHERE c.migration_id = "
                  "m.id AND c.state IN ('requested', 'running'))");
}

/* Whether the fault has happened: a dead or stopped worker shows it, and so does the worker's trace. */
static bool fault_happened(struct run *r)
{
    const struct course *c = r->course;

    if (!c->point)
        return true;
    if (strcmp(c->fault, "exit") == 0 || strcmp(c->fault, "stop") == 0 || is_from_outside(r))
        return r->struck && change_is_made(&r->change);
    return r->newest >= r->faulty && bed_reached(&r->bed.workers[r->faulty], c->point);
}

/* ---- writers ---- */

/* The first event of a store that nobody wrote to is the tenant's, and has position 1: its writer names a
 * position, so that the column's default takes none, and the guard takes the first. */
static void write_the_first_event(struct run *r)
{
    const struct history_write first = {.event = tmv_uuid_random(),
                                        .stream = tmv_uuid_random(),
                                        .tenant = r->tenant->number,
                                        .kind = "first",
                                        .version = 1};
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT];
    size_t number = history_attempt(r->bed.history, &first);

    support_sql(r->bed.on_source,
                "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, "
                "event_type, tenant_id, version, \"timestamp\", payload) VALUES (0, '%s', '%s', 'Order', "
                "'OrderPlaced', '%s', 1, now(), '{}')",
                tmv_uuid_format(&first.event, event), tmv_uuid_format(&first.stream, stream),
                r->tenant->text);
    history_answer(r->bed.history, number, HISTORY_ACKNOWLEDGED, 1);
}

static void add_writers(struct run *r, const enum writer_kind *kinds, size_t count, int64_t pause_us)
{
    for (size_t i = 0; i < count; i++)
        writers_add(r->writers, r->tenant, kinds[i], pause_us);
}

static void start_writers(struct run *r)
{
    static const enum writer_kind few[] = {WRITER_ROUTER, WRITER_INSERT, WRITER_STATEMENTS, WRITER_ASYNC};
    enum writer_kind every[WRITER_KINDS];

    for (int kind = 0; kind < WRITER_KINDS; kind++)
        every[kind] = (enum writer_kind)kind;
    r->writing = true;
    if (r->scenario->unused)
        write_the_first_event(r);
    switch (r->course->writers) {
    case COURSE_FEW_WRITERS:
        add_writers(r, few, ARRAY_LEN(few), 25 * US_PER_MS);
        break;
    case COURSE_EVERY_WRITER:
        add_writers(r, every, WRITER_KINDS, 500 * US_PER_MS); /* the guard needs a free moment now and then */
        break;
    case COURSE_ASYNC_WRITERS:
        writers_add(r->writers, r->tenant, WRITER_ASYNC, 25 * US_PER_MS);
        return;
    }
    writers_add(r->writers, NULL, WRITER_ROUTER, 40 * US_PER_MS);
    writers_add(r->writers, NULL, WRITER_ROWS, 40 * US_PER_MS);
}

/* ---- from the start to the end ---- */

/* What is judged of a mutant's migration that does not end is what stands there then. */
static void drive(struct run *r)
{
    int64_t until = clock_now_us() + (r->course->mutant ? STUCK_US : COURSE_TIMEOUT_US);

    for (;;) {
        watch(r);
        if (!r->writing && bed_is(&r->bed, r->tenant, "m.phase = 'dual_write' AND s.ready"))
            start_writers(r);
        operate(r);
        bool ended = has_ended(r);
        if (ended && r->newest >= r->faulty && fault_happened(r) && !r->killed_us)
            return;
        if (clock_now_us() > until && r->course->mutant)
            return;
        if (clock_now_us() > until) {
            AUTO_FREE char *now = bed_describe(&r->bed, r->tenant);
            fail_msg("%s: %s", ended ? "the fault point was not reached" : "the migration did not end", now);
        }
        stop_sleep(NULL, TICK_US);
    }
}

/* ---- afterwards ---- */

static int64_t size_of(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* An engine that was stopped wakes up long after another one finished: it must change nothing. */
static void wake_late_engine(struct run *r)
{
    struct bed_worker *w = &r->bed.workers[r->faulty];

    if (!w->pid || !w->stopped)
        return;
    AUTO_FREE char *before = bed_fingerprint(&r->bed);
    int64_t said = size_of(w->log);
    int64_t until = clock_now_us() + LATE_US;
    kill(w->pid, SIGCONT);
    while (clock_now_us() < until && size_of(w->log) == said)
        stop_sleep(NULL, TICK_US);
    if (!bed_end_workers(&r->bed))
        fail_msg("a worker does not end");
    AUTO_FREE char *after = bed_fingerprint(&r->bed);
    if (strcmp(before, after) != 0)
        fail_msg("the late engine changed something:\n%s\n%s", before, after);
}

static bool conclude(struct run *r)
{
    struct history_report *report = calloc(1, sizeof *report);
    struct writers_totals totals;

    assert_non_null(report);
    writers_get_totals(r->writers, &totals);
    writers_stop(r->writers);
    wake_late_engine(r);
    if (!bed_end_workers(&r->bed))
        fail_msg("a worker does not end");
    outside_close(&r->outside);
    change_close(&r->change);
    bed_judge(&r->bed, report);
    r->result->figures[COURSE_EVENTS] = (int64_t)report->events;
    r->result->figures[COURSE_RULES] = 0;
    for (int rule = 0; rule < HISTORY_RULE_COUNT; rule++)
        if (history_broke(report, (enum history_rule)rule))
            r->result->figures[COURSE_RULES] |= INT64_C(1) << rule;
    history_print(r->bed.history, report, stdout);
    bool ok = report->count == 0;
    if (totals.router_failed && !outside_hurts_writers(r->course->fault) && !r->change.kind) {
        printf("  %" PRId64 " writes failed through the router: %s\n", totals.router_failed, totals.last);
        ok = false;
    }
    if (!ok) {
        AUTO_FREE char *now = bed_describe(&r->bed, r->tenant);
        printf("  %s\n", now);
    }
    free(report);
    return ok;
}

static void read_trace(struct run *r, bool *traced)
{
    size_t count = 0;
    const char *const *points = fault_points(&count);

    for (size_t i = 0; i < count; i++)
        traced[i] = bed_reached(&r->bed.workers[r->faulty], points[i]);
}

bool course_run(const struct course *course, struct job_result *result, bool *traced)
{
    static struct run r;
    const char *change = course->scenario->change ? course->scenario->change : course->fault;
    const struct bed_options options = {.elsewhere = course->scenario->elsewhere,
                                        .empty = course->scenario->unused,
                                        .partitioned = change_is_partitioned(change)};

    memset(&r, 0, sizeof r);
    r.course = course;
    r.scenario = course->scenario;
    r.result = result;
    r.newest = -1;
    r.faulty = course->scenario->before ? 1 : 0;
    outside_prepare(&r.outside, course->fault);
    bed_open(&r.bed, &options);
    r.tenant = bed_add_tenant(&r.bed, course->scenario->streams);
    outside_open(&r.outside, &r.bed);
    change_open(&r.change, change, &r.bed, r.tenant);
    r.writers = writers_new(&r.bed, NULL);
    if (!course->scenario->unused)
        start_writers(&r);
    r.tenant->hold = course->scenario->hold;
    if (!bed_begin(&r.bed, r.tenant))
        fail_msg("the migration cannot be started");
    start_next(&r);
    drive(&r);
    bool ok = conclude(&r);
    if (traced)
        read_trace(&r, traced);
    bed_close(&r.bed);
    return ok;
}
