/* The life cycle's table against the contract, pair by pair: what is allowed, and what a refusal says. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "model/lifecycle.h"
#include "control/snapshot/show.h"

/* Design §3, written out: one letter per operation, for a running and for a paused migration. */
static const struct {
    enum tmv_phase phase;
    const char *running, *paused;
} contract[] = {
    {TMV_PHASE_PENDING, "pause abort", "resume abort"},
    {TMV_PHASE_BULK_COPY, "pause abort", "resume abort"},
    {TMV_PHASE_DUAL_WRITE, "pause cutover rehearse abort verify", "resume abort verify"},
    {TMV_PHASE_CUTOVER, "", ""},
    {TMV_PHASE_COMPLETED, "verify finalize", "verify finalize"},
    {TMV_PHASE_ABORTED, "", ""},
    {TMV_PHASE_FAILED, "", ""},
};

static bool listed(const char *words, const char *word)
{
    char padded[200];
    char wanted[40];

    snprintf(padded, sizeof padded, " %s ", words);
    snprintf(wanted, sizeof wanted, " %s ", word);
    return strstr(padded, wanted) != NULL;
}

static void allows_exactly_what_the_contract_says(void **state)
{
    (void)state;
    assert_int_equal(ARRAY_LEN(contract), TMV_PHASE_COUNT);
    for (size_t i = 0; i < ARRAY_LEN(contract); i++)
        for (int paused = 0; paused < 2; paused++)
            for (int op = 0; op < TMV_OP_COUNT; op++) {
                const char *words = paused ? contract[i].paused : contract[i].running;
                const char *word = tmv_operation_name((enum tmv_operation)op);
                char why[TMV_REASON_MAX] = "";
                bool ok = lifecycle_allows(contract[i].phase, paused, (enum tmv_operation)op, why);

                if (ok != listed(words, word))
                    fail_msg("%s in %s%s: %s", word, tmv_phase_name(contract[i].phase),
                             paused ? " (paused)" : "", ok ? "allowed" : "refused");
            }
}

static void holds_each_row_once(void **state)
{
    size_t rows;
    const struct lifecycle_row *row = lifecycle_rows(&rows);

    (void)state;
    for (size_t i = 0; i < rows; i++) {
        assert_true(row[i].effect[0]);
        for (size_t j = i + 1; j < rows; j++)
            assert_false(row[i].phase == row[j].phase && row[i].paused == row[j].paused &&
                         row[i].operation == row[j].operation);
    }
}

static void check_refusal(enum tmv_phase phase, bool paused, enum tmv_operation operation,
                          const char *allowed)
{
    char why[TMV_REASON_MAX] = "";

    if (lifecycle_allows(phase, paused, operation, why))
        return;
    assert_non_null(strstr(why, tmv_phase_name(phase)));
    assert_non_null(strstr(why, tmv_operation_name(operation)));
    for (int other = 0; other < TMV_OP_COUNT; other++) {
        const char *word = tmv_operation_name((enum tmv_operation)other);

        /* Whether there is something to finalize, the phase does not say. */
        if (other != TMV_OP_FINALIZE && listed(allowed, word) && !strstr(strchr(why, ';'), word))
            fail_msg("'%s' does not name %s", why, word);
    }
}

static void refuses_with_the_state_the_operation_and_what_is_allowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(contract); i++)
        for (int op = 0; op < TMV_OP_COUNT; op++) {
            check_refusal(contract[i].phase, false, (enum tmv_operation)op, contract[i].running);
            check_refusal(contract[i].phase, true, (enum tmv_operation)op, contract[i].paused);
        }
}

static void refuses_cutover_while_paused(void **state)
{
    char why[TMV_REASON_MAX];

    (void)state;
    assert_false(lifecycle_allows(TMV_PHASE_DUAL_WRITE, true, TMV_OP_CUTOVER, why));
    assert_string_equal(why,
                        "cutover is not possible in dual_write (paused); allowed now: resume, abort, verify");
}

static void keeps_off_a_migration_of_another_program(void **state)
{
    struct tmv_migration m = {.phase = TMV_PHASE_BULK_COPY, .generation = 0};
    char why[TMV_REASON_MAX] = "";

    (void)state;
    for (int op = 0; op < TMV_OP_COUNT; op++)
        assert_false(tmv_operation_allowed(&m, (enum tmv_operation)op, why));
    assert_non_null(strstr(why, "another program"));
    m.generation = 1;
    assert_true(tmv_operation_allowed(&m, TMV_OP_PAUSE, why));
}

