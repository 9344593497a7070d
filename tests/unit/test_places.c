/* Where a person stands on screens 3 to 6, and what keys do there. */
#include "stage.h"

#include <stdlib.h>

#include "view/fleet_order.h"
#include "screens/history.h"

static void open_on(struct stage *stage, const char *key)
{
    stage_begin(stage, sample_snapshot());
    stage_draw(stage, 140, 40);
    stage_type(stage, key);
}

static void who_is_ready_stands_first(void **state)
{
    struct stage stage;
    const struct tmv_migration *m;

    (void)state;
    open_on(&stage, "3");
    m = model_selected(&stage.state.model);
    assert_non_null(m);
    stage_type(&stage, "g");
    assert_int_equal(model_selected(&stage.state.model)->show, TMV_SHOW_CUTOVER);
    stage_type(&stage, "j");
    assert_int_equal(model_selected(&stage.state.model)->show, TMV_SHOW_READY);
    stage_type(&stage, "j");
    assert_int_equal(model_selected(&stage.state.model)->show, TMV_SHOW_SYNC);
    assert_true(stage_shows(&stage, "lag 3.2 s > 50 ms; 2 of 5 gates are red"));
    stage_end(&stage);
}

static void the_cursor_follows_its_cutover(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();

    (void)state;
    open_on(&stage, "3");
    stage_press(&stage, INPUT_TAB, "");
    stage_type(&stage, "jj");
    assert_true(stage_shows(&stage, "rehearsal #1 of acme-eu-1042 by zoë"));
    /* a newer attempt comes in above */
    memmove(&next->attempts[1], &next->attempts[0], (next->attempt_count - 1) * sizeof *next->attempts);
    next->attempts[0].number = 99;
    state_set_snapshot(&stage.state, next);
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "rehearsal #1 of acme-eu-1042 by zoë"));
    stage_end(&stage);
}

/* A ghost: the keys still mean what was under the cursor, and no other tenant takes its row. */
static void a_row_that_leaves_its_list_stays_until_the_cursor_moves(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();
    struct tmv_uuid held;
    int row;

    (void)state;
    open_on(&stage, "1");
    stage_type(&stage, "/phase=ready,sync");
    stage_press(&stage, INPUT_ENTER, "");
    stage_type(&stage, "g");
    held = stage.state.model.fleet.selected;
    row = stage.state.model.fleet.selected_row;
    for (size_t i = 0; i < next->migration_count; i++)
        if (tmv_uuid_equal(&next->migrations[i].id, &held))
            next->migrations[i].show = TMV_SHOW_PAUSED;
    state_set_snapshot(&stage.state, next);
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "left this list: stays until the cursor moves"));
    assert_true(tmv_uuid_equal(&model_selected(&stage.state.model)->id, &held));
    assert_int_equal(stage.state.model.fleet.selected_row, row);
    stage_type(&stage, "j");
    stage_draw(&stage, 140, 40);
    assert_false(stage_shows(&stage, "left this list"));
    assert_false(tmv_uuid_equal(&model_selected(&stage.state.model)->id, &held));
    stage_end(&stage);
}

static void a_row_that_leaves_the_queue_stays_until_the_cursor_moves(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();
    struct tmv_uuid held;

    (void)state;
    open_on(&stage, "3");
    stage_type(&stage, "g");
    held = stage.state.model.fleet.selected;
    for (size_t i = 0; i < next->migration_count; i++)
        if (tmv_uuid_equal(&next->migrations[i].id, &held))
            next->migrations[i].phase = TMV_PHASE_COMPLETED;
    state_set_snapshot(&stage.state, next);
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "left the queue; stays until the cursor moves"));
    assert_true(tmv_uuid_equal(&model_selected(&stage.state.model)->id, &held));
    stage_type(&stage, "j");
    stage_draw(&stage, 140, 40);
    assert_false(stage_shows(&stage, "left the queue"));
    stage_end(&stage);
}

