#include "move/cutover/resolve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/text.h"
#include "move/tail/tail_source.h"
#include "move/verify/verify_repair.h"
#include "sql_embedded.h"

#define RECOPY_TIMEOUT_US (600 * US_PER_S)
#define REFENCE_TIMEOUT_US (30 * US_PER_S)
#define REFENCE_LOCK_MS "900" /* below the usual deadlock_timeout */

/* ---- the table ---- */

enum epochs { ANY, TARGET_ABOVE, SAME, DIFFERENT };

/* At most one row per pair; what is not here is not understood. */
static const struct {
    enum fence_state source, target;
    enum epochs epochs;
    enum resolve_action action;
    const char *why;
} rules[] = {
    {FENCE_OPEN, FENCE_CLOSED, ANY, RESOLVE_NOTHING, "the tenant is on the source"},
    {FENCE_OPEN, FENCE_ARMED, ANY, RESOLVE_DISARM, "the target was armed for a cutover that did not decide"},
    {FENCE_OPEN, FENCE_OPEN, TARGET_ABOVE, RESOLVE_REFENCE,
     "the source has forgotten that the tenant moved (a failover to a replica that was behind, or a restored "
     "backup)"},
    {FENCE_MOVED, FENCE_OPEN, SAME, RESOLVE_NOTHING, "the tenant is on the target"},
    {FENCE_MOVED, FENCE_ARMED, SAME, RESOLVE_OPEN, "the move is decided and the target not open yet"},
    {FENCE_MOVED, FENCE_ARMED, DIFFERENT, RESOLVE_RECOPY,
     "the target has forgotten the end of the move (a failover to a replica that was behind)"},
    {FENCE_MOVED, FENCE_CLOSED, ANY, RESOLVE_RECOPY,
     "the target has forgotten the end of the move (a failover to a replica that was behind)"},
};

static bool epochs_fit(enum epochs rule, int64_t source, int64_t target)
{
    switch (rule) {
    case ANY:
        return true;
    case TARGET_ABOVE:
        return target > source;
    case SAME:
        return target == source;
    case DIFFERENT:
        return target != source;
    }
    return false;
}

enum resolve_action resolve_judge(const struct resolve_side *source, const struct resolve_side *target,
                                  const char **ret_why)
{
    *ret_why = "the fences of source and target do not fit together";
    if (!source->ours || !target->ours)
        return RESOLVE_STOP;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].source != source->state || rules[i].target != target->state ||
            !epochs_fit(rules[i].epochs, source->epoch, target->epoch))
            continue;
        *ret_why = rules[i].why;
        return rules[i].action;
    }
    return RESOLVE_STOP;
}

bool resolve_read(struct pgx_conn *conn, const struct guard *guard, const struct tmv_uuid *migration,
                  struct resolve_side *ret_side, struct tmv_error *err)
{
    struct fence fence = {0};
    bool found = false;

    if (!guard_read_fence(conn, guard, &fence, &found, err))
        return false;
    *ret_side = (struct resolve_side){.ours = found && tmv_uuid_equal(&fence.migration, migration),
                                      .state = fence.state,
                                      .epoch = fence.placement_epoch};
    return true;
}

/* ---- what is done ---- */

/* One resolution under way. */
struct resolving {
    struct cutover_manager *m;
    struct resolve_side source, target;
    const char *why;
    struct resolution *to;
};

static bool change_target(struct resolving *r, enum fence_state from, enum fence_state to, int64_t epoch,
                          struct tmv_error *err)
{
    const struct fence_change change = {.from = from, .to = to, .from_epoch = epoch, .to_epoch = epoch};
    bool changed;

    if (!guard_change_fence(r->m->tailer->target, r->m->target_guard, &change, &changed, err))
        return false;
    return changed || err_set(err, TMV_ERR_OWNERSHIP, "the target's fence is not %s any more, or not ours",
                              fence_state_name(from));
}

