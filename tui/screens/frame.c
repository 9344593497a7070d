#include "screens/frame.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"
#include "lib/utf8.h"
#include "view/health.h"
#include "view/states.h"
#include "widgets/format.h"

enum role fresh_words(const struct model *model, char *text, size_t size)
{
    int64_t age = model_age_us(model), gone = (model->now_us - model->offline_since_us) / 1000000;
    long long seconds = (long long)(age / 1000000);

    switch (model_freshness(model)) {
    case FRESH_CONNECTING:
        snprintf(text, size, "CONNECTING");
        return ROLE_FRESH_LAG;
    case FRESH_LIVE:
        snprintf(text, size, "LIVE %lld.%llds", seconds, (long long)(age / 100000 % 10));
        return ROLE_FRESH_LIVE;
    case FRESH_LAG:
        snprintf(text, size, "LAG %llds", seconds);
        return ROLE_FRESH_LAG;
    case FRESH_STALE:
        snprintf(text, size, "STALE %llds", seconds);
        return ROLE_FRESH_STALE;
    case FRESH_OFFLINE:
        break;
    }
    gone = gone < 0 ? 0 : gone > 359999 ? 359999 : gone;
    if (gone < 3600)
        snprintf(text, size, "OFFLINE %02d:%02d", (int)(gone / 60), (int)(gone % 60));
    else
        snprintf(text, size, "OFFLINE %d:%02d:%02d", (int)(gone / 3600), (int)(gone / 60 % 60),
                 (int)(gone % 60));
    return ROLE_FRESH_OFFLINE;
}

static enum role mode_words(const struct model *model, const char **ret_words)
{
    const struct {
        bool is;
        const char *words;
        enum role role;
    } modes[] = {{model->replaying, "[REPLAY]", ROLE_MODE_REPLAY},
                 {model->frozen, "[FROZEN]", ROLE_MODE_FROZEN},
                 {model->unjudged, "", ROLE_TEXT_DIM},
                 {model->read_only, "[READ-ONLY]", ROLE_MODE_READONLY},
                 {true, "[OPERATE]", ROLE_MODE_OPERATE}};
    size_t i = 0;

    while (!modes[i].is)
        i++;
    *ret_words = modes[i].words;
    return modes[i].role;
}

static enum role badge_role(const char *kind)
{
    if (fold_equal(kind, "prod") || fold_equal(kind, "production"))
        return ROLE_ENV_PROD;
    return fold_equal(kind, "staging") ? ROLE_ENV_STAGING : ROLE_ENV_DEV;
}

/* A word of the header with the order in which it leaves when there is no room; 0 stays. */
struct header_word {
    char text[120];
    enum role role;
    int leaves;
    bool right;
};

#define HEADER_WORDS 8

static int collect_header(const struct model *model, struct header_word words[HEADER_WORDS])
{
    const char *mode;
    enum role mode_role = mode_words(model, &mode);
    char fresh[40], clock[FORMAT_MAX], kind[24] = "";
    int n = 0;

    for (size_t i = 0; model->environment_kind && model->environment_kind[i] && i + 1 < sizeof kind; i++)
        kind[i] = (char)(model->environment_kind[i] >= 'a' && model->environment_kind[i] <= 'z'
                             ? model->environment_kind[i] - 'a' + 'A'
                             : model->environment_kind[i]);
    words[n++] = (struct header_word){" tenantmv ", ROLE_HEADER, 2, false};
    if (model->environment) {
        words[n] = (struct header_word){"", ROLE_HEADER, 4, false};
        snprintf(words[n++].text, sizeof words->text, " %.40s ", model->environment);
    }
    if (kind[0] != '\0') {
        words[n] = (struct header_word){"", badge_role(kind), 0, false};
        snprintf(words[n++].text, sizeof words->text, "[%s]", kind);
    }
    if (model->who) {
        words[n] = (struct header_word){"", ROLE_HEADER_TAB, 5, false};
        snprintf(words[n++].text, sizeof words->text, "  %.60s", model->who);
    }
    words[n] = (struct header_word){"", mode_role, 0, true};
    text_copy(words[n++].text, sizeof words->text, mode);
    words[n].role = fresh_words(model, fresh, sizeof fresh);
    words[n].leaves = 0;
    words[n].right = true;
    snprintf(words[n++].text, sizeof words->text, " %s ", fresh);
    words[n] = (struct header_word){"", ROLE_HEADER, 3, true};
    snprintf(words[n++].text, sizeof words->text, " %s ", format_clock(model->wall_us, clock));
    return n;
}

