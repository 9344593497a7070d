#include "test.h"

#include <stdio.h>
#include <string.h>

#include "actions/confirm_keys.h"
#include "console/state.h"
#include "sample_fleet.h"
#include "view/fleet_order.h"
#include "widgets/plain.h"

#define S INT64_C(1000000)

struct stage {
    struct model model;
    struct confirm confirm;
    struct tmv_snapshot *snapshot;
};

/* The dialog of `action` for acme-eu-1042, which is READY, half a second after it opened. */
static void open_dialog(struct stage *stage, const char *action)
{
    stage->snapshot = sample_snapshot();
    sample_model(&stage->model, stage->snapshot);
    stage->model.fleet.selected = stage->snapshot->migrations[0].id;
    fleet_order(&stage->model, true);
    stage->snapshot->attempt_count = 1; /* the other one was rolled back: a warning of its own */
    confirm_open(&stage->confirm, action_by_name(action), &stage->model, false);
    stage->confirm.readable = true;
    confirm_shown(&stage->confirm, stage->model.now_us, false);
    stage->model.now_us += 500000;
    stage->snapshot->taken_mono_us = stage->model.now_us;
}

static enum confirm_result press(struct stage *stage, enum input_kind kind, const char *text)
{
    struct input input = {.kind = kind, .at_us = stage->model.now_us, .gap_us = S};

    strcpy(input.text, text);
    return confirm_key(&stage->confirm, &stage->model, &input);
}

static void type(struct stage *stage, const char *text)
{
    for (; *text != '\0'; text++)
        assert_int_equal(press(stage, INPUT_TEXT, (char[]){*text, '\0'}), CONFIRM_STAYS);
}

/* Time passes, and the dialog is drawn all the while. */
static enum confirm_result after(struct stage *stage, int64_t us)
{
    enum confirm_result result = CONFIRM_STAYS;

    for (int64_t step_us; us > 0 && result == CONFIRM_STAYS; us -= step_us) {
        step_us = us < S ? us : S;
        stage->model.now_us += step_us;
        stage->snapshot->taken_mono_us = stage->model.now_us;
        result = confirm_tick(&stage->confirm, &stage->model);
        confirm_shown(&stage->confirm, stage->model.now_us, false);
    }
    return result;
}

static void arm(struct stage *stage)
{
    type(stage, "acme-eu-1042");
    assert_int_equal(press(stage, INPUT_ENTER, ""), CONFIRM_STAYS);
    assert_int_equal(press(stage, INPUT_ENTER, ""), CONFIRM_STAYS);
    assert_true(stage->confirm.armed_until_us > 0);
}

static void sends_only_when_the_countdown_has_ended(void **state)
{
    struct stage stage;
    struct tmv_request request;

    (void)state;
    open_dialog(&stage, "cutover");
    arm(&stage);
    for (int i = 0; i < 4; i++)
        assert_int_equal(after(&stage, S), CONFIRM_STAYS);
    assert_int_equal(after(&stage, S), CONFIRM_SEND);
    request = confirm_request(&stage.confirm, &stage.model);
    assert_int_equal(request.operation, TMV_OP_CUTOVER);
    assert_int_equal(request.generation, 41);
    assert_true(tmv_uuid_equal(&request.migration, &stage.snapshot->migrations[0].id));
    tmv_snapshot_free(stage.snapshot);
}

static void any_key_cancels_the_countdown(void **state)
{
    static const enum input_kind kinds[] = {INPUT_TEXT,  INPUT_ENTER, INPUT_ESCAPE,
                                            INPUT_OTHER, INPUT_PASTE, INPUT_UP};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct stage stage;
        open_dialog(&stage, "cutover");
        arm(&stage);
        assert_int_equal(press(&stage, kinds[i], kinds[i] == INPUT_TEXT ? "y" : ""), CONFIRM_STAYS);
        assert_int_equal(after(&stage, 60 * S), CONFIRM_STAYS);
        assert_non_null(strstr(stage.confirm.notice, "Nothing was sent"));
        tmv_snapshot_free(stage.snapshot);
    }
}

static void a_lost_terminal_voids_the_countdown(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    arm(&stage);
    confirm_void(&stage.confirm);
    assert_int_equal(after(&stage, 60 * S), CONFIRM_STAYS);
    tmv_snapshot_free(stage.snapshot);
}

