#include "view/states.h"

#include <stdio.h>

#include "lib/text.h"
#include "widgets/format.h"

static const struct state_look looks[TMV_SHOW_COUNT] = {
    [TMV_SHOW_PENDING] = {"PENDING", "pending", "·", ROLE_STATE_PENDING, 8},
    [TMV_SHOW_COPY] = {"COPY", "copy", "▶", ROLE_STATE_COPY, 7},
    [TMV_SHOW_SYNC] = {"SYNC", "sync", "▶", ROLE_STATE_SYNC, 6},
    [TMV_SHOW_READY] = {"READY", "ready", "◆", ROLE_STATE_READY, 5},
    [TMV_SHOW_CUTOVER] = {"CUTOVER", "cutover", "●", ROLE_STATE_CUTOVER, 2},
    [TMV_SHOW_HOLD] = {"HOLD", "held", "✓", ROLE_STATE_HOLD, 8},
    [TMV_SHOW_DONE] = {"DONE", "done", "✓", ROLE_STATE_DONE, 9},
    [TMV_SHOW_PAUSED] = {"PAUSED", "paused", "‖", ROLE_STATE_PAUSED, 3},
    [TMV_SHOW_FAILED] = {"FAILED", "failed", "✗", ROLE_STATE_FAILED, 0},
    [TMV_SHOW_ABORTED] = {"ABORTED", "aborted", "·", ROLE_STATE_ABORTED, 10},
    [TMV_SHOW_ORPHAN] = {"ORPHAN", "orphan", "?", ROLE_STATE_ORPHAN, 1},
    [TMV_SHOW_THROTTLED] = {"THROTTLED", "throttled", "≈", ROLE_STATE_THROTTLED, 4},
    [TMV_SHOW_WAITING] = {"WAITING", "waiting", "~", ROLE_STATE_THROTTLED, 3},
};

const struct state_look *state_look(enum tmv_display_state state)
{
    static const struct state_look unknown = {"?", "?", "?", ROLE_STATE, 10};

    return (unsigned)state < TMV_SHOW_COUNT ? &looks[state] : &unknown;
}

/* Nothing in it changes every second, or a fleet at rest would be drawn again each second: whole minutes
 * after the first one, and the next try by the clock. */
const char *state_since(const struct tmv_migration *m, int64_t now_us, char text[STATE_SINCE_MAX])
{
    bool later = m->next_try_at_us > now_us;
    char since[FORMAT_MAX], next[FORMAT_MAX];

    text[0] = '\0';
    if (m->show == TMV_SHOW_WAITING && m->waiting_since_us > 0)
        snprintf(text, STATE_SINCE_MAX, "waiting for %s, next try %s%s",
                 format_short(now_us - m->waiting_since_us, since), later ? "at " : "now",
                 later ? format_clock(m->next_try_at_us, next) : "");
    else if (m->show == TMV_SHOW_HOLD && now_us < m->hold_until_us)
        snprintf(text, STATE_SINCE_MAX, "old store kept current, %s left",
                 format_short(m->hold_until_us - now_us, since));
    else if (m->show == TMV_SHOW_HOLD)
        snprintf(text, STATE_SINCE_MAX, "old store kept current, its time is over");
    else if (m->show == TMV_SHOW_PAUSED && m->paused_at_us > 0)
        snprintf(text, STATE_SINCE_MAX, "paused for %s", format_short(now_us - m->paused_at_us, since));
    return text;
}

/* The note of another program's migration says whose it is before it says why it is paused. */
static const char *cause(const struct tmv_migration *m)
{
    if (m->show == TMV_SHOW_FAILED && m->last_error[0] != '\0')
        return m->last_error;
    if (m->show == TMV_SHOW_PAUSED && m->pause_reason[0] != '\0' && m->foreign_sign_at_us == 0)
        return m->pause_reason;
    return m->note;
}

const char *state_reason(const struct tmv_migration *m, int64_t now_us, char text[STATE_REASON_MAX])
{
    const char *why = cause(m);
    char since[STATE_SINCE_MAX];

    state_since(m, now_us, since);
    if (why[0] != '\0' && since[0] != '\0')
        snprintf(text, STATE_REASON_MAX, "%s (%s)", why, since);
    else
        text_copy(text, STATE_REASON_MAX, why[0] != '\0' ? why : since);
    return text;
}
