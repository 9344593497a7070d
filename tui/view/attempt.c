#include "view/attempt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "widgets/chart.h"
#include "widgets/format.h"

static const struct {
    const char *glyph;
    enum role role;
    bool well;
} outcomes[TMV_ATTEMPT_COUNT] = {
    [TMV_ATTEMPT_UNKNOWN] = {"?", ROLE_TEXT, false},
    [TMV_ATTEMPT_RUNNING] = {"●", ROLE_STATE_CUTOVER, false},
    [TMV_ATTEMPT_COMPLETED] = {"✓", ROLE_LEVEL_OK, true},
    [TMV_ATTEMPT_ROLLED_BACK] = {"✗", ROLE_LEVEL_CRIT, false},
    [TMV_ATTEMPT_REFUSED] = {"✗", ROLE_LEVEL_WARN, false},
    [TMV_ATTEMPT_REHEARSED] = {"✓", ROLE_LEVEL_OK, true},
};

const char *attempt_glyph(const struct tmv_attempt *attempt)
{
    return outcomes[attempt->outcome].glyph;
}

enum role attempt_role(const struct tmv_attempt *attempt)
{
    return outcomes[attempt->outcome].role;
}

bool attempt_went_well(const struct tmv_attempt *attempt)
{
    return outcomes[attempt->outcome].well;
}

const char *attempt_outcome(const struct tmv_attempt *attempt, char text[32])
{
    text_copy(text, 32, tmv_attempt_outcome_name(attempt->outcome));
    return format_words(text);
}

void attempt_steps(const struct tmv_attempt *attempt, const struct tmv_migration *m,
                   struct timeline_step ret_steps[ATTEMPT_STEPS])
{
    const struct {
        const char *name;
        int64_t took_us, budget_us;
    } steps[ATTEMPT_STEPS] = {
        {"lock", attempt->lock_us, m ? m->lock_budget_us : 0},
        {"drain, verify tail", attempt->drain_us, m ? m->drain_budget_us : 0},
        {"decide", attempt->decide_us, 0},
    };
    bool well = attempt_went_well(attempt), runs = attempt->outcome == TMV_ATTEMPT_RUNNING;
    int64_t at = 0;
    int last = -1; /* step that was reached */

    for (int i = 0; i < ATTEMPT_STEPS; i++) {
        int64_t took = steps[i].took_us > 0 ? steps[i].took_us : 0;
        ret_steps[i] = (struct timeline_step){.name = steps[i].name,
                                              .mark = took > 0 ? TIMELINE_DONE : TIMELINE_NONE,
                                              .from_us = at,
                                              .took_us = took,
                                              .budget_us = steps[i].budget_us};
        at += took;
        last = took > 0 ? i : last;
    }
    if (!well && last >= 0)
        ret_steps[last].mark = runs ? TIMELINE_RUNS : TIMELINE_FAILED;
}

const struct tmv_attempt *attempt_latest(const struct tmv_snapshot *snapshot,
                                         const struct tmv_uuid *migration)
{
    const struct tmv_attempt *latest = NULL;

    for (size_t i = 0; snapshot && i < snapshot->attempt_count; i++) {
        const struct tmv_attempt *a = &snapshot->attempts[i];

        if (tmv_uuid_equal(&a->migration, migration) && (!latest || a->number > latest->number))
            latest = a;
    }
    return latest;
}

enum role attempt_pause_role(const struct tmv_attempt *attempt, const struct tmv_migration *m)
{
    int64_t budget = m && m->pause_budget_us > 0 ? m->pause_budget_us : INT64_C(100000);

    if (attempt->pause_us > budget)
        return ROLE_LEVEL_CRIT;
    return attempt->pause_us > budget / 2 ? ROLE_LEVEL_WARN : ROLE_TEXT_STRONG;
}

static void draw_summary(const struct tmv_attempt *a, const struct tmv_migration *m, struct canvas *canvas,
                         struct rect area)
{
    struct line line = line_begin(canvas, area);
    char pause[FORMAT_MAX], budget[FORMAT_MAX], outcome[32];

    line_putf(&line, attempt_role(a), " %s %s", attempt_glyph(a), attempt_outcome(a, outcome));
    if (a->pause_us > 0) {
        line_put(&line, ROLE_TEXT_DIM, "   writes held ");
        line_put(&line, attempt_pause_role(a, m), format_duration(a->pause_us, pause));
        if (m && m->pause_budget_us > 0)
            line_putf(&line, ROLE_TEXT_DIM, " of %s", format_duration(m->pause_budget_us, budget));
    }
    if (attempt_went_well(a) || a->drained_events > 0)
        line_putf(&line, ROLE_TEXT, "   %lld events drained, %lld writers waited",
                  (long long)a->drained_events, (long long)a->held_writers);
    if (a->reason[0] != '\0')
        line_putf(&line, attempt_went_well(a) ? ROLE_TEXT_DIM : ROLE_LEVEL_WARN, "   %s", a->reason);
}

void attempt_draw(const struct model *model, const struct tmv_attempt *a, struct canvas *canvas,
                  struct rect area)
{
    const struct tmv_migration *m = model_find(model, &a->migration);
    struct timeline_step steps[ATTEMPT_STEPS];
    char title[TMV_NAME_MAX + 200], name[TENANT_NAME_MAX] = "?", time[FORMAT_MAX];

    attempt_steps(a, m, steps);
    snprintf(title, sizeof title, "%s #%d of %s by %.40s", a->rehearsal ? "rehearsal" : "cutover", a->number,
             m ? tenant_name(&model->names, &m->tenant, name) : name,
             a->requested_by[0] != '\0' ? a->requested_by : "itself");
    canvas_separator(canvas, rect_top(&area, 1), title, format_time(a->started_at_us, time));
    draw_summary(a, m, canvas, rect_top(&area, 1));
    timeline_draw(canvas, area, steps, ATTEMPT_STEPS, a->pause_us > 0 ? a->pause_us : 1000);
}

static int compare_int64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

size_t attempt_pauses(const struct model *model, int64_t *ret_pauses, size_t most)
{
    const struct tmv_snapshot *s = model->snapshot;
    size_t n = 0;

    for (size_t i = 0; s && i < s->attempt_count && n < most; i++)
        if (!s->attempts[i].rehearsal && s->attempts[i].outcome == TMV_ATTEMPT_COMPLETED)
            ret_pauses[n++] = s->attempts[i].pause_us;
    qsort(ret_pauses, n, sizeof *ret_pauses, compare_int64);
    return n;
}
