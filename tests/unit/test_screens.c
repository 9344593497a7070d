/* The views against stored pictures, and at every size. TENANTMV_WRITE_GOLDEN=1 writes the pictures anew:
 * look at the difference before you commit it. */
#include "test.h"

#include "golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/overlays.h"
#include "console/state.h"
#include "sample_fleet.h"
#include "view/fleet_order.h"
#include "screens/history.h"
#include "widgets/plain.h"

struct stage {
    struct state state;
    struct canvas canvas;
};

static void stage_begin(struct stage *stage, struct tmv_snapshot *snapshot)
{
    state_init(&stage->state);
    stage->state.snapshot = snapshot;
    sample_model(&stage->state.model, snapshot);
    memset(&stage->canvas, 0, sizeof stage->canvas);
}

static void stage_end(struct stage *stage)
{
    canvas_release(&stage->canvas);
    state_release(&stage->state);
}

static void stage_draw(struct stage *stage, int cols, int rows)
{
    canvas_release(&stage->canvas);
    assert_true(canvas_init(&stage->canvas, cols, rows));
    state_draw(&stage->state, &stage->canvas);
    state_shown(&stage->state, stage->state.model.now_us, 0);
}

static void select_tenant(struct stage *stage, const char *name)
{
    const struct model *model = &stage->state.model;

    for (size_t i = 0; i < model->names.count; i++) {
        if (strcmp(model->names.aliases[i].name, name) != 0)
            continue;
        stage->state.model.fleet.selected = model->snapshot->migrations[i].id;
        fleet_order(&stage->state.model, true);
        return;
    }
    fail_msg("no such tenant in the sample: %s", name);
}

static char *canvas_as_text(const struct canvas *canvas)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    plain_write(canvas, false, out);
    fclose(out);
    return text;
}

static void assert_picture(const struct stage *stage, const char *name)
{
    char path[400], size[40];

    snprintf(size, sizeof size, "%dx%d", stage->canvas.cols, stage->canvas.rows);
    assert_golden(canvas_as_text(&stage->canvas), golden_path(path, GOLDEN_DIR, name, size));
}

static const struct {
    int cols, rows;
} sizes[] = {{80, 24}, {132, 43}, {40, 10}};

static void draws_the_fleet_as_pictured(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        stage_draw(&stage, sizes[i].cols, sizes[i].rows);
        assert_picture(&stage, "fleet");
    }
    stage_end(&stage);
}

static void draws_each_migration_as_pictured(void **state)
{
    static const struct {
        const char *tenant, *picture;
    } cases[] = {
        {"cobalt-retail", "sync"}, {"acme-eu-1042", "ready"}, {"indigo", "failed"}, {"mistral", "done"}};
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    stage.state.active = 1;
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        select_tenant(&stage, cases[c].tenant);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            stage_draw(&stage, sizes[i].cols, sizes[i].rows);
            assert_picture(&stage, cases[c].picture);
        }
    }
    stage_end(&stage);
}

/* A tenant that has moved, and its old store is kept current. */
static void draws_a_held_migration_as_pictured(void **state)
{
    static const int screens[] = {0, 1};
    static const char *const pictures[] = {"fleet-held", "held"};
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        struct tmv_migration *m = &snapshot->migrations[i];

        if (m->show != TMV_SHOW_DONE)
            continue;
        m->show = TMV_SHOW_HOLD;
        m->held = true;
        m->hold_until_us = snapshot->taken_at_us + INT64_C(82800000000);
        m->lag_us = 4000;
        m->lag_events = 2;
        strcpy(m->step, "keeping the old store current");
        snapshot->counts[TMV_SHOW_DONE]--;
        snapshot->counts[TMV_SHOW_HOLD]++;
    }
    stage_begin(&stage, snapshot);
    for (size_t c = 0; c < sizeof screens / sizeof *screens; c++) {
        stage.state.active = screens[c];
        select_tenant(&stage, "mistral");
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            stage_draw(&stage, sizes[i].cols, sizes[i].rows);
            assert_picture(&stage, pictures[c]);
        }
    }
    stage_end(&stage);
}