/* Sent with the commit of the events that the target had forgotten. */
static bool arm_again(void *user, struct tailer *t, struct buf *commit, struct tmv_error *err)
{
    struct resolving *r = user;

    (void)t;
    buf_str(commit, ";\n");
    return cutover_arm_sql(r->m->endpoints, r->source.epoch, r->m->tailer->value, commit, err);
}

/* A repair of which the target remembers the beginning and not the end: what it removed lies below the
 * watermark, where a drain does not look, and no fence is armed while its note is there. The fence is closed.
 * On sessions of its own, which are in the middle of a statement when it fails. */
static bool end_repair(const struct resolving *r, struct tmv_error *err)
{
    const struct endpoints *endpoints = r->m->endpoints;
    AUTO_CONN struct pgx_conn *source = NULL;
    AUTO_CONN struct pgx_conn *target = NULL;
    AUTO_FREE struct tmv_verify_report *report = NULL;
    bool noted = false;

    if (!verify_repair_is_noted(r->m->tailer->target, &endpoints->owner.migration, &noted, err))
        return false;
    if (!noted)
        return true;
    report = malloc(sizeof *report);
    if (!report)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!endpoints_connect_source(endpoints, "verify", &source, err) ||
        !endpoints_connect_target(endpoints, "verify", &target, err))
        return false;
    const struct verifier_task task = {.endpoints = endpoints,
                                       .level = TMV_VERIFY_HASH,
                                       .span = {.low = 0, .high = r->m->tailer->watermark},
                                       .source = source,
                                       .target = target,
                                       .workers = 1};
    return verify_repair(&task, report, err);
}

/* The source takes no writes of the tenant any more, so what it has up to its sequence's value is final. */
static bool recopy(struct resolving *r, struct tmv_error *err)
{
    struct tailer *t = r->m->tailer;
    const struct tailer_finish finish = {.run = arm_again, .user = r};
    int64_t value = 0;
    int64_t events = 0;

    if (r->target.state == FENCE_ARMED && !change_target(r, FENCE_ARMED, FENCE_CLOSED, 0, err))
        return false;
    if (!end_repair(r, err) || !tail_read_value(t, &value, err) || !tailer_begin_drain(t, err) ||
        !tailer_drain(t, value, clock_now_us() + RECOPY_TIMEOUT_US, &finish, &events, err) ||
        !change_target(r, FENCE_ARMED, FENCE_OPEN, r->source.epoch, err))
        return err_wrap(err, "bringing the target what it had forgotten");
    r->to->mended = true;
    snprintf(r->to->told, sizeof r->to->told,
             "%s: %" PRId64
             " events were brought again and the target was opened. What it had acknowledged after the "
             "switch and lost with its old server is in no store of ours",
             r->why, events);
    return true;
}

static bool refence_sql(const struct resolving *r, struct buf *ret_sql, struct tmv_error *err)
{
    const struct endpoints *endpoints = r->m->endpoints;
    AUTO(buf) struct buf store = BUF_INIT(1000);
    char key[24], watermark[24], epoch[24], from[24], to[24], migration[60];

    snprintf(key, sizeof key, "%" PRId64, r->m->source_guard->lock_key);
    snprintf(watermark, sizeof watermark, "%" PRId64, r->m->tailer->watermark);
    snprintf(epoch, sizeof epoch, "%" PRId64, endpoints->owner.epoch);
    snprintf(from, sizeof from, "%" PRId64, r->source.epoch);
    snprintf(to, sizeof to, "%" PRId64, r->target.epoch);
    snprintf(migration, sizeof migration, "'%s'", endpoints->migration);
    pgx_literal(&store, endpoints->target_store.id);
    const struct pgx_var vars[] = {
        {"key", key},
        {"watermark", watermark},
        {"owner_epoch", epoch},
        {"from_epoch", from},
        {"to_epoch", to},
        {"tenant_id", endpoints->tenant},
        {"migration", migration},
        {"store", buf_text(&store)},
        {"lock_ms", REFENCE_LOCK_MS},
    };
    return store_sql(ret_sql, sql_resolve_refence, &endpoints->source, vars, ARRAY_LEN(vars), err);
}

