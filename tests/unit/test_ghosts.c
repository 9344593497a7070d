/* What the cursor was on stays under it, however it leaves its list; and what is counted is all there is, not
 * what is loaded. */
#include "stage.h"

#include <stdlib.h>

#include "view/health.h"

/* ---- rows that leave ---- */

static struct tmv_migration *find(struct tmv_snapshot *snapshot, const struct tmv_uuid *id)
{
    for (size_t i = 0; i < snapshot->migration_count; i++)
        if (tmv_uuid_equal(&snapshot->migrations[i].id, id))
            return &snapshot->migrations[i];
    fail();
    return NULL;
}

/* The next picture has it no more: the oldest of a full page make room, a retention removes rows. */
static void remove_row(struct tmv_snapshot *snapshot, const struct tmv_uuid *id)
{
    size_t at = (size_t)(find(snapshot, id) - snapshot->migrations);

    memmove(&snapshot->migrations[at], &snapshot->migrations[at + 1],
            (snapshot->migration_count - at - 1) * sizeof *snapshot->migrations);
    snapshot->migration_count--;
    snapshot->migration_total--;
}

static void mend(struct tmv_snapshot *snapshot, const struct tmv_uuid *id)
{
    struct tmv_migration *m = find(snapshot, id);

    *m = (struct tmv_migration){.id = m->id,
                                .tenant = m->tenant,
                                .phase = TMV_PHASE_BULK_COPY,
                                .show = TMV_SHOW_COPY,
                                .generation = m->generation,
                                .created_at_us = m->created_at_us};
    snprintf(m->source, sizeof m->source, "shared");
    snprintf(m->target, sizeof m->target, "dedicated");
    snprintf(m->owner, sizeof m->owner, "worker db1");
}

static void complete(struct tmv_snapshot *snapshot, const struct tmv_uuid *id)
{
    find(snapshot, id)->phase = TMV_PHASE_COMPLETED;
    find(snapshot, id)->show = TMV_SHOW_DONE;
}

static void rename_note(struct tmv_snapshot *snapshot, const struct tmv_uuid *id)
{
    snprintf(find(snapshot, id)->note, sizeof snapshot->migrations->note, "nothing of that kind");
    snprintf(find(snapshot, id)->target, sizeof snapshot->migrations->target, "elsewhere");
}

static const struct {
    const char *what;
    const char *keys; /* that lead to the list */
    const char *filter;
    bool only_problems;
    void (*change)(struct tmv_snapshot *snapshot, const struct tmv_uuid *id);
} leavings[] = {
    {"out of a filter of states", "1", "phase=ready,sync", false, complete},
    {"out of a filter of words", "1", "dedicated", false, rename_note},
    {"out of the problems", "1", "", true, mend},
    {"out of what is loaded", "1", "", false, remove_row},
    {"out of what is loaded, behind a filter", "1", "phase=ready,sync", false, remove_row},
    {"out of the queue", "3", "", false, complete},
    {"out of the queue and what is loaded", "3", "", false, remove_row},
};

static void whatever_leaves_its_list_stays_under_the_cursor(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof leavings / sizeof *leavings; i++) {
        struct stage stage;
        struct tmv_snapshot *next = sample_snapshot();

        stage_begin(&stage, sample_snapshot());
        stage.state.model.only_problems = leavings[i].only_problems;
        stage_draw(&stage, 140, 40);
        stage_type(&stage, leavings[i].keys);
        if (leavings[i].filter[0] != '\0') {
            stage_type(&stage, "/");
            stage_type(&stage, leavings[i].filter);
            stage_press(&stage, INPUT_ENTER, "");
        }
        stage_type(&stage, "g");
        struct tmv_uuid held = stage.state.model.fleet.selected;
        if (tmv_uuid_is_nil(&held))
            fail_msg("%s: the list is empty", leavings[i].what);
        leavings[i].change(next, &held);
        state_set_snapshot(&stage.state, next);
        stage_draw(&stage, 140, 40);
        if (!stage_shows(&stage, "until the cursor moves"))
            fail_msg("%s: nothing is said of it", leavings[i].what);
        if (!tmv_uuid_equal(&stage.state.model.fleet.selected, &held) ||
            !model_under_cursor(&stage.state.model) ||
            !tmv_uuid_equal(&model_under_cursor(&stage.state.model)->id, &held))
            fail_msg("%s: another one came under the cursor", leavings[i].what);
        stage_type(&stage, "j");
        if (stage_shows(&stage, "until the cursor moves") ||
            tmv_uuid_equal(&stage.state.model.fleet.selected, &held))
            fail_msg("%s: it stays for ever", leavings[i].what);
        stage_end(&stage);
    }
}