static const char *const overlay_pictures[OVERLAY_COUNT] = {
    [OVERLAY_HELP] = "help",         [OVERLAY_PALETTE] = "palette", [OVERLAY_SORT] = "sort",
    [OVERLAY_MESSAGES] = "messages", [OVERLAY_THEME] = "theme",     [OVERLAY_EXPORT] = "export",
    [OVERLAY_QUIT] = "quit",
};

static void draws_dialog_and_help_as_pictured(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    select_tenant(&stage, "acme-eu-1042");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        confirm_open(&stage.state.confirm, action_by_name("cutover"), &stage.state.model, false);
        stage_draw(&stage, sizes[i].cols, sizes[i].rows);
        assert_picture(&stage, "dialog-cutover");
        stage.state.confirm.armed_until_us = stage.state.model.now_us + 3000000;
        stage_draw(&stage, sizes[i].cols, sizes[i].rows);
        assert_picture(&stage, "dialog-armed");
        confirm_open(&stage.state.confirm, action_by_name("abort"), &stage.state.model, false);
        stage_draw(&stage, sizes[i].cols, sizes[i].rows);
        assert_picture(&stage, "dialog-abort");
        for (int k = 0; k < 5; k++)
            model_mark(&stage.state.model, &stage.state.snapshot->migrations[k].id);
        confirm_open(&stage.state.confirm, action_by_name("pause"), &stage.state.model, true);
        stage_draw(&stage, sizes[i].cols, sizes[i].rows);
        assert_picture(&stage, "dialog-bulk");
        stage.state.model.fleet.mark_count = 0;
    }
    stage.state.confirm.kind = CONFIRM_NONE;
    stage.state.confirm.kind = CONFIRM_NONE;
    for (int overlay = OVERLAY_NONE + 1; overlay < OVERLAY_COUNT; overlay++) {
        overlay_open(&stage.state, (enum overlay)overlay);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            stage_draw(&stage, sizes[i].cols, sizes[i].rows);
            assert_picture(&stage, overlay_pictures[overlay]);
        }
    }
    stage_end(&stage);
}

static void open_screen(struct stage *stage, char key)
{
    struct list_state *list;

    stage->state.active = screen_by_key(key);
    assert_true(stage->state.active >= 0);
    list = &stage->state.model.lists[stage->state.active];
    memset(list, 0, sizeof *list);
}

static void press(struct stage *stage, enum input_kind kind, const char *text)
{
    struct input input = {.kind = kind, .at_us = SAMPLE_NOW_US, .gap_us = 1000000};

    snprintf(input.text, sizeof input.text, "%s", text);
    stage_draw(stage, 80, 24);
    state_key(&stage->state, &input, &stage->canvas);
}

static void draw_all_sizes(struct stage *stage, const char *picture)
{
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        stage_draw(stage, sizes[i].cols, sizes[i].rows);
        assert_picture(stage, picture);
    }
}

static void draws_the_other_screens_as_pictured(void **state)
{
    static const struct {
        char key;
        const char *picture;
    } cases[] = {{'3', "cutover"}, {'4', "events"}, {'5', "stores"}, {'6', "history"}};
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        open_screen(&stage, cases[c].key);
        draw_all_sizes(&stage, cases[c].picture);
    }
    stage_end(&stage);
}

static void draws_report_and_replay_as_pictured(void **state)
{
    static const char *const replays[] = {"replay-before", "replay-asked",  "replay-lock",
                                          "replay-drain",  "replay-decide", "replay-after"};
    struct stage stage;
    struct tmv_uuid mistral = sample_record()->migration;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    open_screen(&stage, '6');
    history_open(&stage.state.model, &mistral, 0);
    draw_all_sizes(&stage, "report");
    history_open(&stage.state.model, &mistral, 1);
    for (size_t i = 0; i < sizeof replays / sizeof *replays; i++) {
        stage_draw(&stage, 80, 24);
        assert_true(plain_contains(&stage.canvas, "[REPLAY]"));
        assert_picture(&stage, replays[i]);
        stage_draw(&stage, 132, 43);
        if (i == 3)
            assert_picture(&stage, replays[i]);
        press(&stage, INPUT_RIGHT, "");
    }
    stage_end(&stage);
}

