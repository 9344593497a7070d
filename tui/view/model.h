/* What the screens show: one picture of the fleet and the place where the person stands in it.
 *
 * Views are pure: the same model and rectangle give the same cells. They read the model and never change it;
 * keys change it through screen->key, actions/ and console/.
 */
#pragma once

#include "view/event_log.h"
#include "view/names.h"
#include "view/series.h"
#include "tenantmv/record.h"
#include "tenantmv/stores.h"
#include "widgets/canvas.h"
#include "widgets/field.h"

/* How old the picture may be before its word changes (console.md §2). */
#define FRESH_LAG_US INT64_C(1500000)
#define FRESH_STALE_US INT64_C(5000000)

enum freshness { FRESH_CONNECTING, FRESH_LIVE, FRESH_LAG, FRESH_STALE, FRESH_OFFLINE };

#define FLEET_MAX 1000 /* migrations that a snapshot is asked for */
#define MARKS_MAX 200  /* migrations that can be marked for a bulk action */

#define SCREENS_MAX 9

struct fleet_state {
    struct tmv_uuid selected; /* migration; nil: the first */
    int selected_row;         /* its row, -1 none; kept by fleet_order */
    int top;                  /* first row shown */
    int shown;                /* rows in the list: those that pass the filter, and the ghost */
    bool ghost;               /* the selected row left the list by itself: it stays until the cursor moves */
    int order[FLEET_MAX + 1]; /* row → index into the snapshot's migrations; -1: model.kept */
    struct tmv_uuid ids[FLEET_MAX + 1]; /* of the rows, to hold their order over a new snapshot */
    int sort;                           /* index into the fleet's sorts */
    bool reverse;                       /* the other way round */
    int width;                          /* enum fleet_width */
    int shift;                          /* columns left out after the phase, so that later ones have room */
    char filter[FIELD_MAX];             /* as typed; "": all */
    char filter_good[FIELD_MAX];        /* the one in force: the last that could be read */
    char filter_problem[120];           /* why it is not the one that is in force, "" */
    struct tmv_uuid marks[MARKS_MAX];
    int mark_count;
};

/* What `w` goes through. */
enum fleet_width {
    FLEET_AUTO,  /* every column gets what it needs most */
    FLEET_NAMES, /* tenants' names in full */
    FLEET_NOTES, /* the reasons in full, the figures leave */
    FLEET_WIDTHS
};

/* Where a person stands on a screen other than the fleet: one of these per screen, whatever its list is of.
 */
struct list_state {
    int row;            /* under the cursor */
    int top;            /* first row shown */
    int pane;           /* part that has the cursor */
    struct tmv_uuid id; /* what is under the cursor: it is followed when the list moves; nil none */
    int64_t number;     /* the rest of its identity */
    bool open;          /* its detail is shown */
    int step;           /* of what is replayed in it, or the line at its top */
    bool wrap;          /* long lines are folded */
    struct field field; /* its open prompt */
    char filter[FIELD_MAX];
    struct tmv_uuid held; /* what the cursor was on when it was last drawn: stays if it leaves the list */
    int held_row;
};

/* A store as engines last saw it, and what this program counted meanwhile. */
struct store_view {
    struct tmv_store_observation now;
    int64_t tenants;         /* that routing sends there */
    int64_t commit_rate;     /* transactions per second between the last two looks; -1 unknown */
    int64_t rejected_before; /* look.rejected when this program first read it; -1 unknown */
};

struct model {
    const struct tmv_snapshot *snapshot; /* NULL before the first */
    int64_t now_us;                      /* monotonic */
    int64_t wall_us;                     /* since 1970 */
    bool connected;                      /* the monitor's connection stands */
    int64_t offline_since_us;            /* monotonic, when not connected */
    char link_error[400];                /* why not */
    char link_hint[400];
    const char *environment;
    const char *environment_kind;
    const char *who;
    const char *engine_note;      /* of the engine in this program; NULL: there is none */
    const char *engine_missing;   /* why there is none though one was asked for; NULL */
    char note[200];               /* the caller's line */
    struct tmv_dialog own_dialog; /* open here; its id is nil when none is */
    struct tenant_names names;
    bool read_only;
    bool unjudged;      /* not known yet whether the role may do more than look */
    bool frozen;        /* display stopped */
    bool zoom;          /* the pane that matters most, or has the cursor, has the whole screen */
    bool only_problems; /* the fleet shows only what is not well */
    bool big;           /* the fleet as figures to be read from afar */
    bool no_keys;       /* nobody presses keys here: none are shown */
    struct fleet_state fleet;
    struct tmv_migration kept; /* the selected one as it was last seen, when the snapshot has it no more */
    struct list_state lists[SCREENS_MAX]; /* by the screen's place in the table */
    struct event_log log;            /* owned by whoever owns the model; empty: the snapshot's events alone */
    const struct store_view *stores; /* by id; NULL: not read yet */
    size_t store_count;
    char stores_problem[TMV_REASON_MAX]; /* why they cannot be read; "" they can */
    const struct tmv_record *record; /* the last that was read, of `focus` or of an earlier one; NULL none */
    struct series_view series;       /* the last hour of `focus` or of an earlier one */
    /* What the screen asks for while it is shown; model_begin forgets it and screen->move sets it before each
     * drawing. */
    struct tmv_uuid focus; /* migration whose record is wanted; nil none */
    bool stores_wanted;    /* stores are to be read often */
    bool replaying;        /* something from the past is shown as if it were now */
    bool no_subject;       /* nothing is under the cursor: keys of actions have nothing to act on */
    bool can_undo;         /* u has something to take back */
    bool searched;         /* n and N have something to look for */
    char go;               /* key of the screen to go to now; set by screens, 0 none */
};

