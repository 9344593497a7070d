/* Screen 5: the servers behind the stores, as engines last saw them: in which role, how busy, how full, who
 * holds an old transaction, what the guards turned away, and which migrations come in and go out. */
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "view/model.h"
#include "view/states.h"
#include "widgets/chart.h"
#include "widgets/format.h"
#include "widgets/table.h"

#define PLACE 4 /* in the table of screens */
#define OLD_TRANSACTION_US INT64_C(60000000)
#define REPLAY_LAG_US INT64_C(5000000)

enum store_column {
    S_GLYPH,
    S_STORE,
    S_ROLE,
    S_VERSION,
    S_ANSWER,
    S_CONNECTIONS,
    S_OLDEST,
    S_REPLAY,
    S_SIZE,
    S_TENANTS,
    S_IN,
    S_OUT,
    S_REJECTED,
    S_NOTE
};
static const struct column columns[] = {
    [S_GLYPH] = {"", 1, 1, 0, false, false},
    [S_STORE] = {"STORE", 16, 24, 0, false, false},
    [S_ROLE] = {"ROLE", 7, 9, 2, false, false},
    [S_VERSION] = {"VERSION", 7, 7, 10, false, false},
    [S_ANSWER] = {"ANSWER", 6, 7, 9, false, true},
    [S_CONNECTIONS] = {"CONN", 7, 8, 4, false, true},
    [S_OLDEST] = {"OLDEST", 6, 7, 5, false, true},
    [S_REPLAY] = {"REPLICA", 7, 7, 7, false, true},
    [S_SIZE] = {"SIZE", 6, 7, 6, false, true},
    [S_TENANTS] = {"TENANTS", 7, 7, 3, false, true},
    [S_IN] = {"IN", 3, 3, 3, false, true},
    [S_OUT] = {"OUT", 3, 3, 3, false, true},
    [S_REJECTED] = {"REJECTED", 8, 8, 8, false, true},
    [S_NOTE] = {"NOTE", 14, 40, 1, true, false},
};

/* Migrations that are under way into (`in`) or out of a store. */
static int moves(const struct model *model, const char *store, bool in)
{
    int count = 0;

    for (size_t i = 0; model->snapshot && i < model->snapshot->migration_count; i++) {
        const struct tmv_migration *m = &model->snapshot->migrations[i];
        count += !tmv_phase_is_terminal(m->phase) && strcmp(in ? m->target : m->source, store) == 0;
    }
    return count;
}

/* ---- what is known of a store ---- */

/* Figures are true for as long as those of a migration. */
static bool is_current(const struct model *model, int64_t at_us)
{
    return model->now_us - at_us <= TMV_FACT_TTL_US;
}

static bool is_known(const struct model *model, const struct store_view *store)
{
    return store->now.seen && is_current(model, store->now.looked_us);
}

static bool is_failing(const struct model *model, const struct store_view *store)
{
    return store->now.failing && is_current(model, store->now.failed_us);
}

static const char *age_words(const struct model *model, int64_t at_us, char text[FORMAT_MAX])
{
    int64_t age = model->now_us - at_us;

    return format_duration(age < 0 ? 0 : age, text);
}

static const char *role_word(const struct store_view *store)
{
    return store->now.look.standby ? "standby" : store->now.look.read_only ? "read only" : "primary";
}

/* Why there are no figures of this moment. */
static void unknown_words(const struct model *model, const struct store_view *store, char *text, size_t size)
{
    const struct tmv_store_observation *now = &store->now;
    char age[FORMAT_MAX];

    if (!model->connected)
        snprintf(text, size, "not known: the control database is away");
    else if (!now->engine_runs && !now->seen)
        snprintf(text, size, "not known: no engine runs");
    else if (!now->engine_runs)
        snprintf(text, size, "not known: no engine runs; last looked at %s ago",
                 age_words(model, now->looked_us, age));
    else if (now->seen)
        snprintf(text, size, "not known: last looked at %s ago", age_words(model, now->looked_us, age));
    else
        snprintf(text, size, "not known: no engine has looked at it yet");
}