/* ---- counts ---- */

/* Of ten thousand, of which the newest thousand are loaded and run well. */
static void stage_of_many(struct stage *stage)
{
    struct tmv_snapshot *s = sample_many(FLEET_MAX);

    for (size_t i = 0; i < s->migration_count; i++) {
        struct tmv_migration *m = &s->migrations[i];

        m->phase = TMV_PHASE_BULK_COPY;
        m->show = TMV_SHOW_COPY;
        m->paused = false;
        m->last_error[0] = '\0';
        m->foreign_sign_at_us = 0;
        m->sample_count = 0;
    }
    s->attempt_count = 0;
    s->migration_total = 10000;
    s->counts[TMV_SHOW_COPY] = 8765;
    s->counts[TMV_SHOW_FAILED] = 1203;
    s->counts[TMV_SHOW_ORPHAN] = 32;
    stage_begin(stage, s);
}

static void alerts_are_counted_in_the_database(void **state)
{
    struct stage stage;

    (void)state;
    stage_of_many(&stage);
    for (int screen = 0; screen < screen_count(); screen++) {
        stage.state.active = screen;
        stage_draw(&stage, 140, 40);
        if (!stage_shows(&stage, "! 1235 alerts"))
            fail_msg("screen %d shows other alerts", screen);
    }
    stage_end(&stage);
}

/* What a later migration made up for needs no person. */
static void superseded_failures_are_no_alerts(void **state)
{
    struct stage stage;

    (void)state;
    stage_of_many(&stage);
    stage.state.snapshot->superseded = 1201;
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "! 34 alerts"));
    stage.state.model.big = true;
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "PROBLEMS"));
    assert_int_equal(fleet_problems(stage.state.snapshot), 34);
    stage_end(&stage);
}

static void states_are_counted_in_the_database(void **state)
{
    struct stage stage;

    (void)state;
    stage_of_many(&stage);
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "1203"));
    assert_true(stage_shows(&stage, "8765"));
    stage_end(&stage);
}

static void big_figures_are_counted_in_the_database(void **state)
{
    struct stage stage;

    (void)state;
    stage_of_many(&stage);
    stage.state.model.big = true;
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "PROBLEMS 1235")); /* what three digits cannot show */
    assert_true(stage_shows(&stage, "COPY 8765"));
    stage_end(&stage);
}

/* Those that are loaded are judged, the others counted by their state: together they are the problems. */
static void problems_are_the_loaded_and_the_others(void **state)
{
    struct stage stage;
    struct tmv_snapshot *s;

    (void)state;
    stage_of_many(&stage);
    s = stage.state.snapshot;
    strcpy(s->migrations[0].last_error, "TM131 target refused 23505"); /* no state tells of it */
    s->migrations[1].show = TMV_SHOW_ORPHAN;                           /* one of the 32 */
    s->migrations[2].show = TMV_SHOW_PAUSED;                           /* one of the 5 */
    s->migrations[3].phase = TMV_PHASE_FAILED;                         /* one of the 3, made up for */
    s->migrations[3].show = TMV_SHOW_FAILED;
    s->migrations[4].tenant = s->migrations[3].tenant;
    s->migrations[4].created_at_us = s->migrations[3].created_at_us + 1;
    s->counts[TMV_SHOW_PAUSED] = 5;
    s->counts[TMV_SHOW_WAITING] = 20;
    s->counts[TMV_SHOW_THROTTLED] = 100;
    s->superseded = 3;
    assert_int_equal(fleet_problems(s), 1 + 32 + 5 + 1200 + 20 + 100);
    assert_int_equal(fleet_alerts(s), 1200 + 32);
    stage_end(&stage);
}

