/* Figures and gates: each with the time of its measurement, and not known any more once it is too old. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "control/snapshot/show.h"
#include "engine/store_watch.h"
#include "move/cutover/cutover_manager.h"

#define NOW_US INT64_C(1764000000000000)

/* A migration that mirrors, all of it measured `age_us` ago. */
static struct tmv_migration measured(int64_t age_us)
{
    struct tmv_migration m = {.phase = TMV_PHASE_DUAL_WRITE,
                              .generation = 1,
                              .owner = "worker a",
                              .events_total = 1000,
                              .events_copied = 900,
                              .rate = 100,
                              .lag_us = 3000,
                              .lag_events = 2,
                              .verified_to = 70,
                              .watermark = 80,
                              .eta_us = 9,
                              .predicted_pause_us = 6000,
                              .gate_count = 2,
                              .gates = {{.name = "lag", .green = true, .seen = "3 ms"},
                                        {.name = "target", .green = true, .seen = "answers"}}};

    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        m.measured_us[i] = NOW_US - age_us;
    for (size_t i = 0; i < m.gate_count; i++)
        m.gates[i].at_us = NOW_US - age_us;
    return m;
}

static void what_is_fresh_stays_as_it_is(void **state)
{
    struct tmv_migration m = measured(TMV_FACT_TTL_US);
    char why[TMV_REASON_MAX];

    (void)state;
    show_migration(&m, true, NOW_US);
    assert_int_equal(m.show, TMV_SHOW_READY);
    assert_int_equal(m.rate, 100);
    assert_int_equal(m.lag_us, 3000);
    assert_int_equal(m.predicted_pause_us, 6000);
    assert_true(m.gates[0].green && !m.gates[0].unknown);
    assert_true(tmv_cutover_facts(&m, why));
}

static void what_is_older_than_five_seconds_is_not_known(void **state)
{
    struct tmv_migration m = measured(12 * US_PER_S);
    char why[TMV_REASON_MAX];

    (void)state;
    show_migration(&m, true, NOW_US);
    assert_int_equal(m.show, TMV_SHOW_SYNC);
    assert_int_equal(m.rate, -1);
    assert_int_equal(m.lag_us, -1);
    assert_int_equal(m.lag_events, -1);
    assert_int_equal(m.eta_us, -1);
    assert_int_equal(m.predicted_pause_us, -1);
    assert_true(m.gates[0].unknown && !m.gates[0].green);
    assert_string_equal(m.gates[0].seen, "not known: last looked at 2025-11-24T15:59:48Z");
    assert_false(tmv_cutover_facts(&m, why));
    assert_string_equal(why, "gate lag is not known: last looked at 2025-11-24T15:59:48Z");
    assert_string_equal(m.note, why);
}

static void what_was_reached_stays_true_however_old(void **state)
{
    struct tmv_migration m = measured(3600 * US_PER_S);

    (void)state;
    show_migration(&m, true, NOW_US);
    assert_int_equal(m.events_total, 1000);
    assert_int_equal(m.events_copied, 900);
    assert_int_equal(m.verified_to, 70);
    assert_int_equal(m.watermark, 80);
}

static void each_fact_has_an_age_of_its_own(void **state)
{
    struct tmv_migration m = measured(0);

    (void)state;
    m.measured_us[TMV_FIGURE_LAG] = NOW_US - 6 * US_PER_S;
    m.gates[1].at_us = NOW_US - 7 * US_PER_S;
    show_migration(&m, true, NOW_US);
    assert_int_equal(m.lag_us, -1);
    assert_int_equal(m.rate, 100);
    assert_true(m.gates[0].green && m.gates[1].unknown);
    assert_int_equal(m.show, TMV_SHOW_SYNC);
}

static void a_measurement_that_has_no_time_or_one_to_come_does_not_count(void **state)
{
    struct tmv_migration m = measured(0);

    (void)state;
    m.measured_us[TMV_FIGURE_LAG] = 0;
    m.measured_us[TMV_FIGURE_RATE] = NOW_US + 60 * US_PER_S;
    m.gates[0].at_us = 0;
    show_migration(&m, true, NOW_US);
    assert_int_equal(m.lag_us, -1);
    assert_int_equal(m.rate, -1);
    assert_string_equal(m.gates[0].seen, "not known");
}

static void a_snapshot_that_is_kept_grows_old(void **state)
{
    struct tmv_migration m = measured(0);
    struct tmv_snapshot s = {.migrations = &m, .migration_count = 1};

    (void)state;
    show_migration(&m, true, NOW_US);
    s.counts[TMV_SHOW_READY] = 1;
    tmv_snapshot_age(&s, NOW_US + TMV_FACT_TTL_US);
    assert_int_equal(m.show, TMV_SHOW_READY);
    tmv_snapshot_age(&s, NOW_US + TMV_FACT_TTL_US + 1);
    assert_int_equal(m.show, TMV_SHOW_SYNC);
    assert_int_equal(m.lag_us, -1);
    assert_int_equal(s.counts[TMV_SHOW_READY], 0);
    assert_int_equal(s.counts[TMV_SHOW_SYNC], 1);
}

