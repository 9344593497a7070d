/* The judgement that monitoring checks end with, and the views made from it. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "sample_fleet.h"
#include "screens/big.h"
#include "view/fleet_order.h"
#include "view/health.h"
#include "widgets/plain.h"

static struct tmv_migration *of_state(struct tmv_snapshot *snapshot, enum tmv_display_state show)
{
    for (size_t i = 0; i < snapshot->migration_count; i++)
        if (snapshot->migrations[i].show == show)
            return &snapshot->migrations[i];
    fail_msg("no such state in the sample: %d", (int)show);
    return NULL;
}

static void everything_in_the_sample_is_judged(void **state)
{
    static const struct {
        enum tmv_display_state show;
        enum health health;
    } cases[] = {
        {TMV_SHOW_PENDING, HEALTH_WELL},   {TMV_SHOW_COPY, HEALTH_WELL},    {TMV_SHOW_READY, HEALTH_WELL},
        {TMV_SHOW_CUTOVER, HEALTH_WELL},   {TMV_SHOW_DONE, HEALTH_WELL},    {TMV_SHOW_PAUSED, HEALTH_WARN},
        {TMV_SHOW_FAILED, HEALTH_BAD},     {TMV_SHOW_ABORTED, HEALTH_WELL}, {TMV_SHOW_ORPHAN, HEALTH_BAD},
        {TMV_SHOW_THROTTLED, HEALTH_WARN},
    };
    struct tmv_snapshot *snapshot = sample_many(40);

    (void)state;
    snapshot->attempt_count = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tmv_migration *m = of_state(snapshot, cases[i].show);
        const char *why;
        if (cases[i].health != HEALTH_BAD)
            m->last_error[0] = '\0';
        m->sample_count = 0;
        m->lag_us = 1000;
        for (size_t k = 0; k < snapshot->migration_count; k++) /* nobody else has this tenant */
            if (&snapshot->migrations[k] != m)
                snapshot->migrations[k].tenant.bytes[0] ^= 0x55;
        assert_int_equal(migration_health(snapshot, m, &why), cases[i].health);
        assert_int_equal(why[0] != '\0', cases[i].health != HEALTH_WELL);
    }
    assert_int_equal(fleet_health(snapshot), HEALTH_BAD);
    tmv_snapshot_free(snapshot);
}

static void a_failure_that_was_made_up_for_is_well(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *failed = of_state(snapshot, TMV_SHOW_FAILED),
                         *later = of_state(snapshot, TMV_SHOW_DONE);

    (void)state;
    assert_int_equal(migration_health(snapshot, failed, NULL), HEALTH_BAD);
    later->tenant = failed->tenant;
    later->created_at_us = failed->created_at_us - 1;
    assert_int_equal(migration_health(snapshot, failed, NULL), HEALTH_BAD);
    later->created_at_us = failed->created_at_us + 1;
    assert_int_equal(migration_health(snapshot, failed, NULL), HEALTH_WELL);
    tmv_snapshot_free(snapshot);
}

static void a_copy_that_moves_nothing_is_stuck(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *m = of_state(snapshot, TMV_SHOW_COPY);

    (void)state;
    m->last_error[0] = '\0';
    m->sample_count = 40;
    for (int i = 0; i < 40; i++)
        m->samples[i] = (struct tmv_sample){.events_copied = i < 5 ? i : 5};
    strcpy(m->step, "copying history, 3 chunks done");
    assert_int_equal(migration_health(snapshot, m, NULL), HEALTH_BAD);
    strcpy(m->step, "building index 2 of 8");
    assert_int_equal(migration_health(snapshot, m, NULL), HEALTH_WELL);
    strcpy(m->step, "copying history, 3 chunks done");
    m->samples[39].events_copied = 6;
    assert_int_equal(migration_health(snapshot, m, NULL), HEALTH_WELL);
    tmv_snapshot_free(snapshot);
}

static void an_old_store_that_is_not_kept_current_is_a_warning(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *m = of_state(snapshot, TMV_SHOW_DONE);
    const char *why;

    (void)state;
    m->owner_age_us = -1;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WELL);
    m->held = true;
    m->hold_until_us = snapshot->taken_at_us + 1;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    assert_string_equal(why, "its old store is not kept current");
    m->owner_age_us = 1000;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WELL);
    m->lag_us = 61000000;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    m->lag_us = 1000;
    m->waiting_since_us = 1;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    m->waiting_since_us = 0;
    m->hold_until_us = snapshot->taken_at_us - 1;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    assert_string_equal(why, "the time to keep its old store current is over");
    tmv_snapshot_free(snapshot);
}