/* Types into an abort's dialog all that it asks for, and arms it. */
static void arm_abort(struct stage *stage)
{
    type(stage, "acme-eu-1042");
    press(stage, INPUT_ENTER, "");
    type(stage, "wrong target");
    press(stage, INPUT_TAB, "");
    press(stage, INPUT_TEXT, " "); /* keep what was copied */
    press(stage, INPUT_TAB, "");
    press(stage, INPUT_ENTER, "");
    assert_true(stage->confirm.armed_until_us > 0);
}

/* The screen did not move for a while in the middle, at the end, or the program itself was stopped. */
static const struct {
    const char *what;
    int64_t passed_us;         /* until the picture after the first second */
    bool drawn, slow, no_room; /* whether there was one; it took longer than a second; it did not fit */
} unseen[] = {
    {"drawn, but not for three seconds", 3 * S, true, false, false},
    {"a drawing that took longer than a second", S, true, true, false},
    {"no room for it any more", S, true, false, true},
    {"not drawn at all", 8 * S, false, false, false},
    {"a slow drawing right before its end", 3 * S, true, true, false},
    {"a slow drawing without room", S, true, true, true},
};

static void a_countdown_that_was_not_seen_to_its_end_is_void(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof unseen / sizeof *unseen; i++) {
        const bool abort = i % 2;
        size_t how = i / 2;
        struct stage stage;

        open_dialog(&stage, abort ? "abort" : "cutover");
        if (abort)
            arm_abort(&stage);
        else
            arm(&stage);
        assert_int_equal(after(&stage, S), CONFIRM_STAYS);
        stage.model.now_us += unseen[how].passed_us;
        stage.snapshot->taken_mono_us = stage.model.now_us;
        if (unseen[how].no_room)
            stage.confirm.readable = false;
        if (unseen[how].drawn)
            confirm_shown(&stage.confirm, stage.model.now_us, unseen[how].slow);
        if (after(&stage, CONFIRM_COUNTDOWN_US) != CONFIRM_STAYS || stage.confirm.armed_until_us != 0)
            fail_msg("%s was sent: %s", abort ? "abort" : "cutover", unseen[how].what);
        assert_non_null(strstr(stage.confirm.notice, "nothing was sent"));
        tmv_snapshot_free(stage.snapshot);
    }
}

static void hears_nothing_before_it_is_on_the_screen(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "verify");
    stage.confirm.shown = false;
    assert_int_equal(press(&stage, INPUT_TEXT, "y"), CONFIRM_STAYS);
    assert_int_equal(confirm_tick(&stage.confirm, &stage.model), CONFIRM_STAYS);
    assert_true(stage.confirm.yes_until_us == 0);
    tmv_snapshot_free(stage.snapshot);
}

static void a_bulk_dialog_leaves_out_what_changed_since_it_opened(void **state)
{
    struct stage stage;
    char why[TMV_REASON_MAX];

    (void)state;
    open_dialog(&stage, "pause");
    model_mark(&stage.model, &stage.snapshot->migrations[0].id);
    model_mark(&stage.model, &stage.snapshot->migrations[2].id);
    confirm_open(&stage.confirm, action_by_name("pause"), &stage.model, true);
    assert_true(confirm_takes(&stage.confirm, 0, &stage.snapshot->migrations[0], why));
    stage.snapshot->migrations[0].generation++;
    assert_false(confirm_takes(&stage.confirm, 0, &stage.snapshot->migrations[0], why));
    assert_string_equal(why, "changed meanwhile");
    assert_true(confirm_takes(&stage.confirm, 1, &stage.snapshot->migrations[2], why));
    tmv_snapshot_free(stage.snapshot);
}

/* What cannot be read is not confirmed. */
static void a_name_of_63_characters_can_be_typed_and_seen(void **state)
{
    static const char name[] = "a-tenant-with-a-name-as-long-as-postgresql-lets-a-name-be-sixty3";
    struct tenant_alias alias = {.name = name};
    struct stage stage;

    (void)state;
    for (int cols = 40; cols <= 132; cols += 46) {
        struct canvas canvas;
        open_dialog(&stage, "abort");
        alias.tenant = stage.snapshot->migrations[0].tenant;
        stage.model.names = (struct tenant_names){.aliases = &alias, .count = 1};
        confirm_open(&stage.confirm, action_by_name("abort"), &stage.model, false);
        assert_true(canvas_init(&canvas, cols, 24));
        stage.confirm.readable = confirm_draw(&stage.confirm, &stage.model, &canvas);
        assert_true(stage.confirm.readable);
        confirm_shown(&stage.confirm, stage.model.now_us, false);
        stage.model.now_us += S;
        type(&stage, name);
        assert_string_equal(stage.confirm.typed.text, name);
        confirm_draw(&stage.confirm, &stage.model, &canvas);
        assert_true(plain_contains(&canvas, "sixty3"));
        assert_true(cols < 80 || plain_contains(&canvas, name)); /* in lines of its own where it is wider */
        canvas_release(&canvas);
        tmv_snapshot_free(stage.snapshot);
    }
}