static void the_key_for_alerts_passes_what_was_made_up_for(void **state)
{
    struct tmv_snapshot *s = sample_snapshot();
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < s->migration_count; i++) {
        struct tmv_migration *m = &s->migrations[i];

        if (m->show == TMV_SHOW_ORPHAN)
            m->show = TMV_SHOW_COPY;
        if (m->show != TMV_SHOW_FAILED)
            continue;
        struct tmv_migration *other = &s->migrations[i ? 0 : 1];
        other->tenant = m->tenant;
        other->created_at_us = m->created_at_us + 1;
        s->superseded++;
    }
    assert_int_equal(s->superseded, 1);
    stage_begin(&stage, s);
    stage_draw(&stage, 140, 40);
    assert_false(stage_shows(&stage, "alert"));
    stage_type(&stage, "a");
    assert_true(stage_shows(&stage, "no alert"));
    stage_end(&stage);
}

/* ---- names ---- */

/* A tenant whose UUID begins alike comes while a dialog asks for the beginning that was unique until then. */
static void a_name_that_is_unique_no_more_confirms_nothing(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();
    char before[TENANT_NAME_MAX], after[TENANT_NAME_MAX];

    (void)state;
    stage_begin(&stage, sample_snapshot());
    stage.state.model.names = (struct tenant_names){0};
    state_set_snapshot(&stage.state, sample_snapshot());
    stage_draw(&stage, 140, 40);
    const struct tmv_migration *m = model_selected(&stage.state.model);
    struct tmv_uuid tenant = m->tenant;
    tenant_typed(&stage.state.model.names, &tenant, before);
    struct confirm *confirm = &stage.state.confirm;
    confirm_open(confirm, action_by_name("abort"), &stage.state.model, false);
    stage_draw(&stage, 140, 40);
    stage.state.model.now_us += CONFIRM_DEAF_US; /* a dialog hears nothing at first */
    stage_type(&stage, before);
    assert_string_equal(confirm->typed.text, before);
    confirm_tick(confirm, &stage.state.model);
    assert_string_equal(confirm->typed.text, before);
    next->migrations[next->migration_count - 1].tenant = tenant;
    next->migrations[next->migration_count - 1].tenant.bytes[15] ^= 1;
    state_set_snapshot(&stage.state, next);
    stage_draw(&stage, 140, 40);
    tenant_typed(&stage.state.model.names, &tenant, after);
    assert_true(strlen(after) > strlen(before));
    assert_int_equal(strncmp(after, before, strlen(before)), 0);
    /* what was typed names two tenants now */
    confirm_tick(confirm, &stage.state.model);
    assert_int_equal(confirm->typed.length, 0);
    assert_string_equal(confirm->name, after);
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, after));
    /* it is gone again: the longer name still means one */
    stage_type(&stage, after);
    state_set_snapshot(&stage.state, sample_snapshot());
    confirm_tick(confirm, &stage.state.model);
    assert_string_equal(confirm->typed.text, after);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_leaves_its_list_stays_under_the_cursor),
        cmocka_unit_test(alerts_are_counted_in_the_database),
        cmocka_unit_test(superseded_failures_are_no_alerts),
        cmocka_unit_test(problems_are_the_loaded_and_the_others),
        cmocka_unit_test(the_key_for_alerts_passes_what_was_made_up_for),
        cmocka_unit_test(states_are_counted_in_the_database),
        cmocka_unit_test(big_figures_are_counted_in_the_database),
        cmocka_unit_test(a_name_that_is_unique_no_more_confirms_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