/* Cells of a row add up to its width; every cell holds something; a wide one owns its neighbour. */
static void assert_sound(const struct canvas *canvas)
{
    for (int y = 0; y < canvas->rows; y++) {
        for (int x = 0; x < canvas->cols; x++) {
            const struct cell *cell = canvas_at(canvas, x, y), *next = canvas_at(canvas, x + 1, y);
            assert_in_range(cell->width, 0, 2);
            assert_int_equal(cell->text[0] == '\0', cell->width == 0);
            if (cell->width == 2)
                assert_int_equal(next != NULL ? next->width : 1, 0);
            if (cell->width == 0)
                assert_int_equal(x > 0 ? canvas_at(canvas, x - 1, y)->width : 0, 2);
            assert_true(cell->role < ROLE_COUNT);
        }
    }
}

#define SCREENS 10 /* pictures of screens and dialogs, before those of overlays */
#define THINGS (SCREENS + OVERLAY_COUNT)

/* A screen, a dialog over the fleet, or an overlay. */
static void draw_one(struct stage *stage, int what, int cols, int rows)
{
    static const char keys[SCREENS] = {'1', '2', '1', '1', '1', '3', '4', '5', '6', '6'};

    open_screen(stage, what < SCREENS ? keys[what] : '1');
    overlay_open(&stage->state, what >= SCREENS ? (enum overlay)(what - SCREENS) : OVERLAY_NONE);
    stage->state.confirm.kind = CONFIRM_NONE;
    stage->state.model.fleet.mark_count = 0;
    for (int i = 0; what == 2 && i < stage->state.model.fleet.shown; i++)
        model_mark(&stage->state.model, &stage->state.model.fleet.ids[i]);
    if (what == 8 || what == 9)
        history_open(&stage->state.model, &sample_record()->migration, what == 9);
    if (what >= 2 && what <= 4)
        confirm_open(&stage->state.confirm,
                     action_by_name(what == 3   ? "cutover"
                                    : what == 4 ? "abort"
                                                : "pause"),
                     &stage->state.model, what == 2);
    stage_draw(stage, cols, rows);
    assert_sound(&stage->canvas);
}

static void draws_soundly_at_every_size(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_many(37));
    select_tenant(&stage, "acme-eu-1042");
    for (int cols = 1; cols <= 60; cols++)
        for (int rows = 1; rows <= 16; rows++)
            draw_one(&stage, (cols + 2 * rows) % THINGS, cols, rows);
    for (int what = 0; what < THINGS; what++)
        for (int cols = 61 + what; cols <= 300; cols += 29)
            for (int rows = 3 + what; rows <= 100; rows += 17)
                draw_one(&stage, what, cols, rows);
    stage_end(&stage);
}

static void keeps_the_words_that_matter_in_the_header(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    for (int cols = 40; cols <= 140; cols++) {
        stage_draw(&stage, cols, 12);
        assert_true(plain_contains(&stage.canvas, "[PROD]"));
        assert_true(plain_contains(&stage.canvas, "[OPERATE]"));
        assert_true(plain_contains(&stage.canvas, "LIVE 0.4s"));
        assert_true(plain_contains(&stage.canvas, "? help"));
    }
    stage_end(&stage);
}