/* What is not as it should be, of a store that is known; "" when all is well. */
static void worry_words(const struct tmv_store_look *look, char *text, size_t size)
{
    char age[FORMAT_MAX];

    text[0] = '\0';
    if (look->standby || look->read_only)
        snprintf(text, size, "takes no writes");
    else if (look->oldest_us > OLD_TRANSACTION_US)
        snprintf(text, size, "transaction open for %s: pid %d", format_duration(look->oldest_us, age),
                 look->oldest_pid);
    else if (look->replay_us > REPLAY_LAG_US)
        snprintf(text, size, "replica %s behind", format_duration(look->replay_us, age));
    else if (look->connections * 10 > look->connections_max * 9)
        snprintf(text, size, "almost out of connections");
    else if (look->disk_free_bytes >= 0 && look->disk_free_bytes < look->disk_bytes / 20)
        snprintf(text, size, "disk almost full: %s free", format_bytes(look->disk_free_bytes, age));
}

/* What an operator should know first; "" when all is well. A store that one engine does not reach and another
 * one does is not away. */
static enum role note_words(const struct model *model, const struct store_view *store, char *text,
                            size_t size)
{
    const struct tmv_store_observation *now = &store->now;
    bool known = is_known(model, store);

    if (is_failing(model, store) && known && strcmp(now->failed_by, now->seen_by) != 0) {
        snprintf(text, size, "not reached by %.60s: %.300s", now->failed_by, now->why);
        return ROLE_LEVEL_WARN;
    }
    if (is_failing(model, store)) {
        text_copy(text, size, now->why);
        return ROLE_LEVEL_CRIT;
    }
    if (!known) {
        unknown_words(model, store, text, size);
        return ROLE_LEVEL_WARN;
    }
    worry_words(&now->look, text, size);
    return ROLE_LEVEL_WARN;
}

static enum role store_role(const struct model *model, const struct store_view *store, const char **ret_glyph)
{
    char note[TMV_REASON_MAX];
    enum role role = note_words(model, store, note, sizeof note);

    *ret_glyph = note[0] == '\0' ? "✓" : role == ROLE_LEVEL_CRIT ? "✗" : !is_known(model, store) ? "?" : "!";
    return note[0] != '\0' ? role : ROLE_LEVEL_OK;
}

static const char *version_words(int version, char text[FORMAT_MAX])
{
    snprintf(text, FORMAT_MAX, "%d.%d", version / 10000, version % 10000);
    return text;
}

/* Figures of the server, none that are of the past. */
static void figure_cell(const struct model *model, const struct store_view *store, int column,
                        struct canvas *canvas, struct rect cell)
{
    const struct tmv_store_look *look = &store->now.look;
    enum role role = is_failing(model, store) || !is_known(model, store) ? ROLE_TEXT_DIM : ROLE_TEXT;
    char text[FORMAT_MAX] = "";

    if (!is_known(model, store))
        text_copy(text, sizeof text, "?");
    else if (column == S_VERSION)
        version_words(look->server_version, text);
    else if (column == S_ANSWER)
        format_duration(look->answer_us, text);
    else if (column == S_CONNECTIONS)
        snprintf(text, sizeof text, "%d/%d", look->connections, look->connections_max);
    else if (column == S_OLDEST)
        format_short(look->oldest_us, text);
    else if (column == S_REPLAY)
        format_short(look->replay_us, text);
    else if (column == S_SIZE)
        format_bytes(look->database_bytes, text);
    else if (column == S_REJECTED)
        format_grouped(look->rejected, text);
    if (columns[column].right)
        canvas_fit_right(canvas, cell, role, text);
    else
        canvas_fit(canvas, cell, role, text);
}

static void store_cell(void *user, int row, int column, struct canvas *canvas, struct rect cell)
{
    const struct model *model = user;
    const struct store_view *store = &model->stores[row];
    char text[TMV_REASON_MAX];
    const char *glyph;
    enum role role = store_role(model, store, &glyph);

    switch ((enum store_column)column) {
    case S_GLYPH:
        canvas_text(canvas, cell, 0, role, glyph);
        break;
    case S_STORE:
        canvas_fit(canvas, cell, ROLE_TEXT_STRONG, store->now.id);
        break;
    case S_ROLE:
        canvas_fit(canvas, cell, ROLE_TEXT, is_known(model, store) ? role_word(store) : "?");
        break;
    case S_TENANTS:
        canvas_fit_right(canvas, cell, ROLE_TEXT, format_grouped(store->tenants, text));
        break;
    case S_IN:
    case S_OUT:
        snprintf(text, sizeof text, "%d", moves(model, store->now.id, column == S_IN));
        canvas_fit_right(canvas, cell, strcmp(text, "0") == 0 ? ROLE_TEXT_DIM : ROLE_TEXT, text);
        break;
    case S_NOTE:
        role = note_words(model, store, text, sizeof text);
        canvas_fit(canvas, cell, role, text);
        break;
    case S_VERSION:
    case S_ANSWER:
    case S_CONNECTIONS:
    case S_OLDEST:
    case S_REPLAY:
    case S_SIZE:
    case S_REJECTED:
        figure_cell(model, store, column, canvas, cell);
        break;
    }
}

