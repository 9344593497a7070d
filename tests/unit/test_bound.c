/* What a key does is bound to what was drawn last: models change, keys are pressed and pictures are drawn at
 * random, and each request that leaves is compared with the picture that its person saw when they pressed the
 * key. What the picture said is read from its cells, not from the state that drew it. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/fleet_order.h"
#include "stage.h"

#define MS INT64_C(1000)
#define TENANTS 7
#define COLS 64
#define ROWS 14
#define STEPS 1000000

/* What a picture shows to be acted on. */
struct seen {
    bool dialog;       /* one is open: it names what it is for */
    bool ids[TENANTS]; /* under the cursor; or named by the dialog or the palette */
    struct undo undo;
};

struct bench {
    struct state state;
    struct canvas canvas;
    struct seen drawn; /* by the last picture */
    struct seen aim;   /* by the last picture before the last key */
    struct input plan[80];
    int planned, next;
    int sent[TMV_OP_VERIFY + 20]; /* by operation */
    int by_dialog, by_undo, at_once, bulk;
    int64_t generation;
    uint32_t random;
};

static struct bench *current; /* of the hook */

static uint32_t draw_number(struct bench *bench, uint32_t below)
{
    bench->random ^= bench->random << 13;
    bench->random ^= bench->random >> 17;
    bench->random ^= bench->random << 5;
    return bench->random % below;
}

static struct tmv_uuid id_of(int kind, int tenant)
{
    struct tmv_uuid id = {{0}};

    id.bytes[0] = (uint8_t)kind;
    id.bytes[1] = (uint8_t)(tenant + 1);
    return id;
}

static int tenant_of(const struct tmv_uuid *migration)
{
    return migration->bytes[0] == 2 ? migration->bytes[1] - 1 : -1;
}

/* ---- random models ---- */

static void fill_gates(struct bench *bench, struct tmv_migration *m)
{
    m->gate_count = 1;
    m->gates[0].green = draw_number(bench, 4) > 0;
    snprintf(m->gates[0].name, sizeof m->gates[0].name, "lag");
    m->show = m->gates[0].green ? TMV_SHOW_READY : TMV_SHOW_SYNC;
}

static void fill(struct bench *bench, struct tmv_migration *m, int tenant)
{
    static const struct {
        enum tmv_phase phase;
        enum tmv_display_state show;
    } kinds[] = {{TMV_PHASE_BULK_COPY, TMV_SHOW_COPY},  {TMV_PHASE_DUAL_WRITE, TMV_SHOW_SYNC},
                 {TMV_PHASE_DUAL_WRITE, TMV_SHOW_SYNC}, {TMV_PHASE_DUAL_WRITE, TMV_SHOW_SYNC},
                 {TMV_PHASE_COMPLETED, TMV_SHOW_DONE},  {TMV_PHASE_FAILED, TMV_SHOW_FAILED}};
    uint32_t kind = draw_number(bench, sizeof kinds / sizeof *kinds);

    memset(m, 0, offsetof(struct tmv_migration, samples));
    m->last_error[0] = '\0';
    m->id = id_of(2, tenant);
    m->tenant = id_of(1, tenant);
    m->phase = kinds[kind].phase;
    m->show = kinds[kind].show;
    m->generation = ++bench->generation; /* grows with every change */
    m->lag_us = (int64_t)draw_number(bench, 10) * 1000 * MS;
    m->paused = m->phase != TMV_PHASE_COMPLETED && draw_number(bench, 3) == 0;
    if (m->phase == TMV_PHASE_DUAL_WRITE)
        fill_gates(bench, m);
    if (m->paused && m->phase != TMV_PHASE_FAILED)
        m->show = TMV_SHOW_PAUSED;
    m->predicted_pause_us = 5000;
}

/* An engine has just reported: what is too old to be known is another test's matter. */
static void measured_at(struct tmv_migration *m, int64_t now_us)
{
    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        m->measured_us[i] = now_us;
    for (size_t i = 0; i < m->gate_count; i++) {
        m->gates[i].at_us = now_us;
        m->gates[i].unknown = false;
    }
}