/* A tenant's name in a cell of a table: without the last digits where there is no room for them. */
void tenant_cell(const struct model *model, const struct tmv_uuid *tenant, struct canvas *canvas,
                 struct rect cell);
/* Widens a column so that the beginning of the tenant's UUID is not cut: it would be that of another one. */
void tenant_fit(const struct model *model, const struct tmv_uuid *tenant, int *width);
/* How many migrations are in a state, whether they are loaded or not. */
int64_t snapshot_count(const struct tmv_snapshot *snapshot, enum tmv_display_state state);
/* The migration with this id in the model's snapshot, or NULL. */
const struct tmv_migration *model_find(const struct model *model, const struct tmv_uuid *id);
/* The newest dialog that somebody else has open for this migration, or NULL. */
const struct tmv_dialog *model_dialog_of_other(const struct model *model, const struct tmv_uuid *migration);
/* The same in words: "bob: cutover dialog open"; "" when there is none. */
const char *model_dialog_words(const struct model *model, const struct tmv_uuid *migration, char *text,
                               size_t size);
/* Before a screen's move and draw: forgets what the one before asked for. */
void model_begin(struct model *model);
/* The record of a migration when it is there, or NULL. */
const struct tmv_record *model_record(const struct model *model, const struct tmv_uuid *id);
/* The audit that is known, newest first. */
size_t model_event_count(const struct model *model);
const struct tmv_audit_entry *model_event(const struct model *model, size_t index);
/* The migration under the cursor that can be acted on, or NULL. */
const struct tmv_migration *model_selected(const struct model *model);
/* The migration under the cursor to be looked at: as it was last seen when the snapshot has it no more. NULL:
 * there is none. */
const struct tmv_migration *model_under_cursor(const struct model *model);
/* The migration of a row of the fleet's list. */
const struct tmv_migration *model_row(const struct model *model, int row);
int64_t model_age_us(const struct model *model); /* of the picture; -1: there is none */
enum freshness model_freshness(const struct model *model);
/* Time of the database's clock now, for ages of things in the snapshot. */
int64_t model_database_now_us(const struct model *model);

struct input;

/* A screen: one file, ending in one of these, and one row of screens.c. */
struct screen {
    const char *title; /* on its tab */
    char key;          /* digit that opens it */
    const char *help;  /* one line */
    /* Draws; pure. */
    void (*draw)(const struct model *model, struct canvas *canvas, struct rect area);
    /* Moves the cursor or the view by `rows` (±MOVE_END: to an end) on an area of this size. Called with 0
     * before each drawing, to keep the cursor in sight. */
    void (*move)(struct model *model, struct rect area, int rows);
    /* A key that is the screen's own, before all others get it; false: it is not. NULL: none. */
    bool (*take)(struct model *model, struct rect area, const struct input *input);
    bool acts; /* the migration under its cursor is model_selected: keys of actions apply here */
    /* Its own keys for key bar and help: pairs of key and words, ending in NULL. NULL: none. */
    const char *const *keys;
    /* Whether one of them does something now. NULL: all do, always. */
    bool (*offers)(const struct model *model, const char *key);
    /* Whether it has a part now that `z` gives all the room. NULL: never. */
    bool (*zooms)(const struct model *model);
    /* The text of its filter (FIELD_MAX bytes), which `/` edits, and what follows a change. NULL: it has
     * none. */
    char *(*filter)(struct model *model);
    void (*filtered)(struct model *model);
};
#define MOVE_END 1000000
/* As `rows`: one page of the area up or down. */
#define MOVE_PAGE 100000

extern const struct screen screen_fleet;
extern const struct screen screen_migration;
extern const struct screen screen_cutover;
extern const struct screen screen_events;
extern const struct screen screen_stores;
extern const struct screen screen_history;

enum { SCREEN_FLEET, SCREEN_MIGRATION }; /* those that others name */
/* The table of screens, in the order of their keys. */
int screen_count(void);
const struct screen *screen_at(int index);
/* Index of the screen that this key opens, -1 none. */
int screen_by_key(char key);
/* Whether a migration is marked; marking it twice takes the mark away. False: there are too many. */
bool model_is_marked(const struct model *model, const struct tmv_uuid *id);
bool model_mark(struct model *model, const struct tmv_uuid *id);
