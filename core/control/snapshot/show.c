#include "control/snapshot/show.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/text.h"
#include "control/snapshot/figures.h"

#define FOREIGN_SILENT_US                                                                                    \
    (60 * US_PER_S) /* a program that works leaves a sign far more often while it copies */

static const char *const names[TMV_SHOW_COUNT] = {
    [TMV_SHOW_PENDING] = "PENDING", [TMV_SHOW_COPY] = "COPY",       [TMV_SHOW_SYNC] = "SYNC",
    [TMV_SHOW_READY] = "READY",     [TMV_SHOW_CUTOVER] = "CUTOVER", [TMV_SHOW_DONE] = "DONE",
    [TMV_SHOW_HOLD] = "HOLD",       [TMV_SHOW_PAUSED] = "PAUSED",   [TMV_SHOW_FAILED] = "FAILED",
    [TMV_SHOW_ABORTED] = "ABORTED", [TMV_SHOW_ORPHAN] = "ORPHAN",   [TMV_SHOW_THROTTLED] = "THROTTLED",
    [TMV_SHOW_WAITING] = "WAITING",
};

const char *tmv_display_state_name(enum tmv_display_state state)
{
    return (unsigned)state < TMV_SHOW_COUNT ? names[state] : "?";
}

/* The word of a phase while an engine (or another program) runs it. */
static enum tmv_display_state running_word(const struct tmv_migration *m, bool ready)
{
    if (m->paused && m->phase != TMV_PHASE_CUTOVER && !tmv_phase_is_terminal(m->phase))
        return TMV_SHOW_PAUSED;
    if (m->waiting_since_us && !tmv_phase_is_terminal(m->phase))
        return TMV_SHOW_WAITING;
    switch (m->phase) {
    case TMV_PHASE_PENDING:
        return TMV_SHOW_PENDING;
    case TMV_PHASE_BULK_COPY:
        return m->throttle[0] ? TMV_SHOW_THROTTLED : TMV_SHOW_COPY;
    case TMV_PHASE_DUAL_WRITE:
        return ready ? TMV_SHOW_READY : TMV_SHOW_SYNC;
    case TMV_PHASE_CUTOVER:
        return TMV_SHOW_CUTOVER;
    case TMV_PHASE_COMPLETED:
        return TMV_SHOW_DONE;
    case TMV_PHASE_ABORTED:
        return TMV_SHOW_ABORTED;
    case TMV_PHASE_FAILED:
    case TMV_PHASE_COUNT:
        break;
    }
    return TMV_SHOW_FAILED;
}

/* Nobody runs it: no engine, or one that is silent. A new one is given the time that an engine needs to see
 * it. */
static bool is_orphan(const struct tmv_migration *m, int64_t now_us)
{
    if (m->generation == 0 || tmv_phase_is_terminal(m->phase))
        return false;
    if (m->owner_age_us >= 0)
        return m->owner_age_us > LEASE_TTL_US;
    if (m->phase == TMV_PHASE_PENDING && m->engine_somewhere)
        return false; /* it is taken up when an engine has a thread for it */
    return m->phase != TMV_PHASE_PENDING || now_us - m->created_at_us > LEASE_TTL_US;
}

/* Whole minutes after the first one: a screen that shows it need not change every second. */
static void silent_words(struct tmv_migration *m)
{
    long long seconds = (long long)(m->owner_age_us / US_PER_S);

    snprintf(m->note, sizeof m->note, "its engine (%s) is silent for %lld %s; another one takes over",
             m->owner, seconds < 60 ? seconds : seconds / 60, seconds < 60 ? "s" : "min");
}

static void orphan(struct tmv_migration *m)
{
    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        if (figure_row((enum tmv_figure)i)->kind == FIGURE_MOMENT)
            *figure_of(m, (enum tmv_figure)i) = -1;
    if (m->owner_age_us >= 0)
        silent_words(m);
    else
        snprintf(m->note, sizeof m->note, "no engine runs it: start a console or `tenantmv worker`");
    text_sanitize(m->note);
}

static int percent(const struct tmv_migration *m)
{
    if (m->phase == TMV_PHASE_COMPLETED || m->phase == TMV_PHASE_CUTOVER || m->phase == TMV_PHASE_DUAL_WRITE)
        return 100;
    if (m->events_total <= 0 || m->events_copied <= 0)
        return 0;
    /* The total is an estimate that may turn out too low: 100 is kept for a copy that is done. */
    if (m->events_copied >= m->events_total)
        return m->bulk_copy_completed_at_us ? 100 : 99;
    return (int)((double)m->events_copied * 100.0 / (double)m->events_total);
}