static void cannot_be_armed_while_a_gate_is_red(void **state)
{
    struct stage stage;
    char why[TMV_REASON_MAX];

    (void)state;
    open_dialog(&stage, "cutover");
    type(&stage, "acme-eu-1042");
    stage.snapshot->migrations[0].gates[1].green = false;
    confirm_blocked(&stage.confirm, &stage.model, why, sizeof why);
    assert_string_equal(why, "gate is red: verified to position 31,204,118");
    press(&stage, INPUT_ENTER, "");
    press(&stage, INPUT_ENTER, "");
    assert_true(stage.confirm.armed_until_us == 0);
    tmv_snapshot_free(stage.snapshot);
}

static void a_gate_that_turns_red_stops_the_countdown(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    arm(&stage);
    stage.snapshot->migrations[0].gates[0].green = false;
    assert_int_equal(after(&stage, 60 * S), CONFIRM_STAYS);
    assert_non_null(strstr(stage.confirm.notice, "gate is red: lag"));
    tmv_snapshot_free(stage.snapshot);
}

static void an_old_picture_stops_the_countdown(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    arm(&stage);
    stage.model.now_us += 60 * S; /* and no new snapshot */
    assert_int_equal(confirm_tick(&stage.confirm, &stage.model), CONFIRM_STAYS);
    assert_true(stage.confirm.armed_until_us == 0);
    tmv_snapshot_free(stage.snapshot);
}

static void a_changed_generation_starts_the_dialog_again(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    arm(&stage);
    stage.snapshot->migrations[0].generation++;
    assert_int_equal(after(&stage, 60 * S), CONFIRM_STAYS);
    assert_int_equal(stage.confirm.typed.length, 0);
    assert_int_equal(confirm_request(&stage.confirm, &stage.model).generation, 42);
    tmv_snapshot_free(stage.snapshot);
}

static void enter_with_nothing_typed_is_cancel(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    assert_int_equal(press(&stage, INPUT_ENTER, ""), CONFIRM_CLOSED);
    tmv_snapshot_free(stage.snapshot);
}

static void a_wrong_name_arms_nothing(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    type(&stage, "acme-eu-104");
    press(&stage, INPUT_ENTER, "");
    press(&stage, INPUT_TAB, "");
    press(&stage, INPUT_ENTER, "");
    assert_true(stage.confirm.armed_until_us == 0);
    assert_int_equal(press(&stage, INPUT_ESCAPE, ""), CONFIRM_CLOSED);
    tmv_snapshot_free(stage.snapshot);
}

static void is_deaf_just_after_it_opened(void **state)
{
    struct stage stage;

    (void)state;
    open_dialog(&stage, "cutover");
    stage.model.now_us = stage.confirm.opened_us + CONFIRM_DEAF_US - 1;
    type(&stage, "acme");
    assert_int_equal(stage.confirm.typed.length, 0);
    assert_int_equal(press(&stage, INPUT_ENTER, ""), CONFIRM_STAYS);
    assert_int_equal(press(&stage, INPUT_ESCAPE, ""), CONFIRM_CLOSED); /* leaving is always heard */
    tmv_snapshot_free(stage.snapshot);
}

