/* A key is offered only where it does something: in the line of keys, in the help, in the palette. */
#include "test.h"

#include <stdlib.h>

#include "actions/actions.h"
#include "console/overlays.h"
#include "view/fleet_order.h"
#include "screens/history.h"
#include "stage.h"

static bool send_nothing(struct requests *requests, const struct tmv_request *request)
{
    (void)requests;
    (void)request;
    return true;
}

static void draw(struct stage *stage)
{
    canvas_release(&stage->canvas);
    assert_true(canvas_init(&stage->canvas, 132, 43));
    state_draw(&stage->state, &stage->canvas);
    state_shown(&stage->state, stage->state.model.now_us, 0);
}

/* What a person sees, and what is to happen soon. The caller frees it. */
static char *look(struct stage *stage)
{
    const struct state *s = &stage->state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    draw(stage);
    plain_write(&stage->canvas, false, out);
    fprintf(out, "%d %d %d %d %d", s->pending.action != NULL, s->confirm.kind, s->quit,
            s->redraw || s->suspend, s->copied != NULL);
    fclose(out);
    return text;
}

/* The models in which keys are looked at. */
enum scene {
    SCENE_FLEET,
    SCENE_EMPTY,
    SCENE_NOTHING_YET,
    SCENE_READ_ONLY,
    SCENE_FROZEN,
    SCENE_QUIET,
    SCENES
};

static void begin(struct stage *stage, enum scene scene, int screen, size_t row)
{
    struct tmv_snapshot *snapshot = scene == SCENE_NOTHING_YET ? NULL : sample_snapshot();

    if (scene == SCENE_EMPTY)
        snapshot->migration_count = snapshot->attempt_count = snapshot->event_count = 0;
    if (scene == SCENE_EMPTY)
        snapshot->migration_total = 0;
    for (size_t i = 0; scene == SCENE_QUIET && i < snapshot->migration_count; i++)
        snapshot->migrations[i].show = TMV_SHOW_SYNC; /* nothing needs a person */
    stage_begin(stage, snapshot);
    stage->state.requests =
        (struct requests *)(uintptr_t)1; /* never looked into: send_nothing stands before it */
    stage->state.send = send_nothing;
    stage->state.model.read_only = scene == SCENE_READ_ONLY;
    stage->state.model.frozen = scene == SCENE_FROZEN;
    if (scene == SCENE_READ_ONLY)
        stage->state.requests = NULL;
    if (snapshot != NULL && row < snapshot->migration_count) {
        stage->state.model.fleet.selected = snapshot->migrations[row].id;
        fleet_order(&stage->state.model, true);
    }
    stage->state.active = screen;
    draw(stage);
}

static void end(struct stage *stage)
{
    stage->state.requests = NULL;
    stage->state.snapshot = (struct tmv_snapshot *)(uintptr_t)stage->state.model.snapshot;
    stage_end(stage);
}

static struct input input_of(const char *key)
{
    static const struct {
        const char *name;
        enum input_kind kind;
    } names[] = {{"Enter", INPUT_ENTER}, {"Tab", INPUT_TAB}, {"Esc", INPUT_ESCAPE}, {"Space", INPUT_TEXT}};
    struct input input = {.kind = INPUT_TEXT, .at_us = SAMPLE_NOW_US, .gap_us = 1000000};

    snprintf(input.text, sizeof input.text, "%s", strcmp(key, "Space") == 0 ? " " : key);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i].name, key) == 0)
            input.kind = names[i].kind;
    if (strncmp(key, "Ctrl-", 5) == 0) {
        input.kind = INPUT_CTRL;
        snprintf(input.text, sizeof input.text, "%c", key[5]);
    }
    if (strcmp(key, "← →") == 0)
        input.kind = INPUT_RIGHT;
    return input;
}

static void assert_does_something(enum scene scene, int screen, size_t row, const char *key)
{
    struct stage stage;
    struct input input = input_of(key);
    char *before, *after;

    begin(&stage, scene, screen, row);
    before = look(&stage);
    state_key(&stage.state, &input, &stage.canvas);
    after = look(&stage);
    if (strcmp(before, after) == 0 || stage.state.toast_role == ROLE_LEVEL_WARN)
        fail_msg("scene %d, screen %d, row %zu: %s is offered: \"%s\"\n%s", (int)scene, screen + 1, row, key,
                 stage.state.toast, after);
    free(before);
    free(after);
    end(&stage);
}

static void keys_of_the_line_do_something(enum scene scene, int screen, size_t row)
{
    struct key_item items[KEY_ITEMS_MAX];
    char whys[KEY_ITEMS_MAX][TMV_REASON_MAX];
    struct stage stage;
    int count;

    begin(&stage, scene, screen, row);
    count = action_key_bar(&stage.state.model, screen, items, whys);
    for (int i = 0; i < count; i++)
        if (items[i].available)
            assert_does_something(scene, screen, row, items[i].key);
    end(&stage);
}

/* Moving has ends, the current screen's own digit and the fastest pace change nothing: they are no promises.
 */
