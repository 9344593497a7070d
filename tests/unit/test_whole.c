/* Nothing that a person needs is only partly on the screen without saying so: the note of the selected row is
 * whole, a part of a list names the whole, and a time that is not known is no date. */
#include "test.h"

#include <stdlib.h>

#include "console/overlays.h"
#include "lib/clock.h"
#include "view/fleet_order.h"
#include "screens/history.h"
#include "view/states.h"
#include "stage.h"

#define CAUSE                                                                                                \
    "connection refused by 10.20.30.40 port 5432 (reading the facts of the store dedicated-k1: source); "
#define LONG_NOTE                                                                                            \
    CAUSE "start the server, or name another store with `tenantmv store replace dedicated-k1`, then resume"

static const struct {
    int cols, rows;
} sizes[] = {{60, 16}, {80, 24}, {80, 25}, {100, 30}, {132, 43}, {200, 60}};

#define SIZES (sizeof sizes / sizeof *sizes)

static void draw(struct stage *stage, int cols, int rows)
{
    canvas_release(&stage->canvas);
    assert_true(canvas_init(&stage->canvas, cols, rows));
    state_draw(&stage->state, &stage->canvas);
    state_shown(&stage->state, stage->state.model.now_us, 0);
}

/* All of the screen as one line of words. The caller frees it. */
static char *words_on(const struct canvas *canvas)
{
    char *text = NULL;
    size_t size = 0, n = 0;
    FILE *out = open_memstream(&text, &size);

    plain_write(canvas, false, out);
    fclose(out);
    for (size_t i = 0; text[i] != '\0'; i++)
        if ((text[i] != ' ' && text[i] != '\n') || (n > 0 && text[n - 1] != ' '))
            text[n++] = text[i] == '\n' ? ' ' : text[i];
    text[n] = '\0';
    return text;
}

static void assert_words(const struct stage *stage, const char *words, bool wanted)
{
    char *text = words_on(&stage->canvas);

    if ((strstr(text, words) != NULL) != wanted)
        fail_msg("%dx%d: \"%s\" is %s the screen:\n%s", stage->canvas.cols, stage->canvas.rows, words,
                 wanted ? "not on" : "on", text);
    free(text);
}

static void select_row(struct stage *stage, size_t i)
{
    struct model *model = &stage->state.model;

    model->fleet.selected = model->snapshot->migrations[i].id;
    fleet_order(model, true);
}

static void the_whole_note_of_the_selected_row_is_on_the_fleet(void **state)
{
    struct stage stage;
    struct tmv_snapshot *snapshot = sample_snapshot();

    (void)state;
    stage_begin(&stage, snapshot);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        struct tmv_migration *m = &snapshot->migrations[i];
        m->show = i % 2 == 0 ? TMV_SHOW_WAITING : TMV_SHOW_FAILED;
        m->paused = false;
        snprintf(m->note, sizeof m->note, "%s", LONG_NOTE);
        snprintf(m->last_error, sizeof m->last_error, "%s", LONG_NOTE);
    }
    for (size_t i = 0; i < snapshot->migration_count; i++)
        for (size_t s = 0; s < SIZES; s++) {
            select_row(&stage, i);
            draw(&stage, sizes[s].cols, sizes[s].rows);
            assert_words(&stage, LONG_NOTE, true);
            assert_int_equal(stage.state.model.fleet.selected_row >= stage.state.model.fleet.top, 1);
            stage.state.active = SCREEN_MIGRATION;
            draw(&stage, sizes[s].cols, sizes[s].rows);
            if (sizes[s].cols < 120) /* beside other things the lines are not one text */
                assert_words(&stage, LONG_NOTE, true);
            stage.state.active = SCREEN_FLEET;
        }
    /* Where not all of it has room, the cause has. */
    draw(&stage, 40, 10);
    assert_words(&stage, "connection refused by 10.20.30.40 port 5432", true);
    draw(&stage, 39, 9);
    assert_words(&stage, "connection refused by 10.20.30.40 port 5432", true);
    stage_end(&stage);
}

/* Its pause is its program's too: whose it is and since when there is no sign outrank the reason. */
static void a_paused_migration_of_another_program_says_whose_it_is(void **state)
{
    struct stage stage;
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *m = &snapshot->migrations[0];

    (void)state;
    stage_begin(&stage, snapshot);
    m->show = TMV_SHOW_PAUSED;
    m->paused = true;
    m->generation = 0;
    m->foreign_sign_at_us = 1;
    snprintf(m->pause_reason, sizeof m->pause_reason, "a deploy");
    snprintf(m->note, sizeof m->note, "another program runs it (sync@app1); no sign of it; paused: a deploy");
    select_row(&stage, 0);
    draw(&stage, 80, 24);
    assert_words(&stage, m->note, true);
    stage.state.active = SCREEN_MIGRATION;
    draw(&stage, 80, 24);
    assert_words(&stage, m->note, true);
    stage_end(&stage);
}