static void says_how_old_the_picture_is(void **state)
{
    static const struct {
        int64_t age_us;
        bool connected;
        const char *words;
    } cases[] = {{400000, true, "LIVE 0.4s"},
                 {3000000, true, "LAG 3s"},
                 {7000000, true, "STALE 7s"},
                 {7000000, false, "OFFLINE 00:42"}};
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stage.state.snapshot->taken_mono_us = SAMPLE_NOW_US - cases[i].age_us;
        stage.state.model.connected = cases[i].connected;
        stage.state.model.offline_since_us = SAMPLE_NOW_US - 42000000;
        stage_draw(&stage, 80, 24);
        assert_true(plain_contains(&stage.canvas, cases[i].words));
        assert_true(plain_contains(&stage.canvas, "borealis")); /* the last picture stays */
    }
    stage_end(&stage);
}

static void shows_why_there_is_no_picture(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, NULL);
    stage.state.model.connected = false;
    strcpy(stage.state.model.link_error, "the schema is missing");
    strcpy(stage.state.model.link_hint, "tenantmv init makes it");
    stage_draw(&stage, 80, 24);
    assert_true(plain_contains(&stage.canvas, "OFFLINE"));
    assert_true(plain_contains(&stage.canvas, "the schema is missing"));
    assert_true(plain_contains(&stage.canvas, "tenantmv init makes it"));
    stage_end(&stage);
}

static void a_long_note_takes_a_second_line_and_is_not_cut(void **state)
{
    static const char where[] = "control: host=/tmp/somewhere-XXXXXX/shared user=postgres dbname=shared";
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    snprintf(stage.state.model.note, sizeof stage.state.model.note, "demo writers: 23670, failed 0   %s",
             where);
    stage_draw(&stage, 80, 24);
    assert_true(plain_contains(&stage.canvas, "demo writers: 23670, failed 0"));
    assert_true(plain_contains(&stage.canvas, where));
    stage_draw(&stage, 132, 43);
    assert_true(plain_contains(&stage.canvas, "failed 0   control: host"));
    assert_true(plain_contains(&stage.canvas, where));
    stage_end(&stage);
}

static void arrows_bring_columns_that_had_no_room(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    stage_draw(&stage, 80, 24);
    assert_true(plain_contains(&stage.canvas, "PROGRESS"));
    assert_false(plain_contains(&stage.canvas, "FROM → TO"));
    for (int i = 0; i < 20; i++)
        press(&stage, INPUT_RIGHT, "");
    stage_draw(&stage, 80, 24);
    assert_false(plain_contains(&stage.canvas, "PROGRESS"));
    assert_true(plain_contains(&stage.canvas, "FROM → TO"));
    assert_true(plain_contains(&stage.canvas, "NOTE"));
    for (int i = 0; i < 20; i++)
        press(&stage, INPUT_LEFT, "");
    stage_draw(&stage, 80, 24);
    assert_true(plain_contains(&stage.canvas, "PROGRESS"));
    stage_end(&stage);
}

static void says_how_many_are_not_loaded(void **state)
{
    struct stage stage;

    (void)state;
    stage_begin(&stage, sample_many(FLEET_MAX));
    stage_draw(&stage, 80, 24);
    assert_true(plain_contains(&stage.canvas, "1000 of 1000"));
    assert_false(plain_contains(&stage.canvas, "loaded"));
    stage.state.snapshot->migration_total = 10000;
    stage_draw(&stage, 80, 24);
    assert_true(plain_contains(&stage.canvas, "1000 of 1000 loaded; 9000 are not"));
    stage_end(&stage);
}

/* What the database's clock does may not move the ages on the screen, which go by this machine's own. */
static void a_clock_that_jumps_breaks_no_screen(void **state)
{
    static const int64_t jumps[] = {-40 * INT64_C(31536000000000), -3600000000, 3600000000,
                                    40 * INT64_C(31536000000000)};
    struct stage stage;

    (void)state;
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        stage_begin(&stage, sample_snapshot());
        stage.state.snapshot->taken_at_us += jumps[i];
        stage.state.model.wall_us -= jumps[i];
        for (int screen = 0; screen < screen_count(); screen++) {
            stage.state.active = screen;
            stage_draw(&stage, 132, 43);
            assert_true(plain_contains(&stage.canvas, "LIVE 0.4s"));
            assert_false(plain_contains(&stage.canvas, " -"));
        }
        stage.state.snapshot->taken_mono_us = SAMPLE_NOW_US + 60000000; /* and if ours did */
        stage_draw(&stage, 80, 24);
        assert_true(plain_contains(&stage.canvas, "LIVE 0.0s"));
        stage_end(&stage);
    }
}

