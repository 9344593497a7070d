#include "app/actions.h"

#include <stdio.h>
#include <string.h>

#include "widgets/dialog.h"

static const struct action actions[] = {
    {"p", NULL, "pause", "pause", TMV_OP_PAUSE, ACTION_AT_ONCE, true, false,
     "stops at the next safe point; nothing is lost, u undoes it",
     "stops the migration at its next safe point.", ""},
    {"r", NULL, "resume", "resume", TMV_OP_RESUME, ACTION_YES_NO, true, false, "goes on where it stopped",
     "goes on where it stopped and catches up.", ""},
    {"c", NULL, "cutover", "cutover…", TMV_OP_CUTOVER, ACTION_TYPED, true, false,
     "switches the tenant to the target within the pause budget",
     "Writes are held for a few milliseconds while the rest is copied and routing switches; if a budget "
     "passes, "
     "everything stays as it is.",
     "Before the decision it rolls back by itself. After it the tenant lives on the target."},
    {"x", "a", "abort", "abort…", TMV_OP_ABORT, ACTION_TYPED, true, true,
     "ends the migration; the tenant stays on the source",
     "Ends the migration. The tenant stays on the source, which is not touched; what was copied is removed.",
     "A new migration can be started at any time."},
    {"v", NULL, "verify", "verify", TMV_OP_VERIFY, ACTION_YES_NO, true, false,
     "compares source and target now", "compares the tenant's events on source and target; reads only.", ""},
    {"", NULL, "rehearse", "rehearse", TMV_OP_REHEARSE, ACTION_YES_NO, false, false,
     "a cutover on live traffic without the decision: measures the pause",
     "does everything of a cutover except the decision, on live traffic. Writes are held for a few "
     "milliseconds.",
     ""},
};

/* Keys that change nothing: moving and looking. `bar`: shown in the key bar. */
enum { ON_FLEET = 1, ON_MIGRATION = 2 };
static const struct {
    const char *key, *label, *help;
    int bar; /* screens whose key bar shows it */
} views[] = {
    {"Enter", "open", "opens the migration under the cursor", ON_FLEET},
    {"/", "filter", "shows only what contains a word; Esc shows all again", ON_FLEET},
    {"s", "sort", "next order of the fleet", ON_FLEET},
    {"1 2", "screens", "fleet, migration", 0},
    {"j k", "move", "or the arrows; also g G, Page Up, Page Down, Ctrl-U, Ctrl-D", ON_MIGRATION},
    {"f", "freeze", "stops the display; migrations and their records go on", 0},
    {"Ctrl-L", "redraw", "draws everything anew", 0},
    {"Ctrl-Z", "suspend", "as in a shell, when no engine runs in this program", 0},
    {"Esc", "back", "closes what is open; never quits", ON_MIGRATION},
    {"q", "quit", "closes what is open; at the top it quits. Migrations go on wherever their engine runs",
     ON_FLEET | ON_MIGRATION},
};

#define VIEWS (sizeof views / sizeof *views)

int action_count(void)
{
    return (int)(sizeof actions / sizeof *actions);
}

const struct action *action_at(int index)
{
    return &actions[index];
}

const struct action *action_by_key(const char *key)
{
    for (int i = 0; i < action_count(); i++)
        if (key[0] != '\0' && (strcmp(actions[i].key, key) == 0 ||
                               (actions[i].other_key != NULL && strcmp(actions[i].other_key, key) == 0)))
            return &actions[i];
    return NULL;
}

const struct action *action_by_name(const char *name)
{
    for (int i = 0; i < action_count(); i++)
        if (strcmp(actions[i].name, name) == 0)
            return &actions[i];
    return NULL;
}

const struct action *action_by_operation(enum tmv_operation operation)
{
    for (int i = 0; i < action_count(); i++)
        if (actions[i].operation == operation)
            return &actions[i];
    return NULL;
}

