#include "actions/actions.h"

#include <stdio.h>
#include <string.h>

#include "actions/limits.h"
#include "lib/text.h"
#include "view/filter.h"
#include "screens/frame.h"

#define OPERATION(operation, way) GROUP_ACT, DO_OPERATION, operation, way

static const struct action actions[] = {
    {"p", "pause", "REASON", "pause", OPERATION(TMV_OP_PAUSE, ACTION_AT_ONCE), .bulk = true,
     .help = "stops at the next safe point, without asking; nothing is lost, u undoes it",
     .effect = "Each stops at its next safe point; nothing is lost.", .back = ""},
    {"r", "resume", NULL, "resume", OPERATION(TMV_OP_RESUME, ACTION_YES_NO), .bulk = true,
     .help = "continues where it stopped", .effect = "continues where it stopped and catches up.",
     .back = ""},
    {"u", "undo", NULL, NULL, GROUP_ACT, DO_UNDO,
     .help = "takes back the last pause or resume, for as long as the line above the keys offers it"},
    {"c", "cutover", NULL, "cutover…", OPERATION(TMV_OP_CUTOVER, ACTION_TYPED),
     .help =
         "switches the tenant to the target within the pause budget: gates, typed name, countdown; never in "
         "bulk",
     .effect =
         "Writes are held for a few milliseconds while the rest is copied and routing switches; if a budget "
         "passes, everything stays as it is.",
     .back = "Before the decision it rolls back by itself. After it the tenant lives on the target."},
    {"x", "abort", NULL, "abort…", OPERATION(TMV_OP_ABORT, ACTION_TYPED), .needs_reason = true,
     .help = "ends the migration; the tenant stays on the source. Asks for a reason, and what to do with the "
             "copied "
             "events",
     .effect = "Ends the migration. The tenant stays on the source, which is not touched; what was copied is "
               "removed unless you keep it.",
     .back = "A new migration can be started at any time."},
    {"v", "verify", NULL, "verify", OPERATION(TMV_OP_VERIFY, ACTION_YES_NO),
     .help = "compares source and target now; reads only",
     .effect = "compares the tenant's events on source and target; reads only.", .back = ""},
    {"", "rehearse", NULL, NULL, OPERATION(TMV_OP_REHEARSE, ACTION_YES_NO),
     .help = "a cutover on live traffic without the decision: measures the pause",
     .effect = "does everything of a cutover except the decision, on live traffic. Writes are held for a few "
               "milliseconds.",
     .back = ""},
    {"", "throttle", LIMITS_FORMS, NULL, GROUP_ACT, DO_THROTTLE,
     .help = "limits the copy while it runs: events a second, megabytes a second, workers; none takes every "
             "limit back. Nothing limits the mirroring or a cutover"},

    {"Space", "mark", NULL, "mark", GROUP_LIST, DO_MARK, .fleet_only = true,
     .help = "marks the migration and moves to the next; p and r then act on all that are marked"},
    {"*", "mark-all", NULL, NULL, GROUP_LIST, DO_MARK_ALL, .fleet_only = true,
     .help = "marks all that are shown, or none when all are marked"},
    {"/", "filter", "TERMS", "filter", GROUP_LIST, DO_FILTER,
     .help = "shows only what the terms say (see below); Esc shows all again"},
    {"n", "next", NULL, NULL, GROUP_LIST, DO_NEXT_MATCH, .fleet_only = true,
     .help = "the next row that the last filter finds"},
    {"N", "previous", NULL, NULL, GROUP_LIST, DO_PREVIOUS_MATCH, .fleet_only = true,
     .help = "the one before"},
    {"s", "sort", "ORDER", "sort", GROUP_LIST, DO_SORT, .fleet_only = true,
     .help = "orders the fleet; the same order once more reverses it"},
    {"w", "width", NULL, NULL, GROUP_LIST, DO_WIDTH, .fleet_only = true,
     .help = "columns: balanced, names in full, reasons in full; ← and → leave the first ones out and bring "
             "them back"},
    {"a", "alert", NULL, NULL, GROUP_LIST, DO_ALERT, .help = "the next migration that needs a person"},

    {"Enter", "open", NULL, "open", GROUP_LOOK, DO_OPEN, .fleet_only = true,
     .help = "opens the migration under the cursor"},
    {"1 2 3 4 5 6 7 8 9", "screen", "NUMBER", NULL, GROUP_LOOK, DO_SCREEN,
     .help = "the screens, as on the tabs"},
    {"f", "freeze", NULL, NULL, GROUP_LOOK, DO_FREEZE,
     .help = "stops the display; migrations and their records continue"},
    {"z", "zoom", NULL, NULL, GROUP_LOOK, DO_ZOOM, .help = "gives the main part of the screen all the room"},
    {"+", "faster", NULL, NULL, GROUP_LOOK, DO_FASTER, .help = "draws changes more often"},
    {"-", "slower", NULL, NULL, GROUP_LOOK, DO_SLOWER, .help = "draws changes less often, for slow lines"},
    {"Ctrl-l", "redraw", NULL, NULL, GROUP_LOOK, DO_REDRAW, .help = "draws everything again"},
    {"Ctrl-g", "messages", NULL, NULL, GROUP_LOOK, DO_MESSAGES, .help = "what this console said before"},
    {"t", "theme", "NAME", NULL, GROUP_LOOK, DO_THEME, .help = "other colours, tried as the cursor moves"},
    {"y", "copy", "WHAT", NULL, GROUP_LOOK, DO_COPY,
     .help = "copies to the terminal's clipboard: tenant (default), migration, command, message, screen"},
    {"e", "export", "FORMAT [FILE]", NULL, GROUP_LOOK, DO_EXPORT,
     .help =
         "writes the screen as text or SVG, the data as CSV or JSON, or all about a migration as a bundle"},

    {"j k Down Up", "move", NULL, NULL, GROUP_MOVE, DO_MOVE, .help = "down and up; or the arrows"},
    {"g G Home End", "ends", NULL, NULL, GROUP_MOVE, DO_MOVE, .help = "first and last"},
    {"Ctrl-d Ctrl-u", "pages", NULL, NULL, GROUP_MOVE, DO_MOVE, .help = "a page; or Page Down, Page Up"},

    {"?", "help", NULL, NULL, GROUP_PROGRAM, DO_HELP, .help = "this list; / searches in it. F1 as well"},
    {":", "palette", NULL, NULL, GROUP_PROGRAM, DO_PALETTE, .help = "anything by its name; Tab completes it"},
    {"Esc", "back", NULL, NULL, GROUP_PROGRAM, DO_BACK,
     .help = "closes what is open, then the filter, then the marks; never quits"},
    {"Ctrl-c", "cancel", NULL, NULL, GROUP_PROGRAM, DO_CANCEL, .help = "as Esc; twice it quits"},
    {"Ctrl-z", "suspend", NULL, NULL, GROUP_PROGRAM, DO_SUSPEND,
     .help = "as in a shell, when no engine runs in this program"},
    {"q", "quit", NULL, "quit", GROUP_PROGRAM, DO_QUIT,
     .help = "closes what is open; at the top it quits, and asks when an engine here runs migrations"},
};