/* ---- the selected one in words ---- */

#define COLUMNS ((int)(sizeof columns / sizeof *columns))

struct detail {
    const struct model *model;
    const struct store_view *store;
    struct canvas *canvas;
    struct rect rest;
};

/* A line with its label; false when there is no room. */
static bool begin_line(struct detail *d, const char *label, struct line *ret_line)
{
    struct rect area = rect_top(&d->rest, 1);

    canvas_text(d->canvas, area, 1, ROLE_TEXT_DIM, label);
    area.x += 15;
    area.w -= 16;
    *ret_line = line_begin(d->canvas, area);
    return area.h > 0 && area.w > 0;
}

static void put_gauge(struct line *line, int64_t part, int64_t whole)
{
    struct rect bar = line->rest;

    if (whole <= 0 || line->rest.w < 34 || line->canvas->words)
        return;
    bar.w = 20;
    chart_gauge(line->canvas, bar, part, whole);
    line->rest.x += bar.w + 2;
    line->rest.w -= bar.w + 2;
}

static void server_line(struct detail *d)
{
    const struct tmv_store_look *look = &d->store->now.look;
    struct line line;
    char a[FORMAT_MAX], b[FORMAT_MAX];

    if (!begin_line(d, "server", &line))
        return;
    line_putf(&line, ROLE_TEXT, "PostgreSQL %s, %s, up %s", version_words(look->server_version, a),
              role_word(d->store),
              format_duration(look->started_at_us > 0 ? look->now_us - look->started_at_us : -1, b));
    line_putf(&line, ROLE_TEXT_DIM, "   answers in %s", format_duration(look->answer_us, a));
    if (d->store->commit_rate >= 0)
        line_putf(&line, ROLE_TEXT_DIM, "   %s transactions/s", format_count(d->store->commit_rate, a));
}

static void connection_line(struct detail *d)
{
    const struct tmv_store_look *look = &d->store->now.look;
    struct line line;

    if (!begin_line(d, "connections", &line))
        return;
    put_gauge(&line, look->connections, look->connections_max);
    line_putf(&line, ROLE_TEXT, "%d of %d", look->connections, look->connections_max);
    line_putf(&line, ROLE_TEXT_DIM, ", %d of them tenantmv's", look->connections_ours);
}

static void oldest_line(struct detail *d)
{
    const struct tmv_store_look *look = &d->store->now.look;
    struct line line;
    char age[FORMAT_MAX];

    if (!begin_line(d, "oldest", &line))
        return;
    if (look->oldest_us < 0) {
        line_put(&line, ROLE_TEXT_DIM, "no open transaction");
        return;
    }
    line_putf(&line, look->oldest_us > OLD_TRANSACTION_US ? ROLE_LEVEL_WARN : ROLE_TEXT,
              "transaction open for %s", format_duration(look->oldest_us, age));
    line_putf(&line, ROLE_TEXT_DIM, "   pid %d  %s", look->oldest_pid, look->oldest_who);
}

static void replica_line(struct detail *d)
{
    const struct tmv_store_look *look = &d->store->now.look;
    struct line line;
    char a[FORMAT_MAX], b[FORMAT_MAX];

    if (!begin_line(d, "replication", &line))
        return;
    if (look->standby)
        line_putf(&line, ROLE_TEXT, "a standby itself, %s behind", format_duration(look->replay_us, a));
    else if (look->standbys == 0)
        line_put(&line, ROLE_TEXT_DIM, "no standby: what this server loses is lost");
    else
        line_putf(&line, look->replay_us > REPLAY_LAG_US ? ROLE_LEVEL_WARN : ROLE_TEXT,
                  "%d standby%s, %s, replay %s and %s behind", look->standbys, look->standbys == 1 ? "" : "s",
                  look->synchronous ? "synchronous" : "asynchronous", format_duration(look->replay_us, a),
                  format_bytes(look->replay_bytes, b));
}