static void derives_the_word_on_screen(void **state)
{
    static const int64_t now = 1000000000;
    static const struct {
        struct tmv_migration m;
        bool ready;
        enum tmv_display_state show;
        int percent;
    } cases[] = {
        {{.phase = TMV_PHASE_PENDING, .generation = 1, .owner_age_us = -1, .created_at_us = now - 1},
         false,
         TMV_SHOW_PENDING,
         0},
        {{.phase = TMV_PHASE_PENDING, .generation = 1, .owner_age_us = -1, .created_at_us = 1},
         false,
         TMV_SHOW_ORPHAN,
         0},
        {{.phase = TMV_PHASE_BULK_COPY,
          .generation = 1,
          .owner_age_us = 0,
          .events_total = 200,
          .events_copied = 50},
         false,
         TMV_SHOW_COPY,
         25},
        {{.phase = TMV_PHASE_BULK_COPY,
          .generation = 1,
          .owner_age_us = 0,
          .events_total = 200,
          .events_copied = 250},
         false,
         TMV_SHOW_COPY,
         99},
        {{.phase = TMV_PHASE_BULK_COPY, .generation = 1, .owner_age_us = LEASE_TTL_US + 1},
         false,
         TMV_SHOW_ORPHAN,
         0},
        {{.phase = TMV_PHASE_BULK_COPY, .generation = 0, .owner_age_us = -1}, false, TMV_SHOW_COPY, 0},
        {{.phase = TMV_PHASE_BULK_COPY, .generation = 1, .throttle = "a flag file"},
         false,
         TMV_SHOW_THROTTLED,
         0},
        {{.phase = TMV_PHASE_BULK_COPY, .generation = 1, .paused = true, .throttle = "a flag file"},
         false,
         TMV_SHOW_PAUSED,
         0},
        {{.phase = TMV_PHASE_DUAL_WRITE, .generation = 1, .owner_age_us = 5}, false, TMV_SHOW_SYNC, 100},
        {{.phase = TMV_PHASE_DUAL_WRITE,
          .generation = 1,
          .owner_age_us = 5,
          .gate_count = 1,
          .gates = {{.green = true, .at_us = now}}},
         true,
         TMV_SHOW_READY,
         100},
        {{.phase = TMV_PHASE_DUAL_WRITE, .generation = 1, .owner_age_us = 5, .paused = true},
         true,
         TMV_SHOW_PAUSED,
         100},
        {{.phase = TMV_PHASE_DUAL_WRITE, .generation = 1, .owner_age_us = -1}, true, TMV_SHOW_ORPHAN, 100},
        {{.phase = TMV_PHASE_CUTOVER, .generation = 1, .owner_age_us = 5}, true, TMV_SHOW_CUTOVER, 100},
        {{.phase = TMV_PHASE_COMPLETED, .generation = 1, .owner_age_us = -1}, false, TMV_SHOW_DONE, 100},
        {{.phase = TMV_PHASE_ABORTED, .generation = 1, .owner_age_us = -1}, false, TMV_SHOW_ABORTED, 0},
        {{.phase = TMV_PHASE_FAILED, .generation = 1, .owner_age_us = -1}, false, TMV_SHOW_FAILED, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tmv_migration m = cases[i].m;

        show_migration(&m, cases[i].ready, now);
        if (m.show != cases[i].show || m.percent != cases[i].percent)
            fail_msg("case %zu: %s %d %%, not %s %d %%", i, tmv_display_state_name(m.show), m.percent,
                     tmv_display_state_name(cases[i].show), cases[i].percent);
    }
}

static void forgets_what_only_a_live_engine_knows(void **state)
{
    struct tmv_migration m = {.phase = TMV_PHASE_BULK_COPY,
                              .generation = 1,
                              .owner_age_us = 12000000,
                              .owner = "worker a",
                              .rate = 500,
                              .lag_us = 7,
                              .lag_events = 7,
                              .eta_us = 7};

    (void)state;
    show_migration(&m, true, 1);
    assert_int_equal(m.rate, -1);
    assert_int_equal(m.lag_us, -1);
    assert_int_equal(m.eta_us, -1);
    assert_string_equal(m.note, "its engine (worker a) is silent for 12 s; another one takes over");
    m.owner_age_us = 179000000;
    show_migration(&m, true, 1);
    assert_string_equal(m.note, "its engine (worker a) is silent for 2 min; another one takes over");
}

static void estimates_the_rest_from_the_rate(void **state)
{
    struct tmv_migration m = {.phase = TMV_PHASE_BULK_COPY,
                              .generation = 1,
                              .events_total = 1000,
                              .events_copied = 400,
                              .rate = 100,
                              .eta_us = -1,
                              .measured_us = {[TMV_FIGURE_RATE] = 1}};

    (void)state;
    show_migration(&m, false, 1);
    assert_int_equal(m.eta_us, 6000000);
    m.paused = true;
    show_migration(&m, false, 1);
    assert_int_equal(m.eta_us, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_each_row_once),
        cmocka_unit_test(allows_exactly_what_the_contract_says),
        cmocka_unit_test(refuses_with_the_state_the_operation_and_what_is_allowed),
        cmocka_unit_test(refuses_cutover_while_paused),
        cmocka_unit_test(keeps_off_a_migration_of_another_program),
        cmocka_unit_test(derives_the_word_on_screen),
        cmocka_unit_test(forgets_what_only_a_live_engine_knows),
        cmocka_unit_test(estimates_the_rest_from_the_rate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