static const char *const groups[GROUP_COUNT] = {
    [GROUP_ACT] = "actions on the migration under the cursor, or on the marked ones",
    [GROUP_LIST] = "the list",
    [GROUP_LOOK] = "looking",
    [GROUP_MOVE] = "moving",
    [GROUP_PROGRAM] = "the console",
};

int action_count(void)
{
    return (int)(sizeof actions / sizeof *actions);
}

const struct action *action_at(int index)
{
    return &actions[index];
}

static bool has_key(const struct action *action, const char *key)
{
    size_t length = strlen(key);

    for (const char *at = action->keys; *at != '\0'; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        if (n == length && strncmp(at, key, n) == 0)
            return true;
        at += n;
    }
    return false;
}

const struct action *action_by_key(const char *key)
{
    if (strcmp(key, "F1") == 0)
        key = "?";
    for (int i = 0; key[0] != '\0' && i < action_count(); i++)
        if (has_key(&actions[i], key))
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

/* "Ctrl-g" is written Ctrl-G. */
const char *action_key(const struct action *action, char text[24])
{
    int n = (int)strcspn(action->keys, " ");

    snprintf(text, 24, "%.*s", n, action->keys);
    if (strncmp(text, "Ctrl-", 5) == 0 && text[5] >= 'a' && text[5] <= 'z')
        text[5] = (char)(text[5] - 'a' + 'A');
    return text;
}

bool action_exists(const struct action *action, const struct model *model)
{
    bool acts = action->group == GROUP_ACT || action->what == DO_MARK || action->what == DO_MARK_ALL;

    return !acts || !model->read_only; /* marks are for what acts */
}

/* ---- what can be done now ---- */

/* With marks: those that can be, when the operation may be done in bulk at all. */
static bool bulk_possible(const struct action *action, const struct model *model, char why[TMV_REASON_MAX])
{
    char reason[TMV_REASON_MAX] = "none is there any more";

    if (!action->bulk) {
        snprintf(why, TMV_REASON_MAX, "never in bulk: Esc takes the %d mark%s away", model->fleet.mark_count,
                 model->fleet.mark_count == 1 ? "" : "s");
        return false;
    }
    for (int i = 0; i < model->fleet.mark_count; i++) {
        const struct tmv_migration *m = model_find(model, &model->fleet.marks[i]);
        if (m && tmv_operation_allowed(m, action->operation, reason))
            return true;
    }
    snprintf(why, TMV_REASON_MAX, "none of the marked: %.300s", reason);
    return false;
}

static bool throttle_possible(const struct tmv_migration *m, char why[TMV_REASON_MAX])
{
    if (m->generation == 0)
        snprintf(why, TMV_REASON_MAX, "another program runs it");
    else if (m->phase == TMV_PHASE_PENDING || m->phase == TMV_PHASE_BULK_COPY)
        return true;
    else
        snprintf(why, TMV_REASON_MAX, "nothing is copied in %s", tmv_phase_name(m->phase));
    return false;
}

/* A later move of the same tenant: what an ended one left in the stores is no longer what it left. */
static bool has_moved_on(const struct model *model, const struct tmv_migration *m)
{
    for (size_t i = 0; i < model->snapshot->migration_count; i++) {
        const struct tmv_migration *other = &model->snapshot->migrations[i];
        if (tmv_uuid_equal(&other->tenant, &m->tenant) && other->created_at_us > m->created_at_us)
            return tmv_phase_is_terminal(m->phase);
    }
    return false;
}

/* One of a kind at a time: a second one would be refused. */
static bool request_possible(const struct action *action, const struct model *model,
                             const struct tmv_migration *m, char why[TMV_REASON_MAX])
{
    if (!tmv_operation_allowed(m, action->operation, why))
        return false;
    if (action->operation == TMV_OP_CUTOVER)
        return tmv_cutover_facts(m, why);
    if (action->operation != TMV_OP_VERIFY || !has_moved_on(model, m))
        return true;
    snprintf(why, TMV_REASON_MAX, "a later migration moved this tenant; verify that one");
    return false;
}

/* What a key that changes nothing in the databases needs to do something; NULL: nothing is missing. */
static const char *missing(const struct action *action, const struct model *model, int screen)
{
    const struct {
        enum action_do what;
        bool missing;
        const char *words;
    } needs[] = {
        {DO_UNDO, model->frozen, "the display is frozen; press f to resume it"},
        {DO_UNDO, !model->can_undo, "nothing to take back"},
        {DO_FILTER, !screen_at(screen)->filter && screen != 0, "this screen has no filter"},
        {DO_NEXT_MATCH, !model->searched, "no search yet; press / first"},
        {DO_PREVIOUS_MATCH, !model->searched, "no search yet; press / first"},
        {DO_ALERT, frame_alerts(model) == 0, "no alert"},
        {DO_MARK, model->fleet.shown == 0, "no migration is selected"},
        {DO_MARK_ALL, model->fleet.shown == 0, "no migration is shown"},
        {DO_OPEN, model->fleet.shown == 0, "no migration is selected"},
        {DO_ZOOM, !screen_at(screen)->zooms || !screen_at(screen)->zooms(model),
         "nothing to zoom on this screen"},
        {DO_SUSPEND, model->engine_note, "an engine runs in this program and would stop as well"},
    };

    if (action->fleet_only && screen != 0)
        return "on the fleet only: 1 opens it";
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (needs[i].what == action->what && needs[i].missing)
            return needs[i].words;
    return NULL;
}

static bool operation_possible(const struct action *action, const struct model *model, int screen,
                               char why[TMV_REASON_MAX])
{
    const struct tmv_migration *m = model_selected(model);

    if (model->frozen)
        snprintf(why, TMV_REASON_MAX, "the display is frozen; press f to resume it");
    else if (!screen_at(screen)->acts)
        snprintf(why, TMV_REASON_MAX, "not from this screen: 1 is the fleet, 2 the migration");
    else if (model->fleet.mark_count > 0 && screen == 0)
        return bulk_possible(action, model, why);
    else if (!m)
        snprintf(why, TMV_REASON_MAX, "no migration is selected");
    else if (action->what == DO_THROTTLE)
        return throttle_possible(m, why);
    else
        return request_possible(action, model, m, why);
    return false;
}

bool action_available(const struct action *action, const struct model *model, int screen,
                      char why[TMV_REASON_MAX])
{
    why[0] = '\0';
    if (!action_exists(action, model))
        snprintf(why, TMV_REASON_MAX, "read only: this console cannot change anything");
    else if (action->what == DO_OPERATION || action->what == DO_THROTTLE)
        return operation_possible(action, model, screen, why);
    else if (missing(action, model, screen))
        text_copy(why, TMV_REASON_MAX, missing(action, model, screen));
    return why[0] == '\0';
}

/* ---- key bar ---- */

static bool screen_offers(int screen, const struct model *model, const char *key)
{
    return !screen_at(screen)->offers || screen_at(screen)->offers(model, key);
}

static bool in_bar(const struct action *action, const struct model *model, int screen)
{
    if (!action->label || !action_exists(action, model))
        return false;
    if (action->group == GROUP_ACT)
        return screen_at(screen)->acts;
    return !action->fleet_only || screen == 0;
}

int action_key_bar(const struct model *model, int screen, struct key_item items[KEY_ITEMS_MAX],
                   char whys[KEY_ITEMS_MAX][TMV_REASON_MAX])
{
    const char *const *own = screen_at(screen)->keys;
    int n = 0;

    for (; own && own[0] && n < KEY_ITEMS_MAX; own += 2) {
        whys[n][0] = '\0';
        items[n] = (struct key_item){own[0], own[1], screen_offers(screen, model, own[0]), whys[n]};
        n++;
    }
    for (int i = 0; i < action_count() && n < KEY_ITEMS_MAX; i++) {
        if (!in_bar(&actions[i], model, screen))
            continue;
        items[n] = (struct key_item){actions[i].keys, actions[i].label, false, whys[n]};
        items[n].available = action_available(&actions[i], model, screen, whys[n]);
        if (actions[i].what != DO_FILTER || items[n].available)
            n++;
    }
    return n;
}

/* ---- help, palette, documentation ---- */

static void key_words(const struct action *action, char *text, size_t size)
{
    size_t two = strcspn(action->keys, "DH"); /* where Down or Home begins */
    char first[24];

    two = action->keys[two] != '\0' ? two : 0;

    if (action->what == DO_SCREEN)
        snprintf(text, size, "1 … %d", screen_count());
    else if (action->what == DO_MOVE) /* the two that are quickest to type */
        snprintf(text, size, "%.*s", (int)(two > 0 ? two - 1 : strlen(action->keys)), action->keys);
    else
        text_copy(text, size, action->keys[0] != '\0' ? action_key(action, first) : ":");
}

static void add_row(const struct action *action, const struct model *model, int screen, bool palette,
                    struct picker_rows *rows)
{
    struct picker_row row = {.role = ROLE_TEXT, .value = (int)(action - actions)};
    char why[TMV_REASON_MAX];

    row.off = !action_available(action, model, screen, why);
    key_words(action, row.key, sizeof row.key);
    snprintf(row.name, sizeof row.name, "%s%s%s", action->name, palette && action->argument ? " " : "",
             palette && action->argument ? action->argument : "");
    if (row.off)
        snprintf(row.text, sizeof row.text, "not now: %s", why);
    else
        text_copy(row.text, sizeof row.text, action->help);
    picker_add(rows, &row);
}

static void add_signs(struct picker_rows *rows)
{
    static const struct {
        const char *sign, *name, *text;
    } signs[] = {
        {"▶", "copy, sync", "events are copied; mirrored, and a gate of the cutover is still red"},
        {"◆", "ready", "every gate is green: c may be pressed"},
        {"●", "cutover", "writers are held, for milliseconds"},
        {"‖", "paused", "by a person; r resumes it"},
        {"≈", "throttled", "a limit holds the copy; the note says which"},
        {"~", "waiting", "its engine is retrying; the note says why"},
        {"✗", "failed", "needs a person: Enter shows why"},
        {"✓", "done", "the tenant lives on the target"},
        {"?", "orphan", "its engine is gone; another one takes it over"},
        {"( )", "parentheses", "not possible now; press the key to read why"},
    };

    picker_add_heading(rows, "signs");
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        struct picker_row row = {.role = ROLE_TEXT, .value = -1};
        text_copy(row.key, sizeof row.key, signs[i].sign);
        text_copy(row.name, sizeof row.name, signs[i].name);
        text_copy(row.text, sizeof row.text, signs[i].text);
        picker_add(rows, &row);
    }
}