static bool is_a_promise(const struct action *action)
{
    return action->keys[0] != '\0' && action->group != GROUP_MOVE && action->what != DO_SCREEN &&
           action->what != DO_BACK && action->what != DO_COPY;
}

static void keys_of_the_help_do_something(enum scene scene, int screen, size_t row)
{
    struct stage stage;
    char why[TMV_REASON_MAX], key[24];

    begin(&stage, scene, screen, row);
    for (int i = 0; i < action_count(); i++)
        if (is_a_promise(action_at(i)) && action_available(action_at(i), &stage.state.model, screen, why))
            assert_does_something(scene, screen, row,
                                  strncmp(action_at(i)->keys, "Ctrl-", 5) == 0
                                      ? action_at(i)->keys
                                      : action_key(action_at(i), key));
    end(&stage);
}

static void every_key_that_is_offered_does_something(void **state)
{
    (void)state;
    for (int scene = 0; scene < SCENES; scene++)
        for (int screen = 0; screen < screen_count(); screen++)
            for (size_t row = 0; row < (scene == SCENE_FLEET ? 11U : 2U); row++) {
                keys_of_the_line_do_something((enum scene)scene, screen, row);
                keys_of_the_help_do_something((enum scene)scene, screen, row);
            }
}

static void what_is_open_offers_what_it_takes(void **state)
{
    struct stage stage;
    struct tmv_uuid mistral = sample_record()->migration;
    struct key_item items[KEY_ITEMS_MAX];
    char whys[KEY_ITEMS_MAX][TMV_REASON_MAX];

    (void)state;
    begin(&stage, SCENE_FLEET, screen_by_key('6'), 0);
    action_key_bar(&stage.state.model, stage.state.active, items, whys);
    assert_true(items[0].available);
    assert_false(items[1].available); /* steps: no replay is open */
    history_open(&stage.state.model, &mistral, 0);
    action_key_bar(&stage.state.model, stage.state.active, items, whys);
    assert_false(items[1].available); /* a report has none */
    history_open(&stage.state.model, &mistral, 1);
    action_key_bar(&stage.state.model, stage.state.active, items, whys);
    assert_true(items[0].available && items[1].available);
    end(&stage);
}

/* After a later move of the same tenant there is nothing of the earlier one left to compare. */
static void an_ended_move_is_verified_only_as_the_latest(void **state)
{
    struct stage stage;
    struct tmv_migration *earlier, *later;
    char why[TMV_REASON_MAX];
    const struct action *verify = action_by_key("v");

    (void)state;
    begin(&stage, SCENE_FLEET, SCREEN_FLEET, 0);
    earlier = &stage.state.snapshot->migrations[0];
    later = &stage.state.snapshot->migrations[1];
    earlier->phase = TMV_PHASE_COMPLETED;
    earlier->show = TMV_SHOW_DONE;
    earlier->paused = false;
    assert_true(action_available(verify, &stage.state.model, SCREEN_FLEET, why));
    later->tenant = earlier->tenant;
    later->created_at_us = earlier->created_at_us + 1;
    assert_false(action_available(verify, &stage.state.model, SCREEN_FLEET, why));
    assert_non_null(strstr(why, "a later migration moved this tenant"));
    end(&stage);
}

/* Whether all, or none, of these keys are offered. */
static void assert_offered(const struct stage *stage, const char *keys, bool wanted)
{
    char why[TMV_REASON_MAX], key[12];

    for (size_t n; *keys != '\0'; keys += n + (keys[n] == ' ')) {
        n = strcspn(keys, " ");
        snprintf(key, sizeof key, "%.*s", (int)n, keys);
        if (action_available(action_by_key(key), &stage->state.model, stage->state.active, why) != wanted)
            fail_msg("%s is %s: %s", key, wanted ? "not offered" : "offered", why);
    }
}

static void offers_nothing_that_would_only_be_refused(void **state)
{
    struct stage stage;

    (void)state;
    begin(&stage, SCENE_QUIET, SCREEN_FLEET, 0);
    assert_offered(&stage, "u n N a", false);
    stage.state.undo.count = 1;
    snprintf(stage.state.filter_last, sizeof stage.state.filter_last, "acme");
    draw(&stage);
    assert_offered(&stage, "u n N", true);
    stage.state.model.frozen = true;
    assert_offered(&stage, "u", false);
    end(&stage);
    begin(&stage, SCENE_FLEET, SCREEN_FLEET, 0);
    assert_offered(&stage, "a Space Enter z", true);
    end(&stage);
    begin(&stage, SCENE_EMPTY, SCREEN_FLEET, 0);
    assert_offered(&stage, "Space * Enter z", false);
    end(&stage);
    begin(&stage, SCENE_READ_ONLY, SCREEN_FLEET, 0);
    assert_offered(&stage, "Space * p u", false);
    end(&stage);
    begin(&stage, SCENE_FLEET, SCREEN_MIGRATION, 0);
    assert_offered(&stage, "z /", false);
    end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_that_is_offered_does_something),
        cmocka_unit_test(offers_nothing_that_would_only_be_refused),
        cmocka_unit_test(what_is_open_offers_what_it_takes),
        cmocka_unit_test(an_ended_move_is_verified_only_as_the_latest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
