#include "screens/replay.h"

#include <stdio.h>
#include <string.h>

#include "view/attempt.h"
#include "screens/events.h"
#include "widgets/chart.h"
#include "widgets/format.h"

#define SECONDS 121 /* shown: a minute before, the second itself, a minute after */
#define SECOND_US INT64_C(1000000)
#define TOLD_MAX (TMV_REASON_MAX + 200)

enum step { BEFORE, ASKED, LOCK, DRAIN, DECIDE, AFTER };

struct replay {
    const struct model *model;
    const struct tmv_attempt *attempt;
    const struct tmv_migration *m;   /* NULL: the snapshot has it no more */
    const struct tmv_record *record; /* NULL: being read */
    enum step step;
    int64_t moment_us; /* that is shown, by the database's clock */
};

static const char *const step_names[REPLAY_STEPS] = {
    [BEFORE] = "a minute before",   [ASKED] = "asked for", [LOCK] = "lock",
    [DRAIN] = "drain, verify tail", [DECIDE] = "decide",   [AFTER] = "a minute after"};

/* The command that asked for it: the latest of its kind before it began. NULL: the engine did by itself. */
static const struct tmv_command_info *command_of(const struct replay *r)
{
    enum tmv_operation operation = r->attempt->rehearsal ? TMV_OP_REHEARSE : TMV_OP_CUTOVER;
    const struct tmv_command_info *found = NULL;

    for (size_t i = 0; r->record && i < r->record->command_count; i++) {
        const struct tmv_command_info *c = &r->record->commands[i];
        if (c->operation == operation && c->requested_at_us <= r->attempt->started_at_us)
            found = c;
    }
    return found;
}

static int64_t positive(int64_t us)
{
    return us > 0 ? us : 0;
}

static int64_t moment_of(const struct replay *r)
{
    const struct tmv_attempt *a = r->attempt;
    const struct tmv_command_info *command = command_of(r);
    int64_t lock = positive(a->lock_us), drain = positive(a->drain_us), decide = positive(a->decide_us);
    const int64_t at[REPLAY_STEPS] = {
        [BEFORE] = a->started_at_us - TMV_RECORD_AROUND_US,
        [ASKED] = command ? command->requested_at_us : a->started_at_us,
        [LOCK] = a->started_at_us + lock,
        [DRAIN] = a->started_at_us + lock + drain,
        [DECIDE] = a->started_at_us + lock + drain + decide,
        [AFTER] = a->started_at_us + TMV_RECORD_AROUND_US,
    };

    return at[r->step];
}

/* Whether the attempt came as far as this step. */
static bool was_reached(const struct replay *r)
{
    const struct tmv_attempt *a = r->attempt;

    return r->step < LOCK || r->step == AFTER || (r->step == LOCK && a->lock_us > 0) ||
           (r->step == DRAIN && a->drain_us > 0) || (r->step == DECIDE && a->decide_us > 0);
}

/* The sample nearest before the moment, not older than five seconds; NULL none. */
static const struct tmv_sample *sample_at(const struct replay *r, int64_t at_us)
{
    const struct tmv_sample *found = NULL;

    for (size_t i = 0; r->record && i < r->record->sample_count; i++) {
        const struct tmv_sample *s = &r->record->samples[i];
        if (s->at_us <= at_us && s->at_us > at_us - 5 * SECOND_US)
            found = s;
    }
    return found;
}

/* ---- words ---- */

static void tell_state(const struct replay *r, char text[TOLD_MAX])
{
    const struct tmv_sample *s = sample_at(r, r->moment_us);
    char lag[FORMAT_MAX], rate[FORMAT_MAX];

    if (!s && !r->record)
        snprintf(text, TOLD_MAX, "The record is being read …");
    else if (!s && r->step == AFTER && r->attempt->outcome == TMV_ATTEMPT_COMPLETED)
        snprintf(text, TOLD_MAX,
                 "The tenant's writers continued at the target; nothing was to be mirrored any more.");
    else if (!s)
        snprintf(text, TOLD_MAX, "No sample was kept from then.");
    else
        snprintf(text, TOLD_MAX, "The target was %s behind; %s events/s came in.",
                 format_duration(s->lag_us, lag), format_count(s->rate, rate));
}