static void add_filter_fields(struct picker_rows *rows)
{
    static const char *const forms[][2] = {{"word -word", "contains, does not contain; \"two words\""},
                                           {"~^ac.*eu", "a regular expression"},
                                           {"!note", "a field that has nothing to say"}};
    struct picker_row row = {.role = ROLE_TEXT, .value = -1};

    picker_add_heading(rows, "terms of the filter: all of them have to hold");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        text_copy(row.name, sizeof row.name, forms[i][0]);
        text_copy(row.text, sizeof row.text, forms[i][1]);
        picker_add(rows, &row);
    }
    for (int i = 0; i < filter_field_count(); i++) {
        text_copy(row.name, sizeof row.name, filter_field_at(i)->example);
        text_copy(row.text, sizeof row.text, filter_field_at(i)->help);
        picker_add(rows, &row);
    }
}

static void add_own_keys(int screen, const struct model *model, struct picker_rows *rows)
{
    const char *const *own = screen_at(screen)->keys;

    if (!own || !own[0])
        return;
    picker_add_heading(rows, "this screen");
    for (; own[0]; own += 2) {
        struct picker_row row = {
            .role = ROLE_TEXT, .value = -1, .off = !screen_offers(screen, model, own[0])};
        text_copy(row.key, sizeof row.key, own[0]);
        text_copy(row.name, sizeof row.name, own[1]);
        picker_add(rows, &row);
    }
}