static int header_width(const struct header_word *words, int n)
{
    int width = 0;

    for (int i = 0; i < n; i++)
        width += text_width(words[i].text);
    return width;
}

static void draw_header(const struct model *model, struct canvas *canvas, struct rect area)
{
    struct header_word words[HEADER_WORDS];
    int n = collect_header(model, words);
    struct line line = line_begin(canvas, area);

    canvas_fill(canvas, area, ROLE_HEADER, " ");
    while (header_width(words, n) + 1 > area.w) {
        int worst = -1;
        for (int i = 0; i < n; i++)
            if (words[i].text[0] != '\0' && words[i].leaves > 0 &&
                (worst < 0 || words[i].leaves > words[worst].leaves))
                worst = i;
        if (worst < 0)
            break;
        words[worst].text[0] = '\0';
    }
    for (int i = n - 1; i >= 0; i--)
        if (words[i].right)
            line_try_right(&line, words[i].role, words[i].text);
    for (int i = 0; i < n; i++)
        if (!words[i].right && words[i].text[0] != '\0')
            line_put(&line, words[i].role, words[i].text);
}

int frame_alerts(const struct model *model)
{
    int64_t alerts;

    if (!model->snapshot)
        return 0;
    alerts = fleet_alerts(model->snapshot);
    return alerts > INT_MAX ? INT_MAX : (int)alerts;
}

static void draw_tabs(const struct model *model, const struct frame *frame, struct canvas *canvas,
                      struct rect area)
{
    struct line line = line_begin(canvas, area);
    int alerts = frame_alerts(model);
    char text[120];

    line_put(&line, ROLE_TEXT, " ");
    for (int i = 0; i < screen_count(); i++) {
        bool active = i == frame->active;
        snprintf(text, sizeof text, active ? "[%c %s]" : " %c %s ", screen_at(i)->key, screen_at(i)->title);
        line_try(&line, active ? ROLE_HEADER_ACTIVE : ROLE_TEXT_DIM, text);
    }
    snprintf(text, sizeof text, "! %d alert%s ", alerts, alerts == 1 ? "" : "s");
    if (alerts > 0)
        line_try_right(&line, ROLE_LEVEL_CRIT, text);
    line_put(&line, ROLE_TEXT, "  ");
    if (model->engine_note)
        line_try(&line, ROLE_TEXT_DIM, model->engine_note);
    if (model->engine_missing)
        line_try(&line, ROLE_LEVEL_WARN, model->engine_missing);
}

/* Draws from the left what fits whole; "? help" has its place at the right end and never leaves first. */
static void draw_keys(const struct frame *frame, struct canvas *canvas, struct rect area)
{
    struct line line = line_begin(canvas, area);
    char text[120];

    if (line.rest.w > 12 && !frame->dialog) {
        line_try_right(&line, ROLE_KEY_LABEL, " help ");
        line_try_right(&line, ROLE_KEY, " ?");
    }
    for (int i = 0; i < frame->key_count; i++) {
        const struct key_item *item = &frame->keys[i];
        int width = text_width(item->key) + text_width(item->label) + 4;
        if (width > line.rest.w)
            continue;
        line_put(&line, ROLE_TEXT, " ");
        if (item->available) {
            line_put(&line, ROLE_KEY, item->key);
            line_putf(&line, ROLE_KEY_LABEL, " %s ", item->label);
        } else {
            snprintf(text, sizeof text, "(%s %s)", item->key, item->label);
            line_put(&line, ROLE_DISABLED, text);
        }
    }
}

static void draw_outcome(const struct model *model, const struct frame *frame, struct canvas *canvas,
                         struct rect area)
{
    struct line line = line_begin(canvas, area);

