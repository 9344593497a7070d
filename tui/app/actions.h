/* What a person can do to a migration: one table, from which the key bar, the help, the prompt and the
 * availability of each come. */
#pragma once

#include "screens/confirm.h"
#include "screens/frame.h"

enum action_way {
    ACTION_AT_ONCE, /* harmless and undone by another key */
    ACTION_YES_NO,
    ACTION_TYPED,
};

struct action {
    const char *key;       /* "" only by the prompt */
    const char *other_key; /* works as well, is not shown; NULL none */
    const char *name;      /* as typed in the prompt, and the verb of the command line */
    const char *label;     /* in the key bar */
    enum tmv_operation operation;
    enum action_way way;
    bool in_bar;
    bool needs_reason;
    const char *help;
    const char *effect;
    const char *back;
};

int action_count(void);
const struct action *action_at(int index);
const struct action *action_by_key(const char *key);
const struct action *action_by_name(const char *name);
const struct action *action_by_operation(enum tmv_operation operation);
/* Whether it can be asked of the migration under the cursor now; if not, `why` says why. */
bool action_available(const struct action *action, const struct model *model, char why[TMV_REASON_MAX]);

#define KEY_ITEMS_MAX 24
/* The key bar of the screen with this index: its moving and viewing keys, and the actions unless the model is
 * read only. `whys` keeps their texts. */
int action_key_bar(const struct model *model, int screen, struct key_item items[KEY_ITEMS_MAX],
                   char whys[KEY_ITEMS_MAX][TMV_REASON_MAX]);
/* The help overlay, from the same table. */
void action_draw_help(const struct model *model, struct canvas *canvas);
