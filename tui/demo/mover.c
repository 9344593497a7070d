#include "demo/mover.h"

#include <stdio.h>
#include <string.h>

#include "demo/cancel.h"
#include "demo/process.h"
#include "lib/clock.h"
#include "lib/err.h"

#define TRIES 300         /* a busy machine makes gates turn red again and budgets pass; both cost nothing */
#define LOOK_US 200000    /* between two looks at the control database, when nothing is announced */
#define MIRROR_US 1000000 /* it mirrors for at least so long: lag is measured meanwhile */
#define GAP_MARGIN_US 250000 /* the writers are watched for so long after the cutover */
#define QUIET_US 400000      /* and before it: about as long as a cutover is watched, the margin included */
#define BOUND_US 1800000000  /* for one tenant, and a second more for every thousand events */
#define STUCK_US 900000000   /* nothing moved for so long */

/* One migration under way. */
struct passage {
    const struct mover *mover;
    const struct stage_tenant *tenant;
    size_t number;
    struct tmv_uuid migration;
    int attempts;             /* seen so far: the highest number */
    int64_t moved_us;         /* when something last changed, monotonic */
    int64_t mirrored_us;      /* when dual write was first seen, monotonic; 0 not yet */
    int64_t deadline_us;      /* for all of it, monotonic */
    int64_t generation;       /* of the last look */
    struct tmv_migration now; /* the last look */
};

/* What the writers noticed: their longest gap. */
struct gaps {
    int64_t quiet_us;   /* right before the request */
    int64_t cutover_us; /* from the request until a moment after the outcome */
};

static bool note_attempts(struct passage *p, const struct tmv_snapshot *snapshot, const struct gaps *gaps,
                          struct tmv_error *err)
{
    int highest = p->attempts;

    for (size_t i = snapshot->attempt_count; i-- > 0;) { /* oldest first */
        const struct tmv_attempt *a = &snapshot->attempts[i];
        struct report_cutover cutover = {
            .attempt = *a, .writer_gap_us = gaps->cutover_us, .quiet_gap_us = gaps->quiet_us};

        if (!tmv_uuid_equal(&a->migration, &p->migration) || a->rehearsal || a->number <= p->attempts ||
            a->outcome == TMV_ATTEMPT_RUNNING)
            continue;
        if (!report_add_cutover(p->mover->report, &cutover, err))
            return false;
        if (a->number > highest)
            highest = a->number;
    }
    p->attempts = highest;
    return true;
}

/* An engine pauses what it cannot go on with, and nobody is there who would resume it. */
static bool is_alive(const struct tmv_migration *m, struct tmv_error *err)
{
    if (m->paused)
        return err_set(err, TMV_ERR_REFUSED, "the migration was paused in %s: %.400s",
                       tmv_phase_name(m->phase), m->pause_reason);
    if (m->phase == TMV_PHASE_FAILED || m->phase == TMV_PHASE_ABORTED)
        return err_set(err, TMV_ERR_REFUSED, "the migration %s: %.400s", tmv_phase_name(m->phase),
                       m->last_error[0] ? m->last_error : m->note);
    return true;
}

/* Looks once. With `gaps`, attempts that ended since the last look are recorded with them. */
static bool look(struct passage *p, const struct gaps *gaps, struct tmv_error *err)
{
    struct tmv_snapshot *snapshot = NULL;
    bool found = false, ok;

    if (!tmv_snapshot_read(p->mover->control, &p->tenant->id, 10, &snapshot, err))
        return false;
    for (size_t i = 0; i < snapshot->migration_count && !found; i++) {
        found = tmv_uuid_equal(&snapshot->migrations[i].id, &p->migration);
        if (found)
            p->now = snapshot->migrations[i];
    }
    ok = !gaps || note_attempts(p, snapshot, gaps, err);
    tmv_snapshot_free(snapshot);
    if (!ok)
        return false;
    if (!found)
        return err_set(err, TMV_ERR_NOT_FOUND, "the migration is not in the control database any more");
    if (p->now.generation != p->generation || p->moved_us == 0)
        p->moved_us = clock_now_us();
    p->generation = p->now.generation;
    return is_alive(&p->now, err);
}

/* Waits for the next change. */
static bool pause_and_look(struct passage *p, struct tmv_error *err)
{
    int64_t before = p->now.events_copied + p->now.watermark + p->now.verified_to;

    if (cancel_asked())
        return err_set(err, TMV_ERR_CANCELLED, "stopped by a signal");
    if (!tmv_control_wait_change(p->mover->control, LOOK_US, err) || !look(p, NULL, err))
        return false;
    if (p->now.events_copied + p->now.watermark + p->now.verified_to != before)
        p->moved_us = clock_now_us();
    if (clock_now_us() - p->moved_us > STUCK_US || clock_now_us() > p->deadline_us)
        return err_set(err, TMV_ERR_TIMEOUT, "the migration does not get on (%s, %s): %.300s",
                       tmv_phase_name(p->now.phase), p->now.step, p->now.note);
    return true;
}

