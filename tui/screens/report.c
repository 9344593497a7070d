#include "screens/report.h"

#include <stdio.h>
#include <string.h>

#include "view/attempt.h"
#include "screens/events.h"
#include "view/states.h"
#include "widgets/format.h"

/* A page of lines, of which the area shows a part. */
struct page {
    struct canvas *canvas;
    struct rect rest; /* what is still free in sight */
    int skip;         /* lines above it */
    int lines;        /* put so far */
};

/* The place of the next line; its height is 0 when it is out of sight. */
static struct rect page_line(struct page *page)
{
    page->lines++;
    if (page->skip > 0) {
        page->skip--;
        return (struct rect){page->rest.x, page->rest.y, page->rest.w, 0};
    }
    return rect_top(&page->rest, 1);
}

static struct line page_words(struct page *page)
{
    struct rect area = page_line(page);

    area.x++;
    area.w -= 2;
    return line_begin(page->canvas, area);
}

/* On as many lines as it takes. */
static void page_wrap(struct page *page, enum role role, const char *text)
{
    for (size_t n; *text != '\0'; text += n) {
        struct line line = page_words(page);
        n = canvas_wrap_at(text, page->rest.w - 2);
        if (n == 0)
            return;
        line_putf(&line, role, "%.*s", (int)n, text);
    }
}

static void page_title(struct page *page, const char *title, const char *right)
{
    canvas_separator(page->canvas, page_line(page), title, right);
}

static void head(struct page *page, const struct model *model, const struct tmv_migration *m)
{
    const struct state_look *look = state_look(m->show);
    struct line line = page_words(page);
    char name[TENANT_NAME_MAX], id[TMV_UUID_TEXT], time[FORMAT_MAX], text[TMV_NAME_MAX * 2 + 20];

    line_put(&line, ROLE_TEXT_DIM, "History › ");
    line_put(&line, ROLE_TEXT_STRONG, tenant_name(&model->names, &m->tenant, name));
    line_putf(&line, look->role, "   %s %s", look->glyph, look->word);
    if (m->completed_at_us > 0)
        line_putf(&line, ROLE_TEXT, "   %s", format_time(m->completed_at_us, time));
    snprintf(text, sizeof text, "   %.100s → %.100s", m->source, m->target);
    line_try(&line, ROLE_TEXT, text);
    line = page_words(page);
    line_putf(&line, ROLE_TEXT_DIM, "migration %s   started by %s", tmv_uuid_format(&m->id, id),
              m->created_by[0] != '\0' ? m->created_by : "another program");
    page_wrap(page, ROLE_LEVEL_CRIT, m->last_error);
}

static void phases(struct page *page, const struct model *model, const struct tmv_migration *m)
{
    int64_t end = m->completed_at_us > 0 ? m->completed_at_us : model_database_now_us(model);
    const int64_t at[] = {m->created_at_us, m->started_at_us, m->bulk_copy_completed_at_us,
                          m->dual_write_started_at_us, end};
    static const char *const names[] = {"prepare", "copy", "catch up", "dual write"};
    struct timeline_step steps[4];
    char right[40], text[FORMAT_MAX];
    int64_t begin = 0; /* the first time that is known */
    int rows = 0;

    for (int i = 3; i >= 0; i--)
        begin = at[i] > 0 ? at[i] : begin;
    for (int i = 0; i < 4; i++) {
        int64_t until = at[i + 1] > 0 ? at[i + 1] : end;
        steps[i] = (struct timeline_step){.name = names[i]};
        if (at[i] == 0)
            continue;
        steps[i].from_us = at[i] - begin;
        steps[i].took_us = until - at[i];
        steps[i].mark =
            at[i + 1] > 0 && (i < 3 || m->phase == TMV_PHASE_COMPLETED) ? TIMELINE_DONE : TIMELINE_FAILED;
        if (steps[i].mark == TIMELINE_FAILED && !tmv_phase_is_terminal(m->phase))
            steps[i].mark = TIMELINE_RUNS;
        rows = i + 1;
    }
    snprintf(right, sizeof right, "%s in all", format_duration(begin > 0 ? end - begin : -1, text));
    page_title(page, "phases", right);
    for (int i = 0; i < rows; i++) /* a line each, without the axis: each scrolls by itself */
        timeline_draw(page->canvas, page_line(page), &steps[i], 1, end - begin);
}

static void figures(struct page *page, const struct tmv_migration *m, const struct tmv_record *record)
{
    int64_t copy_us = m->bulk_copy_completed_at_us - m->started_at_us;
    struct line line = page_words(page);
    char a[FORMAT_MAX];

    line_putf(&line, ROLE_TEXT, "%s events carried", format_grouped(m->events_copied, a));
    if (m->bulk_copy_completed_at_us > 0 && copy_us > 0 && m->events_copied < INT64_MAX / 1000000)
        line_putf(&line, ROLE_TEXT_DIM, "   history at about %s/s",
                  format_count(m->events_copied * 1000000 / copy_us, a));
    line_putf(&line, ROLE_TEXT_DIM, "   verified to %s",
              m->verified_to > 0 ? format_grouped(m->verified_to, a) : "nothing");
    if (!record)
        return;
    line = page_words(page);
    if (record->left_behind == 0)
        line_put(&line, ROLE_TEXT, "nothing left behind in the stores");
    else
        line_putf(&line, tmv_phase_is_terminal(m->phase) ? ROLE_LEVEL_WARN : ROLE_TEXT,
                  "%lld objects of it are in the stores", (long long)record->left_behind);
}