static void tell_asked(const struct replay *r, char text[TOLD_MAX])
{
    const struct tmv_command_info *c = command_of(r);

    if (c)
        snprintf(text, TOLD_MAX, "%.100s asked for it from %.100s. The answer was: %.300s", c->requested_by,
                 c->requested_from, c->outcome[0] != '\0' ? c->outcome : tmv_command_state_name(c->state));
    else
        snprintf(text, TOLD_MAX, "Automatic: every gate was green and --auto-cutover is set.");
}

static void tell_lock(const struct replay *r, char text[TOLD_MAX])
{
    char took[FORMAT_MAX];

    snprintf(text, TOLD_MAX,
             "The tenant's lock came after %s: from its request on new writes waited at the source.",
             format_duration(r->attempt->lock_us, took));
}

static void tell_drain(const struct replay *r, char text[TOLD_MAX])
{
    char took[FORMAT_MAX];

    snprintf(text, TOLD_MAX, "%lld events that were still under way were carried over and compared in %s.",
             (long long)r->attempt->drained_events, format_duration(r->attempt->drain_us, took));
}

static void tell_decide(const struct replay *r, char text[TOLD_MAX])
{
    bool rehearsal = r->attempt->rehearsal;
    char took[FORMAT_MAX];

    snprintf(text, TOLD_MAX, "%s after %s. %lld writers had waited and %s.",
             rehearsal ? "Here it would have been decided," : "Decided: the tenant lives on the target,",
             format_duration(r->attempt->pause_us, took), (long long)r->attempt->held_writers,
             rehearsal ? "continued at the source" : "were sent to the target");
}

/* What an operator would have been told at this step. */
static void tell(const struct replay *r, char text[TOLD_MAX])
{
    static void (*const told[REPLAY_STEPS])(const struct replay *, char[TOLD_MAX]) = {
        [BEFORE] = tell_state, [ASKED] = tell_asked,   [LOCK] = tell_lock,
        [DRAIN] = tell_drain,  [DECIDE] = tell_decide, [AFTER] = tell_state};

    if (!was_reached(r)) {
        snprintf(text, TOLD_MAX, "It did not come to this: %s. Everything stayed as it was.",
                 r->attempt->reason[0] != '\0' ? r->attempt->reason
                                               : tmv_attempt_outcome_name(r->attempt->outcome));
        return;
    }
    told[r->step](r, text);
}

/* ---- drawing ---- */

static void draw_title(const struct replay *r, struct canvas *canvas, struct rect area)
{
    struct line line = line_begin(canvas, area);
    char name[TENANT_NAME_MAX] = "?", time[FORMAT_MAX], offset[FORMAT_MAX], text[FORMAT_MAX + 4];
    int64_t from_start = r->moment_us - r->attempt->started_at_us;

    line_put(&line, ROLE_TEXT_DIM, " History › ");
    line_put(&line, ROLE_TEXT_STRONG, r->m ? tenant_name(&r->model->names, &r->m->tenant, name) : name);
    line_putf(&line, ROLE_TEXT, " › %s #%d   ", r->attempt->rehearsal ? "rehearsal" : "cutover",
              r->attempt->number);
    line_putf(&line, ROLE_MODE_REPLAY, " %d of %d: %s ", (int)r->step + 1, REPLAY_STEPS, step_names[r->step]);
    line_putf(&line, ROLE_TEXT_STRONG, "   %s%s", from_start < 0 ? "- " : "+ ",
              format_duration(from_start < 0 ? -from_start : from_start, offset));
    snprintf(text, sizeof text, "   %s", format_time(r->attempt->started_at_us, time));
    line_try(&line, ROLE_TEXT_DIM, text);
    line_try_right(&line, ROLE_KEY_LABEL, " step ");
    line_try_right(&line, ROLE_KEY, "← →");
}