static bool wait_ready(struct passage *p, struct tmv_error *err)
{
    while (p->now.phase != TMV_PHASE_DUAL_WRITE || p->now.show != TMV_SHOW_READY || !p->mirrored_us ||
           clock_now_us() - p->mirrored_us < MIRROR_US) {
        if (!pause_and_look(p, err))
            return false;
        if (p->now.phase == TMV_PHASE_DUAL_WRITE && p->now.lag_us >= 0)
            figures_add(&p->mover->report->lag, p->now.lag_us);
        if (p->now.phase == TMV_PHASE_DUAL_WRITE && !p->mirrored_us)
            p->mirrored_us = clock_now_us();
    }
    return true;
}

static bool wait_command(struct passage *p, const struct tmv_uuid *command, struct tmv_command_info *ret_info,
                         struct tmv_error *err)
{
    for (;;) {
        if (!tmv_command_get(p->mover->control, command, ret_info, err))
            return false;
        if (ret_info->state != TMV_COMMAND_REQUESTED && ret_info->state != TMV_COMMAND_RUNNING)
            return true;
        /* No look at the whole picture here: it would take its time from the pause that is measured. */
        if (cancel_asked())
            return err_set(err, TMV_ERR_CANCELLED, "stopped by a signal");
        if (clock_now_us() > p->deadline_us)
            return err_set(err, TMV_ERR_TIMEOUT, "the cutover has no outcome (%s)",
                           tmv_command_state_name(ret_info->state));
        if (!tmv_control_wait_change(p->mover->control, LOOK_US, err))
            return false;
    }
}

/* Lets the writers go on for a while. */
static bool linger(const struct passage *p, int64_t us, struct tmv_error *err)
{
    int64_t end = clock_now_us() + us;

    for (int64_t left = us; left > 0; left = end - clock_now_us())
        if (!tmv_control_wait_change(p->mover->control, left, err))
            return false;
    return true;
}

/* One request for the cutover. *ret_done: the tenant moved. The gap right before is the machine's own: what a
 * cutover costs is what goes beyond it. */
static bool try_cutover(struct passage *p, bool *ret_done, struct tmv_command_info *ret_info,
                        struct tmv_error *err)
{
    struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = p->migration};
    struct tmv_actor actor = live_actor();
    struct workload *workload = p->mover->live->workload;
    struct tmv_uuid command;
    struct gaps gaps;
    bool ok;

    workload_gap_begin(workload, p->number);
    ok = linger(p, QUIET_US, err);
    gaps.quiet_us = workload_gap_end(workload, p->number);
    if (!ok)
        return false;
    workload_gap_begin(workload, p->number);
    if (tmv_request(p->mover->control, &request, &actor, &command, err))
        ok = wait_command(p, &command, ret_info, err) && linger(p, GAP_MARGIN_US, err);
    else /* on a busy machine the gates may have grown too old meanwhile */
        ok = err->code == TMV_ERR_REFUSED;
    gaps.cutover_us = workload_gap_end(workload, p->number);
    if (!ok || !look(p, &gaps, err))
        return false;
    *ret_done = p->now.phase == TMV_PHASE_COMPLETED;
    return true;
}

static void note_copy(const struct passage *p)
{
    int64_t took = p->now.bulk_copy_completed_at_us - p->now.started_at_us;

    if (p->now.bulk_copy_completed_at_us && took > 0) {
        p->mover->report->copied_events +=
            p->tenant->seeded; /* and some that the writers added, which are not counted */
        p->mover->report->copy_us += took;
    }
}

static bool pass(struct passage *p, struct tmv_error *err)
{
    struct tmv_command_info info = {0};
    bool done = false;

    for (int i = 0; i < TRIES && !done; i++)
        if (!wait_ready(p, err) || !try_cutover(p, &done, &info, err))
            return false;
    note_copy(p);
    return done || err_set(err, TMV_ERR_REFUSED, "%d cutovers did not succeed; the last was %s: %.300s",
                           TRIES, tmv_command_state_name(info.state), info.outcome);
}

bool mover_run(const struct mover *mover, const struct stage_tenant *tenant, size_t number,
               struct tmv_error *err)
{
    struct passage p = {.mover = mover, .tenant = tenant, .number = number};
    struct tmv_start_options start = {.tenant = tenant->id, .target = tenant->store};
    struct tmv_actor actor = live_actor();

    tmv_settings_default(&start.settings);
    p.deadline_us = clock_now_us() + BOUND_US + tenant->seeded * 1000;
    workload_set_hot(mover->live->workload, number);
    if (tmv_start(mover->control, &start, &actor, &p.migration, err) && look(&p, NULL, err) && pass(&p, err))
        return true;
    return err_wrap(err, "tenant %s", tenant->name);
}