static void enter_on_a_cutover_shows_it_again(void **state)
{
    struct stage stage;

    (void)state;
    open_on(&stage, "3");
    stage_press(&stage, INPUT_TAB, "");
    stage_press(&stage, INPUT_ENTER, "");
    assert_true(stage_shows(&stage, "[REPLAY]"));
    assert_true(stage_shows(&stage, "1 of 6: a minute before"));
    for (int i = 0; i < 9; i++)
        stage_press(&stage, INPUT_RIGHT, "");
    assert_true(stage_shows(&stage, "6 of 6: a minute after"));
    stage_press(&stage, INPUT_LEFT, "");
    assert_true(stage_shows(&stage, "5 of 6: decide"));
    stage_press(&stage, INPUT_ENTER, ""); /* the report, the other side */
    assert_true(stage_shows(&stage, "── verification"));
    assert_false(stage_shows(&stage, "[REPLAY]"));
    stage_press(&stage, INPUT_ESCAPE, "");
    assert_true(stage_shows(&stage, "ENDED")); /* the list, not the fleet */
    stage_end(&stage);
}

static void a_replay_says_where_it_stopped_and_why(void **state)
{
    struct stage stage;
    struct tmv_uuid acme;

    (void)state;
    open_on(&stage, "6");
    acme = stage.state.model.snapshot->migrations[0].id;
    history_open(&stage.state.model, &acme, 2);
    for (int i = 0; i < 3; i++)
        stage_press(&stage, INPUT_RIGHT, "");
    assert_true(stage_shows(&stage, "It did not come to this: lock budget of 20 ms passed"));
    assert_true(stage_shows(&stage, "Everything stayed as it was."));
    stage_end(&stage);
}

static void a_report_scrolls_to_its_end_and_no_further(void **state)
{
    struct stage stage;

    (void)state;
    open_on(&stage, "6");
    stage_draw(&stage, 80, 12);
    history_open(&stage.state.model, &sample_record()->migration, 0);
    stage_draw(&stage, 80, 12);
    assert_true(stage_shows(&stage, "History › mistral"));
    stage_type(&stage, "G");
    assert_true(stage_shows(&stage, "cutover completed"));
    stage_type(&stage, "jjj");
    assert_true(stage_shows(&stage, "cutover completed"));
    stage_type(&stage, "g");
    assert_true(stage_shows(&stage, "History › mistral"));
    stage_end(&stage);
}

static void a_record_of_another_is_not_shown(void **state)
{
    struct stage stage;
    struct tmv_uuid indigo;

    (void)state;
    open_on(&stage, "6");
    indigo = stage.state.model.snapshot->migrations[5].id; /* the record that is there is mistral's */
    history_open(&stage.state.model, &indigo, 0);
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "reading the rest of the record"));
    assert_memory_equal(&stage.state.model.focus, &indigo, sizeof indigo);
    stage_end(&stage);
}

static void nothing_can_be_acted_on_where_no_migration_is_chosen(void **state)
{
    static const char *const screens[] = {"4", "5", "6"};
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < sizeof screens / sizeof *screens; i++) {
        open_on(&stage, "1");
        stage.state.model.fleet.selected = stage.state.model.snapshot->migrations[0].id;
        fleet_order(&stage.state.model, false);
        stage_type(&stage, screens[i]);
        assert_null(model_selected(&stage.state.model));
        assert_false(stage_shows(&stage, "p pause"));
        stage_type(&stage, "1");
        assert_non_null(model_selected(&stage.state.model));
        assert_true(stage_shows(&stage, "p pause")); /* the key bar is of this screen at once */
        assert_false(stage_shows(&stage, "(p pause"));
        stage_end(&stage);
    }
}

/* ---- events ---- */

static void events_pass_a_word(void **state)
{
    struct stage stage;

    (void)state;
    open_on(&stage, "4");
    assert_true(stage_shows(&stage, "5 of 5"));
    strcpy(stage.state.model.lists[stage.state.active].filter, "PAUSED");
    stage_draw(&stage, 140, 40);
    assert_true(stage_shows(&stage, "1 of 5"));
    assert_true(stage_shows(&stage, "tenantmv pause fjord-labs")); /* what did it, as a command line */
    stage_press(&stage, INPUT_ESCAPE, "");
    assert_true(stage_shows(&stage, "5 of 5"));
    stage_end(&stage);
}