static void estimate(struct tmv_migration *m)
{
    int64_t left = m->events_total - m->events_copied;
    bool copies = m->phase == TMV_PHASE_BULK_COPY;

    if ((!copies && m->phase != TMV_PHASE_DUAL_WRITE) || m->paused || m->throttle[0]) {
        m->eta_us = -1;
        return;
    }
    if (copies && m->eta_us < 0 && m->rate > 0 && left >= 0)
        m->eta_us = (int64_t)((double)left / (double)m->rate * (double)US_PER_S);
}

const char *show_foreign(const struct tmv_migration *m, int64_t silent_us, int64_t now_us,
                         char text[TMV_REASON_MAX])
{
    bool named = m->created_by[0] != '\0';
    bool silent = m->foreign_sign_at_us > 0 && now_us - m->foreign_sign_at_us >= silent_us;
    char moment[24] = "";

    if (silent)
        clock_format_utc(m->foreign_sign_at_us, moment, sizeof moment);
    snprintf(text, TMV_REASON_MAX, "another program runs it%s%.120s%s%s%s", named ? " (" : "", m->created_by,
             named ? ")" : "", silent ? "; no sign of it since " : "", moment);
    return text_sanitize(text);
}

/* Whose it is comes first: what a person can do about it depends on that. */
static void explain_foreign(struct tmv_migration *m, int64_t now_us)
{
    bool paused = m->show == TMV_SHOW_PAUSED && m->pause_reason[0] != '\0';
    char whose[TMV_REASON_MAX];

    show_foreign(m, FOREIGN_SILENT_US, now_us, whose);
    snprintf(m->note, sizeof m->note, "%.200s%s%.180s", whose, paused ? "; paused: " : "",
             paused ? m->pause_reason : "");
}

static void explain(struct tmv_migration *m, int64_t now_us)
{
    if (m->generation == 0 && !tmv_phase_is_terminal(m->phase))
        explain_foreign(m, now_us);
    else if (m->show == TMV_SHOW_FAILED)
        text_copy(m->note, sizeof m->note, m->last_error);
    else if (m->show == TMV_SHOW_THROTTLED)
        text_copy(m->note, sizeof m->note, m->throttle);
    else if (m->show == TMV_SHOW_PAUSED && m->pause_reason[0])
        snprintf(m->note, sizeof m->note, "paused: %.380s", m->pause_reason);
    else if (m->show == TMV_SHOW_PENDING && m->owner_age_us < 0 && m->engine_somewhere && m->generation != 0)
        text_copy(m->note, sizeof m->note, "waits until an engine has a free place for it");
    text_sanitize(m->note);
}

enum tmv_display_state show_word(const struct tmv_migration *m, bool ready, int64_t now_us)
{
    if (m->phase == TMV_PHASE_COMPLETED && m->held)
        return TMV_SHOW_HOLD;
    return is_orphan(m, now_us) ? TMV_SHOW_ORPHAN : running_word(m, ready);
}

/* Nothing was applied meanwhile: what was behind is behind by as much more, and that is known now. */
static void grow_lag(struct tmv_migration *m, int64_t now_us)
{
    int64_t *measured_us = &m->measured_us[TMV_FIGURE_LAG];

    if (m->show != TMV_SHOW_WAITING || m->lag_us < 0 || *measured_us == 0 || now_us < *measured_us)
        return;
    m->lag_us += now_us - *measured_us;
    *measured_us = now_us;
}

void show_migration(struct tmv_migration *m, bool ready, int64_t now_us)
{
    m->percent = percent(m);
    m->show = show_word(m, ready, now_us);
    if (m->show != TMV_SHOW_WAITING)
        m->waiting_since_us = m->next_try_at_us = 0;
    if (m->phase != TMV_PHASE_BULK_COPY || m->paused || m->show == TMV_SHOW_ORPHAN)
        m->throttle[0] = '\0'; /* nothing is copied that could be held */
    if (m->show == TMV_SHOW_ORPHAN) {
        tmv_migration_age(m, now_us);
        orphan(m);
        return;
    }
    grow_lag(m, now_us);
    tmv_migration_age(m, now_us);
    estimate(m);
    explain(m, now_us);
}