static void disk_line(struct detail *d)
{
    const struct tmv_store_look *look = &d->store->now.look;
    struct line line;
    char a[FORMAT_MAX], b[FORMAT_MAX];

    if (!begin_line(d, "disk", &line))
        return;
    put_gauge(&line, look->disk_bytes - look->disk_free_bytes,
              look->disk_free_bytes >= 0 ? look->disk_bytes : 0);
    line_putf(&line, ROLE_TEXT, "database %s", format_bytes(look->database_bytes, a));
    if (look->events_bytes >= 0)
        line_putf(&line, ROLE_TEXT_DIM, ", events %s", format_bytes(look->events_bytes, a));
    if (look->disk_free_bytes >= 0)
        line_putf(&line, ROLE_TEXT, "   %s of %s free", format_bytes(look->disk_free_bytes, a),
                  format_bytes(look->disk_bytes, b));
    else
        line_put(&line, ROLE_TEXT_DIM, "   free space: only its own machine knows");
}

static void guard_line(struct detail *d)
{
    const struct tmv_store_look *look = &d->store->now.look;
    struct line line;
    char a[FORMAT_MAX];

    if (!begin_line(d, "guard", &line))
        return;
    if (!look->guard_ready) {
        line_put(&line, ROLE_TEXT_DIM, "none here: no tenant ever moved out of or into this store");
        return;
    }
    line_putf(&line, ROLE_TEXT, "%d watched, %d shut, %d moved away", look->fences_open, look->fences_shut,
              look->fences_moved);
    if (look->rejected < 0)
        return;
    line_putf(&line, ROLE_TEXT, "   %s writes turned away", format_grouped(look->rejected, a));
    if (d->store->rejected_before >= 0 && look->rejected > d->store->rejected_before)
        line_putf(&line, ROLE_LEVEL_WARN, ", %s of them since this console looks",
                  format_grouped(look->rejected - d->store->rejected_before, a));
}

static void move_line(struct detail *d, const char *label, bool in)
{
    int count = moves(d->model, d->store->now.id, in);
    struct line line;

    if (!begin_line(d, label, &line))
        return;
    if (count > 1) /* the line may show the first of them only */
        line_putf(&line, ROLE_TEXT, "%d:  ", count);
    for (size_t i = 0; d->model->snapshot && i < d->model->snapshot->migration_count; i++) {
        const struct tmv_migration *m = &d->model->snapshot->migrations[i];
        char name[TENANT_NAME_MAX];
        if (tmv_phase_is_terminal(m->phase) || strcmp(in ? m->target : m->source, d->store->now.id) != 0)
            continue;
        line_put(&line, state_look(m->show)->role, state_look(m->show)->glyph);
        line_putf(&line, ROLE_TEXT, " %s %s", tenant_name(&d->model->names, &m->tenant, name),
                  in ? "from" : "to");
        line_putf(&line, ROLE_TEXT_DIM, " %s   ", in ? m->source : m->target);
    }
    if (count == 0)
        line_put(&line, ROLE_TEXT_DIM, "nothing now");
}

/* Since when an engine does not reach it, and why: also what was so when an engine last looked. */
static void unreachable_lines(struct detail *d)
{
    const struct tmv_store_observation *now = &d->store->now;
    enum role role = is_failing(d->model, d->store) ? ROLE_LEVEL_CRIT : ROLE_TEXT_DIM;
    char since[FORMAT_MAX], last[FORMAT_MAX];
    struct line line;

    if (begin_line(d, role == ROLE_LEVEL_CRIT ? "unreachable" : "last failure", &line)) {
        struct rect why = line.rest;
        why.h = d->rest.h + 1;
        rect_top(&d->rest, canvas_wrap(d->canvas, why, role, now->why) - 1);
    }
    if (now->hint[0] != '\0' && role == ROLE_LEVEL_CRIT && begin_line(d, "", &line))
        line_put(&line, ROLE_HINT, now->hint);
    if (begin_line(d, "", &line))
        line_putf(&line, ROLE_TEXT_DIM, "for %s, as %s found %s ago",
                  age_words(d->model, now->failing_since_us, since), now->failed_by,
                  age_words(d->model, now->failed_us, last));
}