static void draw_steps(const struct replay *r, struct canvas *canvas, struct rect area)
{
    struct timeline_step steps[ATTEMPT_STEPS];

    attempt_steps(r->attempt, r->m, steps);
    for (int i = 0; i < ATTEMPT_STEPS; i++) {
        bool future = (int)r->step < LOCK + i;
        steps[i].cursor = (int)r->step == LOCK + i;
        if (future)
            steps[i].mark = TIMELINE_NONE;
        if (future)
            steps[i].took_us = 0; /* not yet */
    }
    timeline_draw(canvas, area, steps, ATTEMPT_STEPS, r->attempt->pause_us > 0 ? r->attempt->pause_us : 1000);
}

/* Lag and rate by second around the attempt; -1 where nothing was kept. */
static void series(const struct replay *r, int64_t lags[SECONDS], int64_t rates[SECONDS])
{
    for (int i = 0; i < SECONDS; i++)
        lags[i] = rates[i] = -1;
    for (size_t i = 0; r->record && i < r->record->sample_count; i++) {
        const struct tmv_sample *s = &r->record->samples[i];
        int64_t from = s->at_us - (r->attempt->started_at_us - TMV_RECORD_AROUND_US);
        if (from < 0 || from / SECOND_US >= SECONDS || s->at_us > r->moment_us + SECOND_US)
            continue;
        lags[from / SECOND_US] = s->lag_us;
        rates[from / SECOND_US] = s->rate;
    }
}

static void draw_around(const struct replay *r, struct canvas *canvas, struct rect area)
{
    int64_t lags[SECONDS], rates[SECONDS];
    struct plot plot = {lags, SECONDS, r->m ? r->m->lag_gate_us : -1, format_short, SECONDS / 2 + 1};
    struct rect spark;
    char text[FORMAT_MAX], right[60] = "";
    const struct tmv_sample *s = sample_at(r, r->moment_us);

    series(r, lags, rates);
    if (s)
        snprintf(right, sizeof right, "%s events/s", format_count(s->rate, text));
    canvas_separator(canvas, rect_top(&area, 1), "mirror lag, a minute before and after", right);
    spark = rect_bottom(&area, area.h >= 5 ? 1 : 0);
    chart_plot(canvas, area, &plot);
    canvas_fit_right(canvas, (struct rect){spark.x, spark.y, 6, spark.h}, ROLE_TEXT_DIM, "ev/s");
    spark.x += 8;
    spark.w -= 8;
    chart_spark(canvas, spark, rates, SECONDS, 1);
}

/* The audit as far as it went then, newest first. */
static void draw_events(const struct replay *r, struct canvas *canvas, struct rect area)
{
    if (area.h < 2)
        return;
    canvas_separator(canvas, rect_top(&area, 1), "events until then", "newest first");
    for (size_t i = r->record ? r->record->event_count : 0; i > 0 && area.h > 0; i--) {
        const struct tmv_audit_entry *e = &r->record->events[i - 1];
        struct line line;
        char text[1024], time[FORMAT_MAX];
        enum role role;
        if (e->occurred_at_us > r->moment_us)
            continue;
        line = line_begin(canvas, rect_top(&area, 1));
        role = event_words(e, text, sizeof text);
        line_putf(&line, ROLE_TEXT_DIM, " %s ", format_clock(e->occurred_at_us, time));
        line_put(&line, role, text);
    }
}

void replay_draw(const struct model *model, const struct tmv_attempt *attempt, int step,
                 struct canvas *canvas, struct rect area)
{
    struct replay r = {model,
                       attempt,
                       model_find(model, &attempt->migration),
                       model_record(model, &attempt->migration),
                       (enum step)(step < 0               ? 0
                                   : step >= REPLAY_STEPS ? REPLAY_STEPS - 1
                                                          : step),
                       0};
    char text[TOLD_MAX];
    struct rect words;

    r.moment_us = moment_of(&r);
    draw_title(&r, canvas, rect_top(&area, 1));
    tell(&r, text);
    words = rect_top(&area, area.h >= 8 ? 2 : 1);
    words.x++;
    words.w -= 2;
    canvas_wrap(canvas, words, was_reached(&r) ? ROLE_TEXT_STRONG : ROLE_LEVEL_WARN, text);
    draw_steps(&r, canvas, rect_top(&area, 4));
    if (area.h >= 10) {
        struct rect around = rect_top(&area, area.h >= 24 ? 12 : area.h - 4);
        draw_around(&r, canvas, around);
    }
    draw_events(&r, canvas, area);
}
