/* The console between two turns of its loop: what is shown, what is open, what was asked. Keys and time
 * change it here; it knows neither a terminal nor a clock of its own, so that tests and scripts drive it as
 * the loop does. What keys do stands in perform.c, boxes to choose from in overlays.c. */
#pragma once

#include "actions/confirm_keys.h"
#include "console/drawn.h"
#include "console/leave.h"
#include "console/messages.h"
#include "console/monitor.h"
#include "actions/requests.h"
#include "theme/theme.h"

/* A box over the screen. */
enum overlay {
    OVERLAY_NONE,
    OVERLAY_HELP,
    OVERLAY_PALETTE,
    OVERLAY_SORT,
    OVERLAY_THEME,
    OVERLAY_MESSAGES,
    OVERLAY_EXPORT,
    OVERLAY_QUIT,
    OVERLAY_COUNT
};

/* Pauses or resumes that `u` takes back. */
struct undo {
    enum tmv_operation operation; /* that takes them back */
    struct tmv_uuid ids[MARKS_MAX];
    int count;
};

/* See console/drawn.h. */
struct drawn {
    bool any;
    int active;
    enum overlay overlay;    /* that hides the list */
    bool dialog;             /* one is open and hides it */
    int choice;              /* what Enter would choose in the box; -1 nothing */
    struct tmv_uuid subject; /* migration under the cursor; nil none */
    int64_t generation;      /* of it */
    struct undo undo;
    struct tmv_uuid marks[MARKS_MAX];
    int mark_count;
};

/* An operation that is done without a question: sent when no other key follows in ALONE_US. */
struct pending {
    const struct action *action; /* NULL: none */
    struct tmv_request request;  /* of a pause */
    char reason[FIELD_MAX];      /* of the request */
    struct undo undo;            /* of u */
    int64_t due_us;
};

/* A bulk operation on its way. */
struct bulk {
    enum tmv_operation operation;
    int total, done, failed;
};

#define REFRESH_STEPS 7

struct state {
    struct model model;
    int active; /* index of the screen */
    enum overlay overlay;
    struct picker picker; /* of the overlay */
    int64_t opened_us;    /* when the overlay was */
    struct confirm confirm;
    bool filtering;                /* the filter's line is open */
    struct field input;            /* its text */
    char filter_before[FIELD_MAX]; /* comes back when it is left with Esc */
    char filter_last[FIELD_MAX];   /* that n and N look for */
    char toast[700];
    enum role toast_role;
    char toast_hint[60];
    int64_t toast_until_us; /* INT64_MAX: as long as a request is followed */
    struct messages messages;
    struct outcome outcome; /* last news of a request */
    bool following;         /* it has not ended: its line says how far it is */
    struct undo undo;
    struct bulk bulk;
    struct drawn drawn; /* the picture that is shown */
    struct pending pending;
    int64_t gap_us;              /* silence before the key that is handled now */
    enum overlay overlay_before; /* what was open when it was pressed */
    bool blind;                  /* it was pressed while the screen did not move */
    int64_t moved_us;            /* last key that moved the cursor: the order is held for a moment */
    int64_t interrupted_us;      /* last Ctrl-C at the top: a second one quits */
    int refresh;                 /* index into the steps of + and - */
    int engine_runs;             /* migrations that the embedded engine runs now */
    bool engine_here;            /* there is one that quitting has to ask about */
    enum leave leave;
    bool quit;
    bool redraw;               /* Ctrl-L */
    bool suspend;              /* Ctrl-Z */
    const struct theme *theme; /* for pictures with colours; owned by the session */
    char theme_wanted[64];     /* that the loop is to load; "" none */
    char theme_before[64];     /* comes back when the box is left with Esc */
    struct tmv_uuid bundle_of; /* migration whose record an export waits for; nil none */
    char bundle_path[400];
    int64_t bundle_until_us;
    char *copied;              /* for the terminal's clipboard, owned; NULL nothing */
    int cols, rows;            /* of the canvas that the last key was pressed on */
    struct requests *requests; /* NULL: read only, there is no way to act */
    /* How requests leave: requests_send and requests_limit; a test listens here. */
    bool (*send)(struct requests *requests, const struct tmv_request *request);
    bool (*limit)(struct requests *requests, const struct tmv_uuid *migration, const char *changes);
    struct tmv_uuid *known;        /* of the names: all tenants in the snapshot; owned */
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
/* Least time between two drawings that nobody asked for by a key, as + and - set it; 0: as usual. */
int64_t state_refresh_us(const struct state *state);
/* A drawing that took longer than this: its person saw nothing move meanwhile. */
#define STALL_US INT64_C(1000000)

/* Draws everything. Pure but for the places of cursors: state_shown says that it is on the screen. */
void state_draw(struct state *state, struct canvas *canvas);
/* What was drawn last is on the screen since `now_us`, and writing it took `took_us`: keys are compared with
 * it from now on. One that took long was not seen while it lasted: a countdown is void. */
void state_shown(struct state *state, int64_t now_us, int64_t took_us);
/* Says something above the keys, and keeps it for Ctrl-G. */
void state_toast(struct state *state, enum role role, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