/* Some of the tenants, in any order and state; most are as they were. */
static void change_model(struct bench *bench)
{
    const struct tmv_snapshot *before = bench->state.snapshot;
    struct tmv_snapshot *snapshot = sample_many(TENANTS);
    size_t count = 0;

    for (int t = 0; t < TENANTS; t++) {
        size_t at = count > 0 ? draw_number(bench, (uint32_t)count + 1) : 0;
        const struct tmv_migration *old = NULL;
        struct tmv_uuid id = id_of(2, t);
        for (size_t i = 0; before != NULL && i < before->migration_count; i++)
            if (tmv_uuid_equal(&before->migrations[i].id, &id))
                old = &before->migrations[i];
        if (draw_number(bench, 12) == 0)
            continue;
        snapshot->migrations[count] = snapshot->migrations[at];
        if (old != NULL && draw_number(bench, 4) > 0)
            snapshot->migrations[at] = *old;
        else
            fill(bench, &snapshot->migrations[at], t);
        count++;
    }
    for (size_t i = 0; i < count; i++)
        measured_at(&snapshot->migrations[i], snapshot->taken_at_us);
    snapshot->migration_count = count;
    snapshot->migration_total = (int64_t)count;
    snapshot->event_count = snapshot->attempt_count = snapshot->dialog_count = 0;
    snapshot->taken_mono_us = bench->state.model.now_us;
    state_set_snapshot(&bench->state, snapshot);
}

/* ---- what a picture says ---- */

/* The tenants whose names are in this part of a row; in parentheses are those that are left out. */
static void read_names(const char *text, bool ids[TENANTS])
{
    const char *begin = text;

    while ((text = strstr(text, "tenant-")) != NULL) {
        if (text[7] >= '0' && text[7] < '0' + TENANTS && !(text > begin && text[-1] == '('))
            ids[text[7] - '0'] = true;
        text++;
    }
}

/* The part of a row that names what keys act on; NULL: none. `selected`: the row has the selection's bar. */
static const char *subject_part(const struct state *state, const char *text, bool selected)
{
    const char *part;

    if (state->confirm.kind != CONFIRM_NONE && state->confirm.bulk)
        return strstr(text, "│");
    if (state->confirm.kind != CONFIRM_NONE) {
        part = strstr(text, "═ CUTOVER ");
        part = part != NULL ? part : strstr(text, "═ ABORT ");
        return part != NULL ? part : strstr(text, "│ tenant-");
    }
    if (state->overlay != OVERLAY_NONE)
        return strstr(text, "┌─ do ");
    if (state->active == SCREEN_MIGRATION)
        return strstr(text, "Fleet › ");
    return selected ? text : NULL;
}

static void read_picture(struct bench *bench)
{
    struct seen *seen = &bench->drawn;

    memset(seen, 0, sizeof *seen);
    seen->dialog = bench->state.confirm.kind != CONFIRM_NONE;
    seen->undo = bench->state.undo;
    for (int y = 0; y < bench->canvas.rows; y++) {
        char text[COLS * CELL_BYTES + 1] = "";
        const char *part;
        size_t used = 0;
        bool selected = false;
        for (int x = 0; x < bench->canvas.cols; x++) {
            const struct cell *cell = canvas_at(&bench->canvas, x, y);
            size_t n = strlen(cell->text);
            selected = selected || cell->over == ROLE_SELECTION;
            memcpy(text + used, cell->text, n + 1);
            used += n;
        }
        part = subject_part(&bench->state, text, selected);
        if (part != NULL)
            read_names(part, seen->ids);
    }
}

static void draw(struct bench *bench)
{
    state_draw(&bench->state, &bench->canvas);
    state_shown(&bench->state, bench->state.model.now_us, 0);
    read_picture(bench);
}

/* ---- what leaves ---- */