static void far_behind_errors_and_rollbacks_are_warnings(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *m = of_state(snapshot, TMV_SHOW_READY);
    const char *why;

    (void)state;
    for (size_t i = 0; i < snapshot->attempt_count; i++)
        snapshot->attempts[i].outcome = TMV_ATTEMPT_COMPLETED;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WELL);
    m->lag_us = 61000000;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    assert_string_equal(why, "its mirror is over a minute behind");
    m->lag_us = 1000;
    strcpy(m->last_error, "TM131 target refused 23505");
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    m->last_error[0] = '\0';
    assert_true(snapshot->attempt_count > 0);
    snapshot->attempts[0].migration = m->id;
    snapshot->attempts[0].rehearsal = false;
    snapshot->attempts[0].outcome = TMV_ATTEMPT_ROLLED_BACK;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WARN);
    snapshot->attempts[0].outcome = TMV_ATTEMPT_COMPLETED;
    assert_int_equal(migration_health(snapshot, m, &why), HEALTH_WELL);
    tmv_snapshot_free(snapshot);
}

/* In a cutover nobody looks at the gates: that they are not known says nothing about its engine. */
static void gates_are_missed_in_dual_write_only(void **state)
{
    static const struct {
        enum tmv_phase phase;
        enum tmv_display_state show;
        enum health health;
    } cases[] = {
        {TMV_PHASE_DUAL_WRITE, TMV_SHOW_SYNC, HEALTH_WARN},
        {TMV_PHASE_CUTOVER, TMV_SHOW_CUTOVER, HEALTH_WELL},
        {TMV_PHASE_BULK_COPY, TMV_SHOW_COPY, HEALTH_WELL},
    };
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct tmv_migration *m = of_state(snapshot, TMV_SHOW_READY);
    const char *why;

    (void)state;
    snapshot->attempt_count = 0;
    m->sample_count = 0;
    m->gate_count = 1;
    m->gates[0] = (struct tmv_gate){.name = "lag", .unknown = true};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        m->phase = cases[i].phase;
        m->show = cases[i].show;
        assert_int_equal(migration_health(snapshot, m, &why), cases[i].health);
        assert_string_equal(why, cases[i].health == HEALTH_WARN ? "its engine is not reporting" : "");
    }
    tmv_snapshot_free(snapshot);
}

static void only_problems_leaves_out_what_is_well(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct model model;
    int problems = 0;

    (void)state;
    sample_model(&model, snapshot);
    for (size_t i = 0; i < snapshot->migration_count; i++)
        problems += migration_health(snapshot, &snapshot->migrations[i], NULL) != HEALTH_WELL;
    model.only_problems = true;
    fleet_order(&model, false);
    assert_int_equal(model.fleet.shown, problems);
    assert_in_range(problems, 1, snapshot->migration_count - 1);
    for (int i = 0; i < model.fleet.shown; i++)
        assert_true(migration_health(snapshot, &snapshot->migrations[model.fleet.order[i]], NULL) !=
                    HEALTH_WELL);
    tmv_snapshot_free(snapshot);
}

static void big_figures_fit_every_size(void **state)
{
    struct tmv_snapshot *snapshot = sample_many(60);
    struct model model;

    (void)state;
    sample_model(&model, snapshot);
    for (int cols = 1; cols <= 150; cols += 7) {
        for (int rows = 1; rows <= 50; rows += 3) {
            struct canvas canvas;
            assert_true(canvas_init(&canvas, cols, rows));
            big_draw(&model, &canvas, (struct rect){0, 1, cols, rows - 2});
            for (int x = 0; x < cols; x++) /* stays in its rectangle */
                assert_string_equal(canvas_at(&canvas, x, 0)->text, " ");
            canvas_release(&canvas);
        }
    }
    tmv_snapshot_free(snapshot);
}

static void big_figures_say_what_is_wrong(void **state)
{
    struct tmv_snapshot *snapshot = sample_snapshot();
    struct model model;
    struct canvas canvas;

    (void)state;
    sample_model(&model, snapshot);
    assert_true(canvas_init(&canvas, 80, 24));
    big_draw(&model, &canvas, canvas_all(&canvas));
    assert_true(plain_contains(&canvas, "PROBLEMS"));
    assert_true(plain_contains(&canvas, "██████"));
    assert_true(plain_contains(&canvas, "indigo failed"));
    assert_false(plain_contains(&canvas, "mistral"));
    canvas.words = true;
    big_draw(&model, &canvas, canvas_all(&canvas));
    assert_false(plain_contains(&canvas, "█"));
    assert_true(plain_contains(&canvas, "READY "));
    canvas_release(&canvas);
    tmv_snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_in_the_sample_is_judged),
        cmocka_unit_test(a_failure_that_was_made_up_for_is_well),
        cmocka_unit_test(a_copy_that_moves_nothing_is_stuck),
        cmocka_unit_test(an_old_store_that_is_not_kept_current_is_a_warning),
        cmocka_unit_test(far_behind_errors_and_rollbacks_are_warnings),
        cmocka_unit_test(gates_are_missed_in_dual_write_only),
        cmocka_unit_test(only_problems_leaves_out_what_is_well),
        cmocka_unit_test(big_figures_fit_every_size),
        cmocka_unit_test(big_figures_say_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