/* One text for both screens, in which nothing changes every second. */
static void why_and_since_when_are_the_same_on_both_screens(void **state)
{
    static const struct {
        enum tmv_display_state show;
        const char *reason, *note, *words;
    } cases[] = {
        {TMV_SHOW_PAUSED, "a deploy", "paused: a deploy", "a deploy (paused for 10m)"},
        {TMV_SHOW_PAUSED, "", "", "paused for 10m"},
        {TMV_SHOW_WAITING, "", "the target is away", "the target is away (waiting for 10m, next try at "},
        {TMV_SHOW_ORPHAN, "a deploy", "its engine is silent", "its engine is silent"},
    };
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *m = &snapshot->migrations[0];
    char text[STATE_REASON_MAX], later[STATE_REASON_MAX];
    struct stage stage;
    int64_t now_us;

    (void)state;
    stage_begin(&stage, snapshot);
    select_row(&stage, 0);
    now_us = model_database_now_us(&stage.state.model);
    m->paused_at_us = m->waiting_since_us = now_us - 610 * US_PER_S;
    m->next_try_at_us = now_us + 20 * US_PER_S;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        m->show = cases[i].show;
        m->paused = cases[i].show != TMV_SHOW_WAITING;
        snprintf(m->pause_reason, sizeof m->pause_reason, "%s", cases[i].reason);
        snprintf(m->note, sizeof m->note, "%s", cases[i].note);
        state_reason(m, now_us, text);
        assert_string_equal(state_reason(m, now_us + US_PER_S, later), text);
        assert_memory_equal(text, cases[i].words, strlen(cases[i].words));
        stage.state.active = SCREEN_FLEET;
        draw(&stage, 200, 43);
        assert_words(&stage, text, true);
        stage.state.active = SCREEN_MIGRATION;
        draw(&stage, 200, 43);
        assert_words(&stage, text, true);
    }
    stage_end(&stage);
}

static void a_note_that_fits_takes_no_row_of_its_own(void **state)
{
    struct stage stage;
    char *text, *first;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    snprintf(stage.state.snapshot->migrations[0].note, TMV_REASON_MAX, "brief words");
    stage.state.snapshot->migrations[0].show = TMV_SHOW_WAITING;
    select_row(&stage, 0);
    draw(&stage, 132, 43);
    text = words_on(&stage.canvas);
    first = strstr(text, "brief words");
    assert_non_null(first);
    assert_null(strstr(first + 1, "brief words"));
    free(text);
    stage_end(&stage);
}

static void the_whole_reason_is_under_the_other_lists(void **state)
{
    struct stage stage;
    struct tmv_snapshot *snapshot = sample_snapshot();

    (void)state;
    stage_begin(&stage, snapshot);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        snprintf(snapshot->migrations[i].last_error, TMV_REASON_MAX, "%s", LONG_NOTE);
        if (snapshot->migrations[i].phase == TMV_PHASE_COMPLETED)
            snapshot->migrations[i].phase = TMV_PHASE_ABORTED;
        snapshot->migrations[i].paused = true;
        snprintf(snapshot->migrations[i].pause_reason, TMV_REASON_MAX, "%s", LONG_NOTE);
    }
    for (size_t i = 0; i < snapshot->attempt_count; i++)
        snprintf(snapshot->attempts[i].reason, TMV_REASON_MAX, "%s", LONG_NOTE);
    for (size_t s = 0; s < SIZES; s++) {
        stage.state.active = screen_by_key('3');
        stage.state.model.lists[stage.state.active].pane = 0;
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, "paused: " LONG_NOTE, true);
        stage.state.model.lists[stage.state.active].pane = 1;
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, LONG_NOTE, true);
        stage.state.active = screen_by_key('6');
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, LONG_NOTE, true);
    }
    stage_end(&stage);
}

static void the_whole_entry_is_under_the_events(void **state)
{
    struct stage stage;
    struct tmv_snapshot *snapshot = sample_snapshot();

    (void)state;
    stage_begin(&stage, snapshot);
    snprintf(snapshot->events[0].details, sizeof snapshot->events[0].details, "{\"reason\": \"%s\"}",
             CAUSE CAUSE);
    stage.state.active = screen_by_key('4');
    for (size_t s = 0; s < SIZES; s++) {
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, "source); connection refused by 10.20.30.40 port 5432", true);
    }
    stage_end(&stage);
}