static bool is_in_undo(const struct undo *undo, const struct tmv_request *request)
{
    for (int i = 0; i < undo->count; i++)
        if (undo->operation == request->operation && tmv_uuid_equal(&undo->ids[i], &request->migration))
            return true;
    return false;
}

static bool hear(struct requests *requests, const struct tmv_request *request)
{
    struct bench *bench = current;
    int tenant = tenant_of(&request->migration);
    struct outcome done = {.kind = OUTCOME_DONE,
                           .operation = request->operation,
                           .migration = request->migration,
                           .ended = true};
    bool undo = request->generation == 0;

    (void)requests;
    if (tenant < 0 || tenant >= TENANTS)
        fail_msg("%s of nothing", tmv_operation_name(request->operation));
    if (undo ? !is_in_undo(&bench->aim.undo, request) : !bench->aim.ids[tenant])
        fail_msg("%s of tenant-%d was sent (%s); the picture showed another under the key",
                 tmv_operation_name(request->operation), tenant,
                 undo                        ? "taken back"
                 : !bench->aim.dialog        ? "at once"
                 : bench->state.confirm.bulk ? "in bulk"
                                             : "by a dialog");
    bench->sent[request->operation]++;
    bench->by_undo += undo;
    bench->by_dialog += !undo && bench->aim.dialog && !bench->state.confirm.bulk;
    bench->bulk += !undo && bench->aim.dialog && bench->state.confirm.bulk;
    bench->at_once += !undo && !bench->aim.dialog;
    if (draw_number(bench, 2) == 0)
        state_outcome(&bench->state, &done);
    return true;
}

/* ---- random keys ---- */

static void plan_key(struct bench *bench, enum input_kind kind, const char *text)
{
    struct input *input = &bench->plan[bench->planned++];

    *input = (struct input){.kind = kind};
    snprintf(input->text, sizeof input->text, "%s", text);
}

static void plan_text(struct bench *bench, const char *text)
{
    for (; *text != '\0'; text++)
        plan_key(bench, INPUT_TEXT, (const char[]){*text, '\0'});
}

/* What a person does in the dialog that is open; or something by its name. */
static void make_plan(struct bench *bench)
{
    static const char *const commands[] = {":pause",   ":resume",     ":undo",    ":abort",
                                           ":cutover", "/phase=sync", "/tenant-1"};
    const struct confirm *confirm = &bench->state.confirm;

    bench->planned = bench->next = 0;
    if (confirm->kind == CONFIRM_TYPED) {
        plan_text(bench, confirm->name);
        plan_key(bench, INPUT_ENTER, "");
        if (confirm->needs_reason)
            plan_text(bench, "why");
        for (int i = 0; i < 3; i++) { /* a warning is acknowledged, or a blank is added to the reason */
            plan_key(bench, INPUT_ENTER, "");
            if (i < 2 && confirm->needs_reason)
                plan_key(bench, INPUT_TEXT, " ");
        }
    } else if (confirm->kind == CONFIRM_YES_NO) {
        plan_text(bench, "y");
    } else if (draw_number(bench, 3) == 0) {
        const char *command = commands[draw_number(bench, sizeof commands / sizeof *commands)];
        plan_text(bench, (const char[]){command[0], '\0'});
        plan_key(bench, INPUT_CTRL, "u"); /* what the line held before */
        plan_text(bench, command + 1);
        plan_key(bench, INPUT_ENTER, "");
    } else if (draw_number(bench, 8) == 0) {
        plan_key(bench, INPUT_ESCAPE, "");
        plan_key(bench, INPUT_ESCAPE, "");
        plan_text(bench, "1");
    }
}

static struct input random_key(struct bench *bench)
{
    static const char letters[] = "pppppprrrccxxuuujjkkgGna*   11234zsNf";
    static const enum input_kind kinds[] = {INPUT_ESCAPE, INPUT_ESCAPE,  INPUT_ENTER,
                                            INPUT_TAB,    INPUT_UP,      INPUT_DOWN,
                                            INPUT_DOWN,   INPUT_PAGE_UP, INPUT_PAGE_DOWN};
    struct input input = {.kind = INPUT_TEXT};
    bool frozen = bench->state.model.frozen;

