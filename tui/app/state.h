/* The console between two turns of its loop: what is shown, what is open, what was asked. Keys and time
 * change it here; it knows neither a terminal nor a clock of its own, so that tests and scripts drive it as
 * the loop does. */
#pragma once

#include "app/confirm_keys.h"
#include "app/monitor.h"
#include "app/requests.h"
#include "theme/theme.h"

enum prompt_kind { PROMPT_NONE, PROMPT_FILTER, PROMPT_COMMAND };

struct state {
    struct model model;
    int active; /* index of the screen */
    bool help;  /* the overlay is open */
    struct confirm confirm;
    enum prompt_kind prompt;
    struct field input;            /* of the prompt */
    char filter_before[FIELD_MAX]; /* comes back when the prompt is left with Esc */
    char toast[700];
    enum role toast_role;
    const char *toast_hint;
    int64_t toast_until_us;
    struct tmv_uuid undo;   /* migration whose pause u takes back; nil none */
    int64_t moved_us;       /* last key that moved the cursor: the order is held for a moment */
    int64_t interrupted_us; /* last Ctrl-C at the top: a second one quits */
    bool quit;
    bool redraw;                   /* Ctrl-L */
    bool suspend;                  /* Ctrl-Z */
    const struct theme *theme;     /* for pictures with colours; owned by the session */
    struct requests *requests;     /* NULL: read only, there is no way to act */
    struct tmv_snapshot *snapshot; /* what the model shows; owned */
    struct tmv_record *record;     /* the same */
    struct store_view *stores;     /* the same */
};

void state_init(struct state *state);
void state_release(struct state *state);
/* Takes a picture over (owned from now on). */
void state_set_snapshot(struct state *state, struct tmv_snapshot *snapshot);
/* The same for a record, and for what is known of the stores. */
void state_set_record(struct state *state, struct tmv_record *record);
void state_set_stores(struct state *state, struct store_view *stores, size_t count);
/* What became of a request. */
void state_outcome(struct state *state, const struct outcome *outcome);
/* One key, on a canvas of this size. */
void state_key(struct state *state, const struct input *input, const struct canvas *canvas);
/* Time passed (model.now_us is the new one). */
void state_tick(struct state *state);
/* When state_tick has to be called next. */
int64_t state_deadline_us(const struct state *state);
/* Draws everything. */
void state_draw(struct state *state, struct canvas *canvas);
void state_toast(struct state *state, enum role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