static void abort_needs_a_reason_and_offers_to_keep(void **state)
{
    struct stage stage;
    struct tmv_request request;

    (void)state;
    open_dialog(&stage, "abort");
    type(&stage, "acme-eu-1042");
    press(&stage, INPUT_ENTER, "");
    assert_int_equal(stage.confirm.focus, CONFIRM_ON_REASON);
    press(&stage, INPUT_ENTER, "");
    assert_int_equal(stage.confirm.focus, CONFIRM_ON_REASON);
    type(&stage, "wrong target");
    press(&stage, INPUT_TAB, "");
    press(&stage, INPUT_TEXT, " "); /* keep: then nothing is thrown away, and nothing warns */
    press(&stage, INPUT_TAB, "");
    press(&stage, INPUT_ENTER, "");
    assert_int_equal(after(&stage, CONFIRM_COUNTDOWN_US), CONFIRM_SEND);
    request = confirm_request(&stage.confirm, &stage.model);
    assert_string_equal(request.reason, "wrong target");
    assert_true(request.keep_copied_events);
    tmv_snapshot_free(stage.snapshot);
}

static void a_warning_needs_its_own_acknowledgement_and_is_recorded(void **state)
{
    struct stage stage;
    struct tmv_request request;
    char why[TMV_REASON_MAX];

    (void)state;
    open_dialog(&stage, "cutover");
    stage.snapshot->attempt_count = 2;
    type(&stage, "acme-eu-1042");
    confirm_blocked(&stage.confirm, &stage.model, why, sizeof why);
    assert_string_equal(why, "acknowledge the warning");
    press(&stage, INPUT_ENTER, "");
    assert_int_equal(stage.confirm.focus, CONFIRM_ON_WARNING);
    press(&stage, INPUT_ENTER, ""); /* Enter is no acknowledgement */
    assert_int_equal(stage.confirm.focus, CONFIRM_ON_WARNING);
    press(&stage, INPUT_TEXT, " ");
    press(&stage, INPUT_ENTER, "");
    press(&stage, INPUT_ENTER, "");
    assert_int_equal(after(&stage, CONFIRM_COUNTDOWN_US), CONFIRM_SEND);
    request = confirm_request(&stage.confirm, &stage.model);
    assert_non_null(strstr(request.reason, "acknowledged: the last attempt was rolled back"));
    tmv_snapshot_free(stage.snapshot);
}

static void a_bulk_dialog_names_all_that_are_marked(void **state)
{
    struct stage stage;
    struct canvas canvas;
    char why[TMV_REASON_MAX];

    (void)state;
    open_dialog(&stage, "pause");
    for (int i = 0; i < 5; i++)
        assert_true(model_mark(&stage.model, &stage.snapshot->migrations[i].id));
    assert_true(action_available(action_by_name("pause"), &stage.model, SCREEN_FLEET, why));
    assert_false(action_available(action_by_name("cutover"), &stage.model, SCREEN_FLEET, why));
    assert_non_null(strstr(why, "never in bulk"));
    confirm_open(&stage.confirm, action_by_name("pause"), &stage.model, true);
    stage.confirm.readable = true;
    confirm_shown(&stage.confirm, stage.model.now_us, false);
    stage.model.now_us += S;
    assert_true(canvas_init(&canvas, 80, 24));
    confirm_draw(&stage.confirm, &stage.model, &canvas);
    assert_true(plain_contains(&canvas, "pause 3 of 5 marked"));
    for (int i = 0; i < 5; i++) {
        char name[TENANT_NAME_MAX];
        assert_true(plain_contains(
            &canvas, tenant_name(&stage.model.names, &stage.snapshot->migrations[i].tenant, name)));
    }
    canvas_release(&canvas);
    assert_int_equal(press(&stage, INPUT_DOWN, ""), CONFIRM_STAYS);
    assert_int_equal(press(&stage, INPUT_TEXT, "y"), CONFIRM_STAYS);
    assert_int_equal(after(&stage, 50000), CONFIRM_SEND);
    tmv_snapshot_free(stage.snapshot);
}