bool action_available(const struct action *action, const struct model *model, char why[TMV_REASON_MAX])
{
    const struct tmv_migration *m = model_selected(model);

    why[0] = '\0';
    if (m == NULL) {
        snprintf(why, TMV_REASON_MAX, "no migration is selected");
        return false;
    }
    if (!tmv_operation_allowed(m, action->operation, why))
        return false;
    for (size_t i = 0; action->operation == TMV_OP_CUTOVER && i < m->gate_count; i++) {
        if (m->gates[i].green)
            continue;
        snprintf(why, TMV_REASON_MAX, "gate is red: %s %s", m->gates[i].name, m->gates[i].seen);
        return false;
    }
    return true;
}

int action_key_bar(const struct model *model, int screen, struct key_item items[KEY_ITEMS_MAX],
                   char whys[KEY_ITEMS_MAX][TMV_REASON_MAX])
{
    int n = 0;

    for (int i = 0; !model->read_only && i < action_count(); i++) {
        if (!actions[i].in_bar)
            continue;
        items[n] = (struct key_item){actions[i].key, actions[i].label, false, whys[n]};
        items[n].available = action_available(&actions[i], model, whys[n]);
        n++;
    }
    for (size_t i = 0; i < VIEWS && n < KEY_ITEMS_MAX; i++) {
        if ((views[i].bar & 1 << screen) == 0)
            continue;
        whys[n][0] = '\0';
        items[n] = (struct key_item){views[i].key, views[i].label, true, whys[n]};
        n++;
    }
    return n;
}

static void help_line(struct canvas *canvas, struct rect *rest, const char *const words[3])
{
    struct rect line = rect_top(rest, 1);
    struct line text;

    canvas_text(canvas, line, 1, ROLE_KEY, words[0]);
    line.x += 11;
    line.w -= 11;
    canvas_text(canvas, line, 0, ROLE_TEXT_STRONG, words[1]);
    line.x += 10;
    line.w -= 10;
    text = line_begin(canvas, line);
    line_put(&text, ROLE_TEXT, words[2]);
}

void action_draw_help(const struct model *model, struct canvas *canvas)
{
    int rows = 6 + (int)VIEWS + (model->read_only ? 0 : action_count() + 2);
    struct rect in = dialog_frame(canvas, canvas_all(canvas), (struct rect){0, 0, 100, rows + 2},
                                  DIALOG_PLAIN, "help", "any key closes");

    canvas_fit(canvas, rect_top(&in, 1), ROLE_TEXT_DIM,
               "State lives in the databases and the engine: the console may end any time.");
    if (!model->read_only) {
        canvas_separator(canvas, rect_top(&in, 1), "actions on the migration under the cursor", "");
        for (int i = 0; i < action_count() && in.h > 0; i++) {
            char key[24];
            snprintf(key, sizeof key, "%s%s%s", actions[i].key[0] ? actions[i].key : ":",
                     actions[i].other_key ? " " : "", actions[i].other_key ? actions[i].other_key : "");
            help_line(canvas, &in, (const char *const[]){key, actions[i].name, actions[i].help});
        }
        help_line(canvas, &in, (const char *const[]){":", "prompt", "any of these by name: ':rehearse'"});
    }
    canvas_separator(canvas, rect_top(&in, 1), "moving and looking", "");
    for (size_t i = 0; i < VIEWS && in.h > 0; i++)
        help_line(canvas, &in, (const char *const[]){views[i].key, views[i].label, views[i].help});
    if (in.h > 2)
        canvas_separator(canvas, rect_top(&in, 1), "signs", "");
    canvas_fit(
        canvas, rect_top(&in, 1), ROLE_TEXT,
        " ▶ copy, sync   ◆ ready   ● cutover   ‖ paused   ✗ failed   ✓ done   ? orphan: its engine is gone");
    canvas_fit(canvas, rect_top(&in, 1), ROLE_TEXT, " (p pause): not possible now; press it to read why");
}