/* Under the tenant's exclusive lock, so that no writer is in flight; who comes later learns the new home. */
static bool refence(struct resolving *r, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(8000);
    struct pgx_result *results[2] = {NULL, NULL};

    if (!refence_sql(r, &sql, err))
        return false;
    if (!pgx_script(r->m->lock, REFENCE_TIMEOUT_US, buf_text(&sql), 2, results, err)) {
        pgx_rollback(r->m->lock, REFENCE_TIMEOUT_US);
        return err_wrap(err, "fencing the source again");
    }
    AUTO_RESULT struct pgx_result *strays = results[0];
    AUTO_RESULT struct pgx_result *decided = results[1];
    (void)decided;
    r->to->moved = true;
    r->to->mended = true;
    if (pgx_int(strays, 0, 0) == 0)
        snprintf(r->to->told, sizeof r->to->told,
                 "%s: it is fenced again; nothing was written there meanwhile", r->why);
    else
        snprintf(r->to->told, sizeof r->to->told,
                 "%s: it is fenced again. Meanwhile it accepted %s events, at positions %s to %s, which are "
                 "not on the "
                 "target: look at them, and repeat on the target what is still wanted",
                 r->why, pgx_text(strays, 0, 0), pgx_text(strays, 0, 1), pgx_text(strays, 0, 2));
    return true;
}

static bool stop(const struct resolving *r, struct tmv_error *err)
{
    err_set(err, TMV_ERR_REFUSED, "%s: source %s at epoch %" PRId64 "%s, target %s at epoch %" PRId64 "%s",
            r->why, fence_state_name(r->source.state), r->source.epoch,
            r->source.ours ? "" : " (not of this migration)", fence_state_name(r->target.state),
            r->target.epoch, r->target.ours ? "" : " (not of this migration)");
    return err_hint(
        err, "nothing was touched; look at tenantmv.fence in both stores and find out who changed it, then "
             "resume or abort");
}

static bool act(struct resolving *r, enum resolve_action action, struct tmv_error *err)
{
    switch (action) {
    case RESOLVE_NOTHING:
        return true;
    case RESOLVE_DISARM:
        return change_target(r, FENCE_ARMED, FENCE_CLOSED, 0, err);
    case RESOLVE_OPEN:
        return change_target(r, FENCE_ARMED, FENCE_OPEN, r->source.epoch, err);
    case RESOLVE_RECOPY:
        return recopy(r, err);
    case RESOLVE_REFENCE:
        return refence(r, err);
    case RESOLVE_STOP:
        break;
    }
    return stop(r, err);
}

bool cutover_resolve(struct cutover_manager *m, bool ended, struct resolution *ret_resolution,
                     struct tmv_error *err)
{
    struct resolving r = {.m = m, .to = ret_resolution};

    memset(ret_resolution, 0, sizeof *ret_resolution);
    if (!resolve_read(m->tailer->source, m->source_guard, &m->endpoints->owner.migration, &r.source, err) ||
        !resolve_read(m->tailer->target, m->target_guard, &m->endpoints->owner.migration, &r.target, err))
        return false;
    ret_resolution->moved = r.source.ours && r.source.state == FENCE_MOVED;
    enum resolve_action action = resolve_judge(&r.source, &r.target, &r.why);
    if (ret_resolution->moved && fault_is_mutant("resolve.phase_before_fence")) {
        ret_resolution->moved = false; /* what the phase says, as long as control does not follow */
        action = RESOLVE_DISARM;
    }
    if (action == RESOLVE_STOP && ended)
        return true;
    bool moved = ret_resolution->moved;
    return fault_hit(moved ? "resolve.before_open" : "resolve.before_disarm", err) && act(&r, action, err) &&
           fault_hit(moved ? "resolve.opened" : "resolve.disarmed", err);
}