static void quitting_asks_while_an_engine_here_runs_migrations(void **state)
{
    static const struct {
        int down;
        bool quits;
        enum leave leave;
    } cases[] = {
        {0, false, LEAVE_STOP}, {1, true, LEAVE_HAND_OVER}, {2, true, LEAVE_KEEP}, {3, true, LEAVE_STOP}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct state console;
        struct canvas canvas;
        struct input q = {.kind = INPUT_TEXT, .text = "q"}, enter = {.kind = INPUT_ENTER},
                     down = {.kind = INPUT_DOWN};
        state_init(&console);
        assert_true(canvas_init(&canvas, 80, 24));
        console.engine_here = true;
        console.engine_runs = 2;
        q.at_us = console.model.now_us = SAMPLE_NOW_US;
        state_key(&console, &q, &canvas);
        assert_false(console.quit);
        enter.at_us = SAMPLE_NOW_US + 1000; /* typed ahead: not heard */
        state_key(&console, &enter, &canvas);
        assert_int_equal(console.overlay, OVERLAY_QUIT);
        enter.at_us = down.at_us = SAMPLE_NOW_US + S;
        for (int n = 0; n < cases[i].down; n++)
            state_key(&console, &down, &canvas);
        state_key(&console, &enter, &canvas);
        assert_int_equal(console.quit, cases[i].quits);
        assert_int_equal(console.leave, cases[i].leave);
        console.engine_runs = 0;
        console.quit = false;
        state_key(&console, &q, &canvas);
        assert_true(console.quit); /* nothing runs here: no question */
        canvas_release(&canvas);
        state_release(&console);
    }
}

static void undo_takes_back_what_was_done_last(void **state)
{
    struct state console;
    struct outcome done = {.kind = OUTCOME_DONE, .operation = TMV_OP_PAUSE, .ended = true};

    (void)state;
    state_init(&console);
    console.snapshot = sample_snapshot();
    sample_model(&console.model, console.snapshot);
    done.migration = console.snapshot->migrations[3].id;
    state_outcome(&console, &done);
    assert_int_equal(console.undo.operation, TMV_OP_RESUME);
    assert_string_equal(console.toast_hint, "u: resume it again");
    done.operation = TMV_OP_RESUME;
    state_outcome(&console, &done);
    assert_int_equal(console.undo.operation, TMV_OP_PAUSE);
    assert_int_equal(console.undo.count, 1);
    console.bulk = (struct bulk){.operation = TMV_OP_PAUSE, .total = 2};
    done.operation = TMV_OP_PAUSE;
    state_outcome(&console, &done);
    done.migration = console.snapshot->migrations[0].id;
    state_outcome(&console, &done);
    assert_int_equal(console.undo.count, 2);
    assert_string_equal(console.toast_hint, "u: resume these 2 again");
    assert_int_equal(console.bulk.total, 0);
    console.model.now_us += 60 * S; /* offered for a moment only */
    state_tick(&console);
    assert_int_equal(console.undo.count, 0);
    state_release(&console);
}

static void outcomes_are_the_servers_states(void **state)
{
    static const struct {
        enum outcome_kind kind;
        const char *text, *words;
    } cases[] = {
        {OUTCOME_REQUESTED, "", "requested, waits"},
        {OUTCOME_RUNNING, "", "running"},
        {OUTCOME_DONE, "", "done"},
        {OUTCOME_FAILED, "lock budget passed", "rolled back: lock budget passed"},
        {OUTCOME_REFUSED, "by bob", "refused: by bob"},
        {OUTCOME_UNKNOWN, "lost", "unknown, checking: lost"},
    };
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct model model;

    (void)state;
    sample_model(&model, snapshot);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome outcome = {.kind = cases[i].kind, .operation = TMV_OP_CUTOVER};
        char words[700];
        outcome.migration = snapshot->migrations[0].id;
        outcome.command.bytes[0] = 0x8f;
        snprintf(outcome.text, sizeof outcome.text, "%s", cases[i].text);
        outcome_words(&outcome, &model, words, sizeof words);
        if (strstr(words, cases[i].words) == NULL || strstr(words, "acme-eu-1042 (command 8f00)") == NULL)
            fail_msg("%s lacks: %s", words, cases[i].words);
    }
    tmv_snapshot_free(snapshot);
}

static void a_y_counts_only_alone(void **state)
{
    struct stage stage;
    struct input y = {.kind = INPUT_TEXT, .text = "y"};

    (void)state;
    open_dialog(&stage, "verify");
    y.at_us = stage.model.now_us;
    y.gap_us = 1000; /* right behind another byte */
    assert_int_equal(confirm_key(&stage.confirm, &stage.model, &y), CONFIRM_CLOSED);
    tmv_snapshot_free(stage.snapshot);

    open_dialog(&stage, "verify");
    assert_int_equal(press(&stage, INPUT_TEXT, "y"), CONFIRM_STAYS);
    assert_int_equal(press(&stage, INPUT_TEXT, "x"), CONFIRM_CLOSED); /* another one right behind it */
    tmv_snapshot_free(stage.snapshot);

    open_dialog(&stage, "verify");
    assert_int_equal(press(&stage, INPUT_TEXT, "y"), CONFIRM_STAYS);
    assert_int_equal(after(&stage, 50000), CONFIRM_SEND);
    tmv_snapshot_free(stage.snapshot);
}