    if (bench->next < bench->planned && draw_number(bench, 50) > 0)
        return bench->plan[bench->next++];
    if (draw_number(bench, 3) == 0)
        input.kind = kinds[draw_number(bench, sizeof kinds / sizeof *kinds)];
    else
        input.text[0] = frozen ? 'f' : letters[draw_number(bench, sizeof letters - 1)];
    return input;
}

static void press(struct bench *bench)
{
    struct input input;
    bool was_open = bench->state.confirm.kind != CONFIRM_NONE;

    if (bench->next >= bench->planned)
        make_plan(bench);
    input = random_key(bench);
    input.at_us = bench->state.model.now_us;
    input.gap_us = draw_number(bench, 4) > 0 ? 1000 * MS : (int64_t)draw_number(bench, 80) * MS;
    input.blind = draw_number(bench, 100) == 0;
    bench->aim = bench->drawn;
    state_key(&bench->state, &input, &bench->canvas);
    if (!was_open && bench->state.confirm.kind != CONFIRM_NONE && !bench->state.confirm.bulk &&
        !bench->aim.ids[tenant_of(&bench->state.confirm.migration)]) {
        plain_write(&bench->canvas, false, stderr); /* the picture before the key */
        fail_msg("the dialog is for tenant-%d", tenant_of(&bench->state.confirm.migration));
    }
    bench->state.quit = bench->state.redraw = bench->state.suspend = false;
    bench->state.theme_wanted[0] = '\0';
    if (bench->state.overlay == OVERLAY_EXPORT) /* it would write files here */
        bench->state.overlay = OVERLAY_NONE;
}

static void pass_time(struct bench *bench)
{
    struct model *model = &bench->state.model;
    int64_t us = (int64_t)draw_number(bench, 8) * 60 * MS;

    if (bench->state.confirm.armed_until_us > 0)
        us += 500 * MS;
    model->now_us += us;
    model->wall_us += us;
    if (bench->state.snapshot != NULL)
        bench->state.snapshot->taken_mono_us = model->now_us; /* the picture keeps coming, as it was */
    state_tick(&bench->state);
}

static void step(struct bench *bench)
{
    uint32_t what = draw_number(bench, 32);

    if (bench->state.confirm.armed_until_us > 0 && draw_number(bench, 8) > 0) { /* watched, mostly */
        pass_time(bench);
        draw(bench);
        return;
    }
    if (what < 11)
        press(bench);
    else if (what < 26)
        pass_time(bench);
    else if (what < 28)
        change_model(bench);
    else
        draw(bench);
}

static void no_action_goes_to_another_one_than_was_drawn_under_the_cursor(void **state)
{
    static struct bench bench;
    struct tenant_alias aliases[TENANTS];
    char names[TENANTS][24];

    (void)state;
    memset(&bench, 0, sizeof bench);
    current = &bench;
    bench.random = 2463534242u;
    state_init(&bench.state);
    bench.state.send = hear;
    bench.state.requests = (struct requests *)&bench; /* only handed to the hook */
    bench.state.model.connected = true;
    bench.state.model.now_us = SAMPLE_NOW_US;
    bench.state.model.wall_us = SAMPLE_WALL_US;
    for (int t = 0; t < TENANTS; t++) {
        snprintf(names[t], sizeof names[t], "tenant-%d", t);
        aliases[t] = (struct tenant_alias){id_of(1, t), names[t]};
    }
    bench.state.model.names.aliases = aliases;
    bench.state.model.names.count = TENANTS;
    assert_true(canvas_init(&bench.canvas, COLS, ROWS));
    change_model(&bench);
    for (int i = 0; i < STEPS; i++)
        step(&bench);
    print_message("sent: %d at once, %d after a dialog, %d in bulk, %d taken back; %d cutovers, %d aborts\n",
                  bench.at_once, bench.by_dialog, bench.bulk, bench.by_undo, bench.sent[TMV_OP_CUTOVER],
                  bench.sent[TMV_OP_ABORT]);
    /* the test means something only when every way of acting was gone often */
    assert_true(bench.at_once > 300 && bench.by_dialog > 30 && bench.bulk > 20 && bench.by_undo > 100);
    assert_true(bench.sent[TMV_OP_CUTOVER] > 0 && bench.sent[TMV_OP_ABORT] > 0);
    state_release(&bench.state);
    canvas_release(&bench.canvas);
}