/* The newest facts; the heading says how old they are, and a line when that is too old. */
static void fact_lines(struct detail *d)
{
    struct line line;
    char words[TMV_REASON_MAX];

    if (!is_known(d->model, d->store) && begin_line(d, "not known", &line)) {
        unknown_words(d->model, d->store, words, sizeof words);
        line_put(&line, ROLE_LEVEL_WARN, words + strlen("not known: "));
        line_put(&line, ROLE_TEXT_DIM, d->store->now.seen ? "   below: as it was then" : "");
    }
    if (!d->store->now.seen)
        return;
    if (begin_line(d, "place", &line))
        line_put(&line, ROLE_TEXT, d->store->now.look.place);
    server_line(d);
    connection_line(d);
    oldest_line(d);
    disk_line(d);
    guard_line(d);
    replica_line(d);
}

static void detail_draw(const struct model *model, const struct store_view *store, struct canvas *canvas,
                        struct rect area)
{
    struct detail d = {model, store, canvas, area};
    char right[TMV_NAME_MAX + 80] = "never reached", age[FORMAT_MAX];

    if (store->now.seen)
        snprintf(right, sizeof right, "looked at %s ago by %.60s",
                 age_words(model, store->now.looked_us, age), store->now.seen_by);
    canvas_separator(canvas, rect_top(&d.rest, 1), store->now.id, right);
    if (store->now.failing)
        unreachable_lines(&d);
    fact_lines(&d);
    move_line(&d, "moving out", false);
    move_line(&d, "moving in", true);
}

/* ---- the whole ---- */

struct parts {
    struct rect table, whole, detail; /* a height of 0: it left */
};

static void selected_note(const struct model *model, char text[TMV_REASON_MAX])
{
    int row = model->lists[PLACE].row;

    text[0] = '\0';
    if (row < (int)model->store_count)
        note_words(model, &model->stores[row], text, TMV_REASON_MAX);
}

static void split(const struct model *model, struct rect area, struct parts *ret_parts)
{
    int wanted = (int)model->store_count + 2;
    char note[TMV_REASON_MAX];

    memset(ret_parts, 0, sizeof *ret_parts);
    selected_note(model, note);
    if (area.h >= 14 && !model->zoom)
        ret_parts->detail = rect_bottom(&area, area.h - wanted < 10 ? area.h * 6 / 10 : area.h - wanted);
    else /* what the detail would say */
        ret_parts->whole = rect_bottom(&area, table_whole_rows(columns, COLUMNS, S_NOTE, area, note));
    ret_parts->table = area;
}

static void stores_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct list_state *list = &model->lists[PLACE];
    struct parts parts;
    char note[TMV_REASON_MAX];
    struct table table = {columns,   COLUMNS,    (int)model->store_count, list->top,
                          list->row, store_cell, (void *)(uintptr_t)model};

    if (model->store_count == 0) {
        bool refused = model->stores_problem[0] != '\0';
        canvas_wrap(canvas, (struct rect){area.x + 2, area.y + 1, area.w - 4, area.h - 1},
                    refused ? ROLE_LEVEL_CRIT : ROLE_TEXT_DIM,
                    refused          ? model->stores_problem
                    : !model->stores ? "Reading what engines saw of the stores …"
                                     : "No store yet. Add one with: tenantmv store add NAME CONNINFO");
        return;
    }
    split(model, area, &parts);
    table_draw(canvas, parts.table, &table);
    selected_note(model, note);
    if (parts.whole.h > 0)
        table_whole_draw(canvas, parts.whole, note);
    if (parts.detail.h > 0 && list->row < (int)model->store_count)
        detail_draw(model, &model->stores[list->row], canvas, parts.detail);
}

static void stores_move(struct model *model, struct rect area, int rows)
{
    struct list_state *list = &model->lists[PLACE];
    struct parts parts;
    int count = (int)model->store_count;

    model->stores_wanted = true;
    model->no_subject = true;
    split(model, area, &parts);
    if (rows == MOVE_PAGE || rows == -MOVE_PAGE)
        rows = rows > 0 ? parts.table.h - 1 : 1 - parts.table.h;
    list->row += rows;
    list->row = list->row >= count ? (count > 0 ? count - 1 : 0) : list->row < 0 ? 0 : list->row;
    list->top = table_scroll(list->top, list->row, count, parts.table.h - 1);
}

static bool stores_zooms(const struct model *model)
{
    return model->store_count > 0;
}

const struct screen screen_stores = {
    .title = "Stores",
    .key = '5',
    .help = "the servers: role, load, old transactions, replication, disk, what the guards turned away",
    .draw = stores_draw,
    .move = stores_move,
    .zooms = stores_zooms,
};
