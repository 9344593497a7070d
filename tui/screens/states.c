#include "screens/states.h"

#include <stdio.h>

#include "widgets/format.h"

static const struct state_look looks[TMV_SHOW_COUNT] = {
    [TMV_SHOW_PENDING] = {"PENDING", "pending", "·", ROLE_STATE_PENDING, 8},
    [TMV_SHOW_COPY] = {"COPY", "copy", "▶", ROLE_STATE_COPY, 7},
    [TMV_SHOW_SYNC] = {"SYNC", "sync", "▶", ROLE_STATE_SYNC, 6},
    [TMV_SHOW_READY] = {"READY", "ready", "◆", ROLE_STATE_READY, 5},
    [TMV_SHOW_CUTOVER] = {"CUTOVER", "cutover", "●", ROLE_STATE_CUTOVER, 2},
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

/* Whole minutes after the first one: a fleet at rest must not be drawn again each second. */
const char *state_since(const struct tmv_migration *m, int64_t now_us, char text[STATE_SINCE_MAX])
{
    int64_t left_us = m->next_try_at_us - now_us;
    char since[FORMAT_MAX], next[FORMAT_MAX];

    text[0] = '\0';
    if (m->show == TMV_SHOW_WAITING && m->waiting_since_us > 0)
        snprintf(text, STATE_SINCE_MAX, "waiting for %s, next try %s%s",
                 format_short(now_us - m->waiting_since_us, since), left_us > 0 ? "in " : "now",
                 left_us > 0 ? format_duration(left_us, next) : "");
    else if (m->show == TMV_SHOW_PAUSED && m->paused_at_us > 0)
        snprintf(text, STATE_SINCE_MAX, "paused for %s", format_short(now_us - m->paused_at_us, since));
    return text;
}
