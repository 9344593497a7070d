/* Everything that a key or the palette can do: one table. Key bar, help, palette, documentation and the gate
 * of the read-only mode are made from it; what a row does is in actions/perform.c, under the same name. */
#pragma once

#include <stdio.h>

#include "screens/confirm.h"
#include "screens/frame.h"
#include "widgets/picker.h"

enum action_group {
    GROUP_ACT,     /* changes a migration: not there at all in a read-only console */
    GROUP_LIST,    /* what is listed, and how */
    GROUP_LOOK,    /* what is shown */
    GROUP_MOVE,    /* moving about */
    GROUP_PROGRAM, /* the console itself */
    GROUP_COUNT
};

/* What the console does; the order of the table's rows is that of the help. */
enum action_do {
    DO_OPERATION,
    DO_UNDO,
    DO_THROTTLE,
    DO_MARK,
    DO_MARK_ALL,
    DO_FILTER,
    DO_NEXT_MATCH,
    DO_PREVIOUS_MATCH,
    DO_SORT,
    DO_WIDTH,
    DO_ALERT,
    DO_OPEN,
    DO_SCREEN,
    DO_FREEZE,
    DO_ZOOM,
    DO_FASTER,
    DO_SLOWER,
    DO_REDRAW,
    DO_MESSAGES,
    DO_THEME,
    DO_COPY,
    DO_EXPORT,
    DO_MOVE,
    DO_HELP,
    DO_PALETTE,
    DO_BACK,
    DO_CANCEL,
    DO_SUSPEND,
    DO_QUIT,
};

enum action_way {
    ACTION_AT_ONCE, /* harmless and undone by another key */
    ACTION_YES_NO,
    ACTION_TYPED,
};

struct action {
    const char *keys; /* names as input_name gives them, "? F1"; the first is shown; "" only by the palette */
    const char *name; /* as typed in the palette; of an operation: the verb of the command line */
    const char *argument; /* what may follow the name, NULL nothing */
    const char *label;    /* in the key bar, NULL not there */
    enum action_group group;
    enum action_do what;
    enum tmv_operation operation; /* of DO_OPERATION */
    enum action_way way;          /* of DO_OPERATION */
    bool bulk;                    /* may be done to all that are marked */
    bool needs_reason;
    bool fleet_only; /* has a meaning on the fleet's list only */
    const char *help;
    const char *effect; /* in the dialog */
    const char *back;
};

int action_count(void);
const struct action *action_at(int index);
/* NULL when no row has it. */
const struct action *action_by_key(const char *key);
const struct action *action_by_name(const char *name);
/* The first of its keys. */
const char *action_key(const struct action *action, char text[24]);
/* Whether this console has it at all. */
bool action_exists(const struct action *action, const struct model *model);
/* Whether it can be done now on this screen; if not, `why` says why. */
bool action_available(const struct action *action, const struct model *model, int screen,
                      char why[TMV_REASON_MAX]);

#define KEY_ITEMS_MAX 40
/* The key bar: the screen's own keys, and what the table offers there. `whys` keeps the texts. */
int action_key_bar(const struct model *model, int screen, struct key_item items[KEY_ITEMS_MAX],
                   char whys[KEY_ITEMS_MAX][TMV_REASON_MAX]);
/* The rows of help and palette. */
void action_help_rows(const struct model *model, int screen, struct picker_rows *rows);
void action_palette_rows(const struct model *model, int screen, struct picker_rows *rows);
/* The table as Markdown, for the documentation. */
void action_markdown(FILE *out);
