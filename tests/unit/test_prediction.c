/* What the next pause is expected to be, from what was measured. */
#include "test.h"

#include "lib/clock.h"
#include "move/cutover/cutover_manager.h"

#define LONG_AGO_US (3600 * US_PER_S)

static struct tailer tailer;
static struct cutover_manager manager;

static int fresh(void **state)
{
    (void)state;
    tailer = (struct tailer){0};
    manager = (struct cutover_manager){.tailer = &tailer};
    return 0;
}

static void nothing_is_known_before_anything_was_measured(void **state)
{
    (void)state;
    assert_int_equal(cutover_predict_us(&manager), -1);
}

static void the_tails_means_are_what_a_pause_is_made_of(void **state)
{
    (void)state;
    tailer.apply_us = 3000;
    tailer.durable_us = 1000;
    assert_int_equal(cutover_predict_us(&manager), 3000 + 2 * 1000 + 1000);
    manager.last_pause_us = 9000; /* old: the means know better */
    manager.last_pause_at_us = clock_now_us() - LONG_AGO_US;
    assert_int_equal(cutover_predict_us(&manager), 6000);
}

static void a_fresh_rehearsal_says_it_best(void **state)
{
    (void)state;
    tailer.apply_us = 3000;
    tailer.durable_us = 1000;
    manager.last_pause_us = 9000;
    manager.last_pause_at_us = clock_now_us();
    assert_int_equal(cutover_predict_us(&manager), 9000);
}

/* Nobody writes, so the means stay unknown: the dialog must not say that nobody measured it. */
static void a_quiet_tenants_rehearsal_is_not_forgotten(void **state)
{
    (void)state;
    manager.last_pause_us = 9000;
    manager.last_pause_at_us = clock_now_us() - LONG_AGO_US;
    assert_int_equal(cutover_predict_us(&manager), 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nothing_is_known_before_anything_was_measured, fresh),
        cmocka_unit_test_setup(the_tails_means_are_what_a_pause_is_made_of, fresh),
        cmocka_unit_test_setup(a_fresh_rehearsal_says_it_best, fresh),
        cmocka_unit_test_setup(a_quiet_tenants_rehearsal_is_not_forgotten, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
