#include "view/health.h"

#include <string.h>

#include "lib/cleanup.h"
#include "view/gates.h"
#include "view/model.h"

#define SILENT_US INT64_C(10000000)   /* an engine that says nothing for so long keeps nothing current */
#define LAG_WARN_US INT64_C(60000000) /* a mirror this far behind will not cut over soon */
#define FOREIGN_SILENT_US INT64_C(900000000) /* without a sign for so long, its program may be gone */
#define STUCK_SAMPLES 30                     /* seconds in which a copy moved no event */

static bool made_up_for(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *other = &snapshot->migrations[i];
        if (tmv_uuid_equal(&other->tenant, &m->tenant) && other->created_at_us > m->created_at_us)
            return true;
    }
    return false;
}

static bool last_cutover_rolled_back(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    for (size_t i = 0; i < snapshot->attempt_count; i++)
        if (!snapshot->attempts[i].rehearsal && tmv_uuid_equal(&snapshot->attempts[i].migration, &m->id))
            return snapshot->attempts[i].outcome == TMV_ATTEMPT_ROLLED_BACK;
    return false;
}

/* Only while it says that it copies: building indexes moves no event either. */
static bool copy_is_stuck(const struct tmv_migration *m)
{
    const struct tmv_sample *last = &m->samples[m->sample_count - 1];

    return m->show == TMV_SHOW_COPY && strncmp(m->step, "copying", 7) == 0 &&
           m->sample_count >= STUCK_SAMPLES && last[1 - STUCK_SAMPLES].events_copied == last->events_copied;
}

static bool is_paused(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return m->paused || m->show == TMV_SHOW_PAUSED;
}

static bool is_waiting(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return m->show == TMV_SHOW_WAITING;
}

static bool is_throttled(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return m->show == TMV_SHOW_THROTTLED;
}

static bool met_an_error(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return !m->held && m->last_error[0] != '\0'; /* of a completed one it may be of long ago */
}

/* Readers of the store that the tenant has left fall behind. */
static bool old_store_is_stale(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return m->held && (m->owner_age_us < 0 || m->owner_age_us > SILENT_US || m->waiting_since_us > 0 ||
                       m->lag_us > LAG_WARN_US);
}

static bool hold_is_over(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    return m->held && snapshot->taken_at_us > m->hold_until_us;
}

static bool foreign_and_silent(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    return m->foreign_sign_at_us > 0 && snapshot->taken_at_us - m->foreign_sign_at_us > FOREIGN_SILENT_US;
}

static bool far_behind(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return m->phase == TMV_PHASE_DUAL_WRITE && m->lag_us > LAG_WARN_US;
}

/* Only where gates are looked at: in a cutover they are not. */
static bool engine_is_mute(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    (void)snapshot;
    return m->phase == TMV_PHASE_DUAL_WRITE && gates_unknown(m);
}

/* What is not well with one that runs; the first that holds is told. docs/watching.md and the help of `watch`
 * list them all (the lint suite compares). */
static const struct {
    bool (*holds)(const struct tmv_snapshot *snapshot, const struct tmv_migration *m);
    const char *why;
} warnings[] = {
    {is_paused, "paused"},
    {is_waiting, "its engine is retrying"},
    {is_throttled, "throttled"},
    {met_an_error, "met an error"},
    {foreign_and_silent, "its program has been silent for over 15 minutes"},
    {far_behind, "its mirror is over a minute behind"},
    {engine_is_mute, "its engine is not reporting"},
    {old_store_is_stale, "its old store is not kept current"},
    {hold_is_over, "the time to keep its old store current is over"},
    {last_cutover_rolled_back, "its last cutover was rolled back"},
};

static const char *warning(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    for (size_t i = 0; i < sizeof warnings / sizeof *warnings; i++)
        if (warnings[i].holds(snapshot, m))
            return warnings[i].why;
    return "";
}

bool migration_is_alert(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    return m->show == TMV_SHOW_ORPHAN || (m->show == TMV_SHOW_FAILED && !made_up_for(snapshot, m));
}

static enum health judge(const struct tmv_snapshot *snapshot, const struct tmv_migration *m, const char **why)
{
    if (migration_is_alert(snapshot, m)) {
        *why = m->show == TMV_SHOW_FAILED ? "failed" : "no engine owns it";
        return HEALTH_BAD;
    }
    if (tmv_phase_is_terminal(m->phase) && !m->held)
        return HEALTH_WELL;
    if (m->sample_count > 0 && copy_is_stuck(m)) {
        *why = "the copy does not move";
        return HEALTH_BAD;
    }
    *why = warning(snapshot, m);
    return **why != '\0' ? HEALTH_WARN : HEALTH_WELL;
}

enum health migration_health(const struct tmv_snapshot *snapshot, const struct tmv_migration *migration,
                             const char **why)
{
    const char *reason = "";
    enum health health = judge(snapshot, migration, &reason);

    if (why)
        *why = reason;
    return health;
}

static int64_t at_least_none(int64_t count)
{
    return count > 0 ? count : 0; /* states change between the statements that count and those that load */
}

int64_t fleet_alerts(const struct tmv_snapshot *snapshot)
{
    return at_least_none(snapshot_count(snapshot, TMV_SHOW_FAILED) - snapshot->superseded) +
           snapshot_count(snapshot, TMV_SHOW_ORPHAN);
}

int64_t fleet_problems(const struct tmv_snapshot *snapshot)
{
    static const enum tmv_display_state waiting[] = {TMV_SHOW_PAUSED, TMV_SHOW_WAITING, TMV_SHOW_THROTTLED};
    int64_t loaded = 0, judged = 0; /* not well; not well by their state alone */
    int64_t by_state = fleet_alerts(snapshot);

    for (size_t i = 0; i < ARRAY_LEN(waiting); i++)
        by_state += snapshot_count(snapshot, waiting[i]);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];

        loaded += migration_health(snapshot, m, NULL) != HEALTH_WELL;
        judged += migration_is_alert(snapshot, m);
        for (size_t k = 0; k < ARRAY_LEN(waiting); k++)
            judged += m->show == waiting[k];
    }
    return loaded + at_least_none(by_state - judged);
}

enum health fleet_health(const struct tmv_snapshot *snapshot)
{
    enum health worst = HEALTH_WELL;

    for (size_t i = 0; i < snapshot->migration_count; i++) {
        enum health health = migration_health(snapshot, &snapshot->migrations[i], NULL);
        worst = health > worst ? health : worst;
    }
    return worst;
}