static void cutovers(struct page *page, const struct tmv_migration *m, const struct tmv_record *record)
{
    page_title(page, "cutovers", record->attempt_count > 0 ? "Enter: step by step" : "");
    if (record->attempt_count == 0) {
        struct line line = page_words(page);
        line_put(&line, ROLE_TEXT_DIM, "none was tried");
    }
    for (size_t i = 0; i < record->attempt_count; i++) {
        const struct tmv_attempt *a = &record->attempts[i];
        struct line line = page_words(page);
        char t[FORMAT_MAX], lock[FORMAT_MAX], drain[FORMAT_MAX], decide[FORMAT_MAX], outcome[32];
        line_putf(&line, attempt_role(a), "%s %s #%d %s", attempt_glyph(a),
                  a->rehearsal ? "rehearsal" : "cutover", a->number, attempt_outcome(a, outcome));
        line_putf(&line, ROLE_TEXT_DIM, "  %s  held ", format_clock(a->started_at_us, t));
        line_put(&line, attempt_pause_role(a, m), format_duration(a->pause_us, t));
        line_putf(&line, ROLE_TEXT_DIM, " (lock %s, drain %s, decide %s)  %s",
                  format_duration(a->lock_us > 0 ? a->lock_us : -1, lock),
                  format_duration(a->drain_us > 0 ? a->drain_us : -1, drain),
                  format_duration(a->decide_us > 0 ? a->decide_us : -1, decide), a->reason);
    }
}

static void verifications(struct page *page, const struct tmv_record *record)
{
    page_title(page, "verification", "");
    if (record->verification_count == 0) {
        struct line line = page_words(page);
        line_put(&line, ROLE_TEXT_DIM, "no report was stored");
    }
    for (size_t i = 0; i < record->verification_count; i++) {
        const struct tmv_verification *v = &record->verifications[i];
        struct line line = page_words(page);
        char a[FORMAT_MAX], b[FORMAT_MAX], c[FORMAT_MAX];
        line_putf(&line, v->consistent ? ROLE_LEVEL_OK : ROLE_LEVEL_CRIT, "%s %s %s",
                  v->consistent ? "✓" : "✗", v->level, v->consistent ? "equal" : "DIFFERENT");
        line_putf(&line, ROLE_TEXT, "  source %s, target %s events", format_grouped(v->events_source, a),
                  format_grouped(v->events_target, b));
        if (v->differences > 0)
            line_putf(&line, ROLE_LEVEL_CRIT, ", %s differ", format_grouped(v->differences, c));
        line_putf(&line, ROLE_TEXT_DIM, "  to position %s  %s", format_grouped(v->to_position, c),
                  format_clock(v->made_at_us, a));
    }
}

static void commands(struct page *page, const struct tmv_record *record)
{
    page_title(page, "asked for", "");
    for (size_t i = 0; i < record->command_count; i++) {
        const struct tmv_command_info *c = &record->commands[i];
        bool bad = c->state == TMV_COMMAND_REFUSED || c->state == TMV_COMMAND_FAILED;
        struct line line = page_words(page);
        char time[FORMAT_MAX];
        line_putf(&line, ROLE_TEXT_DIM, "%s ", format_clock(c->requested_at_us, time));
        line_putf(&line, ROLE_TEXT_STRONG, "%s", tmv_operation_name(c->operation));
        line_putf(&line, ROLE_TEXT, " by %s from %s", c->requested_by, c->requested_from);
        line_putf(&line, bad ? ROLE_LEVEL_WARN : ROLE_TEXT, ": %s%s%s", tmv_command_state_name(c->state),
                  c->outcome[0] != '\0' ? ", " : "", c->outcome);
    }
}

static void audit(struct page *page, const struct tmv_record *record)
{
    page_title(page, "audit", "oldest first");
    for (size_t i = 0; i < record->event_count; i++) {
        struct line line = page_words(page);
        char text[1024], time[FORMAT_MAX];
        enum role role = event_words(&record->events[i], text, sizeof text);
        line_putf(&line, ROLE_TEXT_DIM, "%s ", format_clock(record->events[i].occurred_at_us, time));
        line_put(&line, role, text);
    }
}

int report_draw(const struct model *model, const struct tmv_migration *m, struct canvas *canvas,
                struct rect area, int top)
{
    const struct tmv_record *record = model_record(model, &m->id);
    struct page page = {canvas, area, top, 0};

    head(&page, model, m);
    phases(&page, model, m);
    figures(&page, m, record);
    if (!record) {
        struct line line = page_words(&page);
        line_put(&line, ROLE_TEXT_DIM, "reading the rest of the record …");
        return page.lines;
    }
    cutovers(&page, m, record);
    verifications(&page, record);
    commands(&page, record);
    audit(&page, record);
    return page.lines;
}