/* ---- the table of actions ---- */

static void no_key_changes_anything_that_a_terminal_could_send(void **state)
{
    (void)state;
    for (int i = 0; i < action_count(); i++) {
        const struct action *action = action_at(i);
        assert_ptr_equal(action_by_name(action->name), action);
        if (action->group != GROUP_ACT)
            continue;
        if (action->what == DO_OPERATION)
            assert_string_equal(action->name, tmv_operation_name(action->operation));
        if (action->keys[0] == '\0')
            continue;
        assert_int_equal(strlen(action->keys), 1);
        assert_in_range(action->keys[0], 'a', 'z'); /* no capital, digit, ~ [ ] ; < > */
        assert_int_not_equal(action->keys[0], 'y');
        assert_ptr_equal(action_by_key(action->keys), action);
    }
}

static void no_key_stands_twice_in_the_table(void **state)
{
    (void)state;
    for (int i = 0; i < action_count(); i++) {
        char keys[80], *rest = keys;
        snprintf(keys, sizeof keys, "%s", action_at(i)->keys);
        for (char *key; (key = strsep(&rest, " ")) != NULL;)
            if (key[0] != '\0' && action_by_key(key) != action_at(i))
                fail_msg("%s is %s and %s", key, action_by_key(key)->name, action_at(i)->name);
    }
}

static void read_only_has_no_way_to_act(void **state)
{
    struct state console;
    struct canvas canvas;

    (void)state;
    state_init(&console);
    console.snapshot = sample_snapshot();
    sample_model(&console.model, console.snapshot);
    console.model.read_only = true;
    assert_true(canvas_init(&canvas, 80, 24));
    for (char c = ' '; c <= '~'; c++) {
        struct input input = {.kind = INPUT_TEXT, .text = {c}, .at_us = SAMPLE_NOW_US, .gap_us = S};
        /* keys move the cursor: each is tried on the READY one, where everything is allowed */
        console.model.fleet.selected = console.snapshot->migrations[0].id;
        fleet_order(&console.model, true);
        state_key(&console, &input, &canvas);
        assert_int_equal(console.confirm.kind, CONFIRM_NONE);
        console.overlay = OVERLAY_NONE;
        console.quit = console.filtering = false;
    }
    canvas_release(&canvas);
    state_release(&console);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_only_when_the_countdown_has_ended),
        cmocka_unit_test(any_key_cancels_the_countdown),
        cmocka_unit_test(a_lost_terminal_voids_the_countdown),
        cmocka_unit_test(a_countdown_that_was_not_seen_to_its_end_is_void),
        cmocka_unit_test(hears_nothing_before_it_is_on_the_screen),
        cmocka_unit_test(a_bulk_dialog_leaves_out_what_changed_since_it_opened),
        cmocka_unit_test(a_name_of_63_characters_can_be_typed_and_seen),
        cmocka_unit_test(cannot_be_armed_while_a_gate_is_red),
        cmocka_unit_test(a_gate_that_turns_red_stops_the_countdown),
        cmocka_unit_test(an_old_picture_stops_the_countdown),
        cmocka_unit_test(a_changed_generation_starts_the_dialog_again),
        cmocka_unit_test(enter_with_nothing_typed_is_cancel),
        cmocka_unit_test(a_wrong_name_arms_nothing),
        cmocka_unit_test(is_deaf_just_after_it_opened),
        cmocka_unit_test(abort_needs_a_reason_and_offers_to_keep),
        cmocka_unit_test(a_warning_needs_its_own_acknowledgement_and_is_recorded),
        cmocka_unit_test(a_bulk_dialog_names_all_that_are_marked),
        cmocka_unit_test(quitting_asks_while_an_engine_here_runs_migrations),
        cmocka_unit_test(undo_takes_back_what_was_done_last),
        cmocka_unit_test(outcomes_are_the_servers_states),
        cmocka_unit_test(a_y_counts_only_alone),
        cmocka_unit_test(no_key_changes_anything_that_a_terminal_could_send),
        cmocka_unit_test(no_key_stands_twice_in_the_table),
        cmocka_unit_test(read_only_has_no_way_to_act),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