/* Screens, and what lists lie over them. */
static void a_part_of_a_list_names_the_whole(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_many(400));
    for (size_t i = 0; i < 300; i++) {
        struct tmv_migration *m = &stage.state.snapshot->migrations[i];
        m->phase = i < 299 ? TMV_PHASE_DUAL_WRITE : TMV_PHASE_CUTOVER;
        m->show = i < 299 ? TMV_SHOW_SYNC : TMV_SHOW_CUTOVER;
    }
    for (size_t i = 300; i < 400; i++)
        stage.state.snapshot->migrations[i].phase = TMV_PHASE_FAILED;
    for (size_t s = 0; s < SIZES; s++) {
        stage.state.active = SCREEN_FLEET;
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, " of 400", true);
        stage.state.active = screen_by_key('3');
        stage.state.model.fleet.selected = stage.state.snapshot->migrations[299].id;
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, " of 300", true);
        assert_words(&stage, "CUTOVER",
                     true); /* the most urgent one, though it is the last of the snapshot's */
        stage.state.snapshot->migration_total = 1400;
        draw(&stage, sizes[s].cols, sizes[s].rows);
        assert_words(&stage, "1000 not loaded", true);
        stage.state.snapshot->migration_total = 400;
    }
    stage.state.active = screen_by_key('6');
    stage.state.snapshot->migration_total = 20000;
    stage.state.snapshot->counts[TMV_SHOW_FAILED] = 12345;
    draw(&stage, 80, 24);
    assert_words(&stage, "100 of 12345 failed or aborted", true);
    assert_words(&stage, "1–", true);
    stage.state.active = SCREEN_FLEET;
    overlay_open(&stage.state, OVERLAY_HELP);
    draw(&stage, 80, 24);
    assert_words(&stage, "1–16 of ", true);
    stage_end(&stage);
}

/* Every gate is seen, or it is said how many are not. */
static void gates_without_room_are_counted(void **state)
{
    struct stage stage;
    struct tmv_migration *m;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    m = &stage.state.snapshot->migrations[0];
    stage.state.active = SCREEN_MIGRATION;
    select_row(&stage, 0);
    m->phase = TMV_PHASE_DUAL_WRITE;
    m->show = TMV_SHOW_SYNC;
    m->gate_count = TMV_GATES_MAX < 9 ? TMV_GATES_MAX : 9;
    for (size_t i = 0; i < m->gate_count; i++) {
        snprintf(m->gates[i].name, sizeof m->gates[i].name, "gate-%zu", i);
        snprintf(m->gates[i].seen, sizeof m->gates[i].seen,
                 "words that need a line of their own on every screen");
    }
    draw(&stage, 80, 11);
    assert_words(&stage, "of 9 gates not shown", true);
    draw(&stage, 80, 43);
    assert_words(&stage, "not shown", false);
    assert_words(&stage, "gate-8", true);
    stage_end(&stage);
}

#define TIMES 8 /* of a migration */

/* One of its times, or all for TIMES; and all of what others have. */
static void forget_times(struct tmv_snapshot *s, int which)
{
    for (size_t i = 0; i < s->migration_count; i++) {
        struct tmv_migration *m = &s->migrations[i];
        int64_t *const times[TIMES] = {&m->created_at_us,
                                       &m->started_at_us,
                                       &m->bulk_copy_completed_at_us,
                                       &m->dual_write_started_at_us,
                                       &m->cutover_started_at_us,
                                       &m->completed_at_us,
                                       &m->waiting_since_us,
                                       &m->next_try_at_us};
        for (int t = 0; t < TIMES; t++)
            if (which == t || which == TIMES)
                *times[t] = 0;
    }
    for (size_t i = 0; i < s->attempt_count; i++)
        s->attempts[i].started_at_us = 0;
    for (size_t i = 0; i < s->event_count; i++)
        s->events[i].occurred_at_us = 0;
}

/* 1970 and the day before it, also as a clock and as an age. */
static void assert_no_date(struct stage *stage)
{
    static const char *const wrong[] = {"1970-", "1969-", "00:00:00Z", "23:59:5",
                                        "2077",  "2078",  "4987",      "4986"};

    for (size_t s = 0; s < SIZES; s++) {
        draw(stage, sizes[s].cols, sizes[s].rows);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
            assert_words(stage, wrong[i], false);
    }
}

static void looks_without(int which)
{
    struct stage stage;
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_uuid mistral = sample_record()->migration;

    stage_begin(&stage, snapshot);
    forget_times(snapshot, which);
    for (const char *key = "123456"; *key != '\0'; key++) {
        stage.state.active = screen_by_key(*key);
        assert_no_date(&stage);
    }
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        stage.state.active = SCREEN_MIGRATION;
        select_row(&stage, i);
        assert_no_date(&stage);
    }
    stage.state.model.record = NULL;
    stage.state.active = screen_by_key('6');
    history_open(&stage.state.model, &mistral, 0);
    assert_no_date(&stage);
    stage_end(&stage);
}

static void a_time_that_is_not_known_is_no_date(void **state)
{
    (void)state;
    for (int which = 0; which <= TIMES; which++)
        looks_without(which);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_note_of_the_selected_row_is_on_the_fleet),
        cmocka_unit_test(a_paused_migration_of_another_program_says_whose_it_is),
        cmocka_unit_test(why_and_since_when_are_the_same_on_both_screens),
        cmocka_unit_test(a_note_that_fits_takes_no_row_of_its_own),
        cmocka_unit_test(the_whole_reason_is_under_the_other_lists),
        cmocka_unit_test(the_whole_entry_is_under_the_events),
        cmocka_unit_test(a_part_of_a_list_names_the_whole),
        cmocka_unit_test(gates_without_room_are_counted),
        cmocka_unit_test(a_time_that_is_not_known_is_no_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