static void the_newest_event_is_followed_and_any_other_held(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();
    struct list_state *list;

    (void)state;
    open_on(&stage, "4");
    list = &stage.state.model.lists[stage.state.active];
    assert_true(stage_shows(&stage, "following the newest"));
    stage_type(&stage, "jj");
    assert_int_equal(list->number, 7);
    memmove(&next->events[1], &next->events[0], (next->event_count - 1) * sizeof *next->events);
    next->events[0].id = 50;
    state_set_snapshot(&stage.state, next);
    stage_draw(&stage, 140, 40);
    assert_int_equal(list->number, 7);
    assert_true(stage_shows(&stage, "held: 3 newer above"));
    stage_type(&stage, "g");
    assert_int_equal(list->number, 50);
    stage_end(&stage);
}

static void jumps_to_a_time(void **state)
{
    static const struct {
        const char *typed;
        int64_t id;
    } cases[] = {{"14:02:20", 6}, {"14:02", 9}, {"14:02:15", 5}, {"13", 5},
                 {"23:59", 5},    {"x", 9},     {"99:99", 9}};
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        open_on(&stage, "4");
        stage_type(&stage, "@");
        stage_type(&stage, cases[i].typed);
        stage_press(&stage, INPUT_ENTER, "");
        assert_int_equal(stage.state.model.lists[stage.state.active].number, cases[i].id);
        stage_end(&stage);
    }
}

static void folds_long_events(void **state)
{
    struct stage stage;

    (void)state;
    open_on(&stage, "4");
    stage_draw(&stage, 60, 24);
    assert_true(stage_shows(&stage, "…"));
    stage_type(&stage, "w");
    assert_true(stage_shows(&stage, "23505"));
    stage_end(&stage);
}

/* ---- stores ---- */

static void a_store_that_fell_silent_keeps_its_last_figures(void **state)
{
    struct stage stage;
    struct store_view *stores;
    size_t count;
    const struct store_view *before = sample_stores(&count);

    (void)state;
    open_on(&stage, "5");
    stores = malloc(count * sizeof *stores);
    memcpy(stores, before, count * sizeof *stores);
    stores[0].now.failing = true;
    stores[0].now.failed_us = SAMPLE_NOW_US;
    strcpy(stores[0].now.failed_by, "worker one");
    strcpy(stores[0].now.why, "no answer within 3 s");
    state_set_stores(&stage.state, stores, count);
    stage_draw(&stage, 132, 43);
    assert_true(stage_shows(&stage, "no answer within 3 s"));
    assert_true(stage_shows(&stage, "23/100"));
    assert_true(stage_shows(&stage, "looked at 1.2 s ago"));
    assert_true(stage.state.model.stores_wanted);
    stage_type(&stage, "1");
    assert_false(stage.state.model.stores_wanted);
    stage_end(&stage);
}

/* A sample's store alone, changed. */
static void show_store(struct stage *stage, const struct store_view *store)
{
    struct store_view *stores = malloc(sizeof *stores);

    assert_non_null(stores);
    *stores = *store;
    state_set_stores(&stage->state, stores, 1);
    stage_draw(stage, 132, 43);
}

static void what_engines_saw_of_a_store_too_long_ago_is_not_known(void **state)
{
    struct stage stage;
    size_t count;
    struct store_view store = sample_stores(&count)[0];

    (void)state;
    open_on(&stage, "5");
    store.now.looked_us = SAMPLE_NOW_US - TMV_FACT_TTL_US;
    show_store(&stage, &store);
    assert_true(stage_shows(&stage, "23/100"));
    assert_false(stage_shows(&stage, "not known"));
    store.now.looked_us--;
    show_store(&stage, &store);
    assert_false(stage_shows(&stage, "23/100"));
    assert_false(stage_shows(&stage, "✓"));
    assert_true(stage_shows(&stage, "last looked at 5.0 s ago"));
    assert_true(stage_shows(&stage, "below: as it was then"));
    store.now.engine_runs = false;
    show_store(&stage, &store);
    assert_true(stage_shows(&stage, "no engine runs; last looked at 5.0 s ago"));
    store.now.seen = false;
    show_store(&stage, &store);
    assert_true(stage_shows(&stage, "no engine runs"));
    assert_true(stage_shows(&stage, "never reached"));
    store.now.engine_runs = true;
    show_store(&stage, &store);
    assert_true(stage_shows(&stage, "no engine has looked at it yet"));
    stage.state.model.connected = false;
    show_store(&stage, &store);
    assert_true(stage_shows(&stage, "the control database is away"));
    stage_end(&stage);
}