/* ---- a row that leaves its list ---- */

static struct tmv_migration *find(const struct state *state, const char *name)
{
    char text[TENANT_NAME_MAX];

    for (size_t i = 0; i < state->snapshot->migration_count; i++)
        if (strcmp(tenant_name(&state->model.names, &state->snapshot->migrations[i].tenant, text), name) == 0)
            return &state->snapshot->migrations[i];
    fail_msg("no %s", name);
    return NULL;
}

/* The name in the selected row of the picture; "" none. */
static bool is_selected(const struct stage *stage, const char *name)
{
    for (int y = 0; y < stage->canvas.rows; y++) {
        char text[200 * CELL_BYTES] = "";
        if (canvas_at(&stage->canvas, stage->canvas.cols - 1, y)->over != ROLE_SELECTION &&
            canvas_at(&stage->canvas, 4, y)->over != ROLE_SELECTION)
            continue;
        for (int x = 0; x < stage->canvas.cols; x++)
            strcat(text, canvas_at(&stage->canvas, x, y)->text);
        if (strstr(text, name) != NULL)
            return true;
    }
    return false;
}

/* The screen `key` with the cursor on cobalt-retail, which is in SYNC. */
static void open_on_cobalt(struct stage *stage, const char *key)
{
    stage_begin(stage, sample_snapshot());
    stage_draw(stage, 100, 30);
    stage->state.model.fleet.selected = find(&stage->state, "cobalt-retail")->id;
    fleet_order(&stage->state.model, false);
    stage_draw(stage, 100, 30);
    stage_type(stage, key);
}

/* The next picture of the database: cobalt-retail is completed, or not among the loaded ones. */
static void next_snapshot(struct stage *stage, bool gone)
{
    struct tmv_snapshot *next = sample_snapshot();
    struct tmv_migration *m;
    struct tmv_uuid id = stage->state.model.fleet.selected;
    size_t i = 0;

    while (!tmv_uuid_equal(&next->migrations[i].id, &id))
        i++;
    m = &next->migrations[i];
    m->phase = TMV_PHASE_COMPLETED;
    m->show = TMV_SHOW_DONE;
    if (gone)
        *m = next->migrations[--next->migration_count];
    state_set_snapshot(&stage->state, next);
    stage_draw(stage, 100, 30);
}

static void a_row_that_leaves_the_filter_stays_under_the_cursor(void **state)
{
    struct stage stage;

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        open_on_cobalt(&stage, "1");
        stage_type(&stage, "/phase=sync");
        stage_press(&stage, INPUT_ENTER, "");
        assert_true(is_selected(&stage, "cobalt-retail"));
        next_snapshot(&stage, gone);
        assert_true(is_selected(&stage, "cobalt-retail"));
        assert_true(stage_shows(&stage, gone ? "gone from this list" : "left this list"));
        assert_true(stage_shows(&stage, "0 of 1")); /* it is not counted */
        next_snapshot(&stage, gone);
        assert_true(is_selected(&stage, "cobalt-retail"));
        stage_press(&stage, INPUT_DOWN, ""); /* until the cursor moves */
        assert_false(stage_shows(&stage, "cobalt-retail "));
        stage_end(&stage);
    }
}