    if (frame->prompt) {
        line_put(&line, ROLE_KEY, " ");
        line_put(&line, ROLE_KEY, frame->prompt_label);
        field_draw(frame->prompt, canvas, line.rest, true);
        return;
    }
    if (frame->toast[0] != '\0') {
        char text[600];
        line_try_right(&line, ROLE_TEXT, " ");
        if (text_width(frame->toast_hint) + 20 < line.rest.w)
            line_try_right(&line, ROLE_KEY, frame->toast_hint);
        snprintf(text, sizeof text, " %s ", frame->toast);
        line_put(&line, frame->toast_role, text);
    } else if (!model->connected && model->link_error[0] != '\0' && model->snapshot) {
        line_putf(&line, ROLE_LEVEL_WARN, " offline: %s", model->link_error);
    }
}

/* Too small for a frame: the words that matter, in order of need. */
static void draw_tiny(const struct model *model, struct canvas *canvas)
{
    struct rect area = canvas_all(canvas);
    struct line line = line_begin(canvas, rect_top(&area, 1));
    const struct tmv_migration *m = model_under_cursor(model);
    char fresh[40], name[TENANT_NAME_MAX];
    enum role role = fresh_words(model, fresh, sizeof fresh);
    int alerts = frame_alerts(model);

    line_put(&line, role, fresh);
    if (alerts > 0)
        line_putf(&line, ROLE_LEVEL_CRIT, " !%d", alerts);
    if (m) {
        const struct state_look *look = state_look(m->show);
        if (area.h > 0)
            line = line_begin(canvas, rect_top(&area, 1));
        else
            line_put(&line, ROLE_TEXT, " ");
        line_putf(&line, look->role, "%s %s", look->glyph, look->word);
        line_putf(&line, ROLE_TEXT_STRONG, " %s", tenant_name(&model->names, &m->tenant, name));
    }
    canvas_fit(canvas, rect_bottom(&area, 1), ROLE_TEXT_DIM, "q quit, or enlarge");
    if (m)
        canvas_wrap(canvas, area, ROLE_TEXT, m->note);
}

#define NOTE_PARTS "   " /* between the parts of the caller's line */

/* Where the second line of a note begins that is too long for one; NULL: it has only one. */
static const char *note_more(const struct model *model, const struct canvas *canvas)
{
    const char *more = strstr(model->note, NOTE_PARTS);

    return text_width(model->note) + 1 > canvas->cols && canvas->rows >= 24 && more
               ? more + strlen(NOTE_PARTS)
               : NULL;
}

static int note_lines(const struct model *model, const struct canvas *canvas)
{
    if (model->note[0] == '\0' || canvas->rows < 16)
        return 0;
    return note_more(model, canvas) ? 2 : 1;
}

static void draw_note(const struct model *model, struct canvas *canvas, struct rect area)
{
    const char *more = note_more(model, canvas);
    char first[sizeof model->note];

    text_copy(first, sizeof first, model->note);
    if (more)
        first[more - model->note - (ptrdiff_t)strlen(NOTE_PARTS)] = '\0';
    area.x++;
    area.w--;
    canvas_fit(canvas, rect_top(&area, 1), ROLE_HINT, first);
    if (more)
        canvas_fit(canvas, area, ROLE_HINT, more);
}

struct rect frame_body(const struct model *model, const struct canvas *canvas)
{
    struct rect body = canvas_all(canvas);

    if (canvas->cols < FRAME_COLS || canvas->rows < FRAME_ROWS)
        return (struct rect){0, 0, 0, 0};
    rect_top(&body, 2 + note_lines(model, canvas));
    rect_bottom(&body, 2);
    return body;
}

void frame_draw(const struct model *model, const struct frame *frame, struct canvas *canvas)
{
    struct rect rest = canvas_all(canvas), body = frame_body(model, canvas);

    canvas_clear(canvas);
    if (body.h == 0) {
        draw_tiny(model, canvas);
        return;
    }
    draw_header(model, canvas, rect_top(&rest, 1));
    draw_tabs(model, frame, canvas, rect_top(&rest, 1));
    if (body.y > 2)
        draw_note(model, canvas, rect_top(&rest, body.y - 2));
    if (model->no_keys)
        canvas_fit(canvas, rect_bottom(&rest, 1), ROLE_TEXT_DIM, " keys are off; Ctrl-C ends");
    else
        draw_keys(frame, canvas, rect_bottom(&rest, 1));
    draw_outcome(model, frame, canvas, rect_bottom(&rest, 1));
    screen_at(frame->active)->draw(model, canvas, body);
}