/* A failure that nobody has confirmed since is the past as well. */
static void a_store_is_away_for_as_long_as_an_engine_says_so(void **state)
{
    struct stage stage;
    size_t count;
    struct store_view store = sample_stores(&count)[1];

    (void)state;
    open_on(&stage, "5");
    show_store(&stage, &store);
    assert_true(stage_shows(&stage, "✗"));
    assert_true(stage_shows(&stage, "for 12m00s, as worker one found 2.1 s ago"));
    store.now.failed_us = SAMPLE_NOW_US - 300 * INT64_C(1000000);
    show_store(&stage, &store);
    assert_false(stage_shows(&stage, "✗"));
    assert_true(stage_shows(&stage, "last failure"));
    assert_true(stage_shows(&stage, "worker one found 5m00s ago"));
    /* one engine reaches it, another one does not */
    store = sample_stores(&count)[0];
    store.now.failing = true;
    store.now.failed_us = SAMPLE_NOW_US;
    snprintf(store.now.failed_by, sizeof store.now.failed_by, "worker two");
    snprintf(store.now.why, sizeof store.now.why, "no route");
    show_store(&stage, &store);
    assert_false(stage_shows(&stage, "✗"));
    assert_true(stage_shows(&stage, "not reached by w"));
    stage_end(&stage);
}

static void stores_that_cannot_be_read_say_why(void **state)
{
    struct stage stage;

    (void)state;
    open_on(&stage, "5");
    state_set_stores(&stage.state, NULL, 0);
    snprintf(stage.state.model.stores_problem, TMV_REASON_MAX, "permission denied for table x");
    stage_draw(&stage, 132, 43);
    assert_true(stage_shows(&stage, "permission denied for table x"));
    stage_end(&stage);
}

static void stores_warn_of_what_stands_in_the_way(void **state)
{
    struct stage stage;

    (void)state;
    open_on(&stage, "5");
    stage_type(&stage, "Gk");
    stage_draw(&stage, 132, 43);
    assert_true(stage_shows(&stage, "transaction open for 3m00s"));
    assert_true(stage_shows(&stage, "takes no writes"));
    assert_true(stage_shows(&stage, "41 writes turned away, 2 of them since this console looks"));
    stage_end(&stage);
}

static void shows_ten_thousand_migrations(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_many(10000));
    for (char key = '1'; key <= '6'; key++) {
        stage_draw(&stage, 80, 24);
        stage_type(&stage, (const char[]){key, '\0'});
        stage_type(&stage, "Gg");
    }
    stage_type(&stage, "1");
    assert_true(stage_shows(&stage, "of 10000"));
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_ready_stands_first),
        cmocka_unit_test(the_cursor_follows_its_cutover),
        cmocka_unit_test(a_row_that_leaves_its_list_stays_until_the_cursor_moves),
        cmocka_unit_test(a_row_that_leaves_the_queue_stays_until_the_cursor_moves),
        cmocka_unit_test(enter_on_a_cutover_shows_it_again),
        cmocka_unit_test(a_replay_says_where_it_stopped_and_why),
        cmocka_unit_test(a_report_scrolls_to_its_end_and_no_further),
        cmocka_unit_test(a_record_of_another_is_not_shown),
        cmocka_unit_test(nothing_can_be_acted_on_where_no_migration_is_chosen),
        cmocka_unit_test(events_pass_a_word),
        cmocka_unit_test(the_newest_event_is_followed_and_any_other_held),
        cmocka_unit_test(jumps_to_a_time),
        cmocka_unit_test(folds_long_events),
        cmocka_unit_test(a_store_that_fell_silent_keeps_its_last_figures),
        cmocka_unit_test(what_engines_saw_of_a_store_too_long_ago_is_not_known),
        cmocka_unit_test(a_store_is_away_for_as_long_as_an_engine_says_so),
        cmocka_unit_test(stores_that_cannot_be_read_say_why),
        cmocka_unit_test(stores_warn_of_what_stands_in_the_way),
        cmocka_unit_test(shows_ten_thousand_migrations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