static void an_ended_migration_has_final_figures_and_no_gates(void **state)
{
    static const enum tmv_phase ended[] = {TMV_PHASE_COMPLETED, TMV_PHASE_ABORTED, TMV_PHASE_FAILED};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
        struct tmv_migration m = measured(0);

        m.phase = ended[i];
        show_migration(&m, true, NOW_US);
        assert_int_equal(m.gate_count, 0);
        assert_int_equal(m.rate, -1);
        assert_int_equal(m.lag_us, -1);
        assert_int_equal(m.predicted_pause_us, -1);
        assert_int_equal(m.events_copied, 900);
        assert_int_equal(m.watermark, 80);
    }
}

static void the_lag_of_an_engine_that_waits_grows_and_is_known(void **state)
{
    struct tmv_migration m = measured(60 * US_PER_S);

    (void)state;
    m.waiting_since_us = NOW_US - 59 * US_PER_S;
    show_migration(&m, false, NOW_US);
    assert_int_equal(m.show, TMV_SHOW_WAITING);
    assert_int_equal(m.lag_us, 3000 + 60 * US_PER_S);
    assert_int_equal(m.rate, -1);
    assert_true(m.gates[0].unknown);
}

static void a_report_carries_what_it_knows_with_its_age(void **state)
{
    AUTO(buf) struct buf json = BUF_INIT(1000);
    struct figures f = {0};

    (void)state;
    figures_to_json(&f, clock_now_us(), &json);
    assert_string_equal(buf_text(&json), "{}");
    buf_clear(&json);
    figure_set(&f, TMV_FIGURE_LAG, -1);
    figure_set(&f, TMV_FIGURE_WATERMARK, INT64_MAX);
    figures_to_json(&f, f.of[TMV_FIGURE_LAG].at_us + 7, &json);
    assert_non_null(strstr(buf_text(&json), "{\"lag_us\":[-1,7],\"watermark\":[9223372036854775807,"));
}

static void every_figure_has_a_row_and_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < TMV_FIGURE_COUNT; i++) {
        assert_non_null(figure_row((enum tmv_figure)i)->name);
        for (int k = 0; k < i; k++) {
            assert_string_not_equal(tmv_figure_name((enum tmv_figure)i), tmv_figure_name((enum tmv_figure)k));
            assert_true(figure_row((enum tmv_figure)i)->offset != figure_row((enum tmv_figure)k)->offset);
        }
    }
}

static void an_engine_does_not_decide_on_gates_that_it_saw_too_long_ago(void **state)
{
    struct tmv_gate gates[] = {{.name = "lag", .green = true, .at_us = 100 * US_PER_S},
                               {.name = "target", .green = true, .at_us = 99 * US_PER_S}};
    char why[TMV_REASON_MAX] = "";

    (void)state;
    assert_true(cutover_gates_hold(gates, 2, 104 * US_PER_S, why));
    assert_false(cutover_gates_hold(gates, 2, 105 * US_PER_S, why));
    assert_string_equal(why, "gate target is not known any more: it was looked at 6 s ago");
    gates[0].green = false;
    snprintf(gates[0].seen, sizeof gates[0].seen, "9 s > 50 ms");
    assert_false(cutover_gates_hold(gates, 2, 100 * US_PER_S, why));
    assert_string_equal(why, "lag: 9 s > 50 ms");
    assert_false(cutover_gates_hold(gates, 0, 100 * US_PER_S, why));
}

static void an_engine_looks_when_no_other_one_did(void **state)
{
    static const struct {
        struct look_due due;
        bool expected;
    } cases[] = {
        {{INT64_MAX, false, INT64_MAX}, true}, /* it just began */
        {{INT64_MAX, false, 0}, true},
        {{OBSERVE_US - 1, false, INT64_MAX}, false}, /* at most once in so long */
        {{OBSERVE_US - 1, true, INT64_MAX}, false},
        {{OBSERVE_US, false, INT64_MAX}, true},
        {{OBSERVE_US, false, OBSERVE_US}, true}, /* the other one is late */
        {{OBSERVE_US, false, OBSERVE_US - 1}, false},
        {{OBSERVE_US, true, OBSERVE_US - 1}, true}, /* its own way is broken: is it still? */
        {{OBSERVE_SELDOM_US - 1, false, 0}, false},
        {{OBSERVE_SELDOM_US, false, 0}, true}, /* its own way may have broken */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(look_is_due(&cases[i].due), cases[i].expected);
    assert_true(2 * OBSERVE_US < TMV_FACT_TTL_US); /* or what is true is not known now and then */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_fresh_stays_as_it_is),
        cmocka_unit_test(what_is_older_than_five_seconds_is_not_known),
        cmocka_unit_test(what_was_reached_stays_true_however_old),
        cmocka_unit_test(each_fact_has_an_age_of_its_own),
        cmocka_unit_test(a_measurement_that_has_no_time_or_one_to_come_does_not_count),
        cmocka_unit_test(a_snapshot_that_is_kept_grows_old),
        cmocka_unit_test(an_ended_migration_has_final_figures_and_no_gates),
        cmocka_unit_test(the_lag_of_an_engine_that_waits_grows_and_is_known),
        cmocka_unit_test(a_report_carries_what_it_knows_with_its_age),
        cmocka_unit_test(every_figure_has_a_row_and_a_name_of_its_own),
        cmocka_unit_test(an_engine_does_not_decide_on_gates_that_it_saw_too_long_ago),
        cmocka_unit_test(an_engine_looks_when_no_other_one_did),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