static void a_row_that_leaves_the_queue_stays_under_the_cursor(void **state)
{
    struct stage stage;

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        open_on_cobalt(&stage, "3");
        assert_true(is_selected(&stage, "cobalt-retail"));
        next_snapshot(&stage, gone);
        assert_true(is_selected(&stage, "cobalt-retail"));
        stage_press(&stage, INPUT_UP, "");
        assert_false(is_selected(&stage, "cobalt-retail"));
        stage_end(&stage);
    }
}

static void the_migration_screen_keeps_its_migration(void **state)
{
    struct stage stage;

    (void)state;
    for (int gone = 0; gone < 2; gone++) {
        open_on_cobalt(&stage, "1");
        stage_type(&stage, "/phase=sync");
        stage_press(&stage, INPUT_ENTER, "");
        stage_type(&stage, "2");
        assert_true(stage_shows(&stage, "Fleet › cobalt-retail"));
        next_snapshot(&stage, gone);
        assert_true(stage_shows(&stage, "Fleet › cobalt-retail"));
        stage_end(&stage);
    }
}

/* ---- keys that came in a row, or while nothing moved ---- */

static int sent_pauses;

static bool count_pause(struct requests *requests, const struct tmv_request *request)
{
    (void)requests;
    sent_pauses += request->operation == TMV_OP_PAUSE;
    return true;
}

static void key(struct stage *stage, const char *text, int64_t gap_us, bool blind)
{
    struct input input = {
        .kind = text[0] == '\r' ? INPUT_ENTER : INPUT_TEXT, .gap_us = gap_us, .blind = blind};

    stage->state.model.now_us += gap_us;
    input.at_us = stage->state.model.now_us;
    snprintf(input.text, sizeof input.text, "%s", text[0] == '\r' ? "" : text);
    state_tick(&stage->state);
    state_key(&stage->state, &input, &stage->canvas);
    stage_draw(stage, 100, 30);
}

static int pauses_after(const char *keys, int64_t gap_us, bool blind)
{
    struct stage stage;

    open_on_cobalt(&stage, "1");
    stage.state.send = count_pause;
    stage.state.requests = (struct requests *)&stage; /* only handed to the hook */
    sent_pauses = 0;
    key(&stage, (const char[]){keys[0], '\0'}, 1000 * MS, blind);
    for (keys++; *keys != '\0'; keys++)
        key(&stage, (const char[]){*keys, '\0'}, gap_us, blind);
    stage.state.model.now_us += 1000 * MS;
    state_tick(&stage.state);
    stage.state.requests = NULL;
    stage_end(&stage);
    return sent_pauses;
}

static void a_paste_without_marks_does_nothing(void **state)
{
    static const char *const pastes[] = {"pa",       "pp",    "xp", "jp",
                                         ":pause\r", "/p\rp", "rp", "tenantmv pause acme\r"};

    (void)state;
    for (size_t i = 0; i < sizeof pastes / sizeof *pastes; i++)
        if (pauses_after(pastes[i], 1 * MS, false) != 0)
            fail_msg("%s paused something", pastes[i]);
    assert_int_equal(pauses_after("p", 0, false), 1);
    assert_int_equal(pauses_after("jp", 200 * MS, false), 1);
    assert_int_equal(pauses_after(":pause\r", 200 * MS, false), 1);
}

static void a_key_pressed_at_a_stalled_screen_acts_on_nothing(void **state)
{
    (void)state;
    assert_int_equal(pauses_after("p", 0, true), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_that_leaves_the_filter_stays_under_the_cursor),
        cmocka_unit_test(a_row_that_leaves_the_queue_stays_under_the_cursor),
        cmocka_unit_test(the_migration_screen_keeps_its_migration),
        cmocka_unit_test(a_paste_without_marks_does_nothing),
        cmocka_unit_test(a_key_pressed_at_a_stalled_screen_acts_on_nothing),
        cmocka_unit_test(no_action_goes_to_another_one_than_was_drawn_under_the_cursor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