/* ---- order ---- */

static void selection_follows_its_migration(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();
    struct fleet_state *fleet = &stage.state.model.fleet;

    (void)state;
    stage_begin(&stage, sample_snapshot());
    select_tenant(&stage, "delta-7");
    next->migrations[3].show = TMV_SHOW_FAILED; /* delta-7 jumps to the top */
    state_set_snapshot(&stage.state, next);
    assert_memory_equal(&fleet->selected, &next->migrations[3].id, sizeof fleet->selected);
    assert_int_equal(fleet->order[fleet->selected_row], 3);
    assert_int_equal(fleet->selected_row, 0);
    stage_end(&stage);
}

static void order_is_held_while_the_cursor_moves(void **state)
{
    struct stage stage;
    struct tmv_snapshot *next = sample_snapshot();
    struct input down = {.kind = INPUT_DOWN, .at_us = SAMPLE_NOW_US};
    struct fleet_state *fleet = &stage.state.model.fleet;
    int before[5];

    (void)state;
    stage_begin(&stage, sample_snapshot());
    stage_draw(&stage, 80, 24);
    state_key(&stage.state, &down, &stage.canvas);
    memcpy(before, fleet->order, sizeof before);
    next->migrations[3].show = TMV_SHOW_FAILED;
    state_set_snapshot(&stage.state, next);
    assert_memory_equal(before, fleet->order, sizeof before);
    stage.state.model.now_us += 3000000; /* the hand rests */
    state_set_snapshot(&stage.state, sample_snapshot());
    stage.state.snapshot->migrations[3].show = TMV_SHOW_FAILED;
    fleet_order(&stage.state.model, false);
    assert_memory_not_equal(before, fleet->order, sizeof before);
    stage_end(&stage);
}

static void filter_shows_what_contains_the_word(void **state)
{
    struct stage stage;
    struct input slash = {.kind = INPUT_TEXT, .text = "/"}, escape = {.kind = INPUT_ESCAPE};

    (void)state;
    stage_begin(&stage, sample_snapshot());
    stage_draw(&stage, 80, 24);
    state_key(&stage.state, &slash, &stage.canvas);
    for (const char *c = "COBALT"; *c != '\0'; c++)
        state_key(&stage.state, &(struct input){.kind = INPUT_TEXT, .text = {*c}}, &stage.canvas);
    assert_int_equal(stage.state.model.fleet.shown, 1);
    state_key(&stage.state, &escape, &stage.canvas);
    assert_int_equal(stage.state.model.fleet.shown, 11);
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_the_fleet_as_pictured),
        cmocka_unit_test(draws_each_migration_as_pictured),
        cmocka_unit_test(draws_a_held_migration_as_pictured),
        cmocka_unit_test(draws_dialog_and_help_as_pictured),
        cmocka_unit_test(draws_the_other_screens_as_pictured),
        cmocka_unit_test(draws_report_and_replay_as_pictured),
        cmocka_unit_test(draws_soundly_at_every_size),
        cmocka_unit_test(keeps_the_words_that_matter_in_the_header),
        cmocka_unit_test(says_how_old_the_picture_is),
        cmocka_unit_test(shows_why_there_is_no_picture),
        cmocka_unit_test(a_long_note_takes_a_second_line_and_is_not_cut),
        cmocka_unit_test(arrows_bring_columns_that_had_no_room),
        cmocka_unit_test(says_how_many_are_not_loaded),
        cmocka_unit_test(a_clock_that_jumps_breaks_no_screen),
        cmocka_unit_test(selection_follows_its_migration),
        cmocka_unit_test(order_is_held_while_the_cursor_moves),
        cmocka_unit_test(filter_shows_what_contains_the_word),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