void action_help_rows(const struct model *model, int screen, struct picker_rows *rows)
{
    int group = -1;

    add_own_keys(screen, model, rows);
    for (int i = 0; i < action_count(); i++) {
        if (!action_exists(&actions[i], model))
            continue;
        if ((int)actions[i].group != group)
            picker_add_heading(rows, groups[actions[i].group]);
        group = (int)actions[i].group;
        add_row(&actions[i], model, screen, false, rows);
    }
    add_filter_fields(rows);
    add_signs(rows);
}

void action_palette_rows(const struct model *model, int screen, struct picker_rows *rows)
{
    for (int i = 0; i < action_count(); i++)
        if (action_exists(&actions[i], model) && actions[i].what != DO_MOVE &&
            actions[i].what != DO_PALETTE && actions[i].what != DO_CANCEL)
            add_row(&actions[i], model, screen, true, rows);
}

void action_markdown(FILE *out)
{
    int group = -1;

    for (int i = 0; i < action_count(); i++) {
        char key[64];
        if ((int)actions[i].group != group)
            fprintf(out, "\n**%s**\n\n| key | `:` name | what |\n|---|---|---|\n", groups[actions[i].group]);
        group = (int)actions[i].group;
        key_words(&actions[i], key, sizeof key);
        fprintf(out, "| %s%s%s | `%s%s%s` | %s |\n", actions[i].keys[0] ? "`" : "",
                actions[i].keys[0] ? key : "", actions[i].keys[0] ? "`" : "", actions[i].name,
                actions[i].argument ? " " : "", actions[i].argument ? actions[i].argument : "",
                actions[i].help);
    }
    fputs("\n**filter**: blank-separated terms that all have to hold\n\n| term | what |\n|---|---|\n"
          "| `word`, `-word`, `\"two words\"` | tenant, state, store or note contains it, or does not |\n"
          "| `~expression` | a regular expression over the same |\n| `!field` | the field has nothing to say "
          "|\n",
          out);
    for (int i = 0; i < filter_field_count(); i++)
        fprintf(out, "| `%s` | %s |\n", filter_field_at(i)->example, filter_field_at(i)->help);
}
