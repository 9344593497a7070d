#include "console/drawn.h"

#include <stdio.h>
#include <string.h>

#include "console/overlays.h"
#include "console/state.h"
#include "lib/text.h"

#define MOVED "the list moved: look again"

void drawn_note(struct state *state)
{
    const struct tmv_migration *m = model_selected(&state->model);
    struct drawn *drawn = &state->drawn;

    drawn->any = true;
    drawn->choice = overlay_choice(state);
    drawn->overlay = state->overlay;
    drawn->dialog = state->confirm.kind != CONFIRM_NONE;
    if (drawn->overlay == OVERLAY_NONE &&
        !drawn->dialog) { /* a box hides the list: what it was opened on stays its subject */
        drawn->active = state->active;
        drawn->subject = m ? m->id : (struct tmv_uuid){{0}};
        drawn->generation = m ? m->generation : 0;
    }
    drawn->undo = state->undo;
    drawn->mark_count = state->model.fleet.mark_count;
    memcpy(drawn->marks, state->model.fleet.marks, sizeof drawn->marks);
}

static bool same_undo(const struct undo *a, const struct undo *b)
{
    return a->operation == b->operation && a->count == b->count &&
           memcmp(a->ids, b->ids, sizeof *a->ids * (size_t)a->count) == 0;
}

static bool same_marks(const struct state *state)
{
    const struct fleet_state *fleet = &state->model.fleet;

    return state->drawn.mark_count == fleet->mark_count &&
           memcmp(state->drawn.marks, fleet->marks, sizeof *fleet->marks * (size_t)fleet->mark_count) == 0;
}

static bool same_subject(const struct state *state)
{
    const struct tmv_migration *m = model_selected(&state->model);
    const struct tmv_uuid none = {{0}};

    return tmv_uuid_equal(m ? &m->id : &none, &state->drawn.subject);
}

/* Whether what the action would be done to is what the person saw. */
static bool is_as_drawn(const struct state *state, const struct action *action)
{
    if (!state->drawn.any || state->drawn.dialog || state->drawn.overlay != state->overlay_before)
        return false;
    if (action->what == DO_UNDO)
        return same_undo(&state->undo, &state->drawn.undo);
    return state->active == state->drawn.active && same_subject(state) && same_marks(state);
}

bool drawn_allows(const struct state *state, const struct action *action, char why[TMV_REASON_MAX])
{
    const char *words = NULL;

    if (action->group != GROUP_ACT && action->what != DO_MARK)
        return true;
    if (state->blind)
        words = "the screen did not move when the key was pressed: look, then press it again";
    else if (action->group == GROUP_ACT && state->gap_us < ALONE_US)
        words = "the key came in a row with others, as a paste does: press it alone";
    else if (!is_as_drawn(state, action))
        words = MOVED;
    text_copy(why, TMV_REASON_MAX, words ? words : "");
    return !words;
}
