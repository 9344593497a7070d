#include "screens/health.h"

#include <string.h>

#include "screens/gates.h"

#define LAG_WARN_US INT64_C(60000000)        /* a mirror this far behind will not cut over soon */
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
            return strcmp(snapshot->attempts[i].outcome, "rolled_back") == 0;
    return false;
}

/* Only while it says that it copies: building indexes moves no event either. */
static bool copy_is_stuck(const struct tmv_migration *m)
{
    const struct tmv_sample *last = &m->samples[m->sample_count - 1];

    return m->show == TMV_SHOW_COPY && strncmp(m->step, "copying", 7) == 0 &&
           m->sample_count >= STUCK_SAMPLES && last[1 - STUCK_SAMPLES].events_copied == last->events_copied;
}

/* What is not well with one that runs; "" when nothing is. */
static const char *warning(const struct tmv_snapshot *snapshot, const struct tmv_migration *m)
{
    if (m->paused || m->show == TMV_SHOW_PAUSED)
        return "paused";
    if (m->show == TMV_SHOW_WAITING)
        return "its engine tries again";
    if (m->show == TMV_SHOW_THROTTLED)
        return "throttled";
    if (m->last_error[0] != '\0')
        return "met an error";
    if (m->foreign_sign_at_us > 0 && snapshot->taken_at_us - m->foreign_sign_at_us > FOREIGN_SILENT_US)
        return "another program runs it, and gives no sign";
    if (m->phase == TMV_PHASE_DUAL_WRITE && m->lag_us > LAG_WARN_US)
        return "the mirror is far behind";
    if (gates_unknown(m))
        return "its gates are not known: its engine reports nothing";
    return last_cutover_rolled_back(snapshot, m) ? "its last cutover was rolled back" : "";
}

static enum health judge(const struct tmv_snapshot *snapshot, const struct tmv_migration *m, const char **why)
{
    if (m->show == TMV_SHOW_FAILED && !made_up_for(snapshot, m)) {
        *why = "failed";
        return HEALTH_BAD;
    }
    if (m->show == TMV_SHOW_ORPHAN) {
        *why = "no engine owns it";
        return HEALTH_BAD;
    }
    if (tmv_phase_is_terminal(m->phase))
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

enum health fleet_health(const struct tmv_snapshot *snapshot)
{
    enum health worst = HEALTH_WELL;

    for (size_t i = 0; i < snapshot->migration_count; i++) {
        enum health health = migration_health(snapshot, &snapshot->migrations[i], NULL);
        worst = health > worst ? health : worst;
    }
    return worst;
}
