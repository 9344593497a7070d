/* The pure parts of the bulk copy: how positions are cut, how ranges are handed out, how the rate is kept. */
#include "test.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "migrate/chunk_queue.h"

static struct position_plan even_plan(int64_t high, int64_t events)
{
    return (struct position_plan){.span = {.low = 0, .high = high}, .events = events, .dense = true};
}

static void cuts_evenly_when_nothing_is_known(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);

    (void)state;
    assert_int_equal(position_plan_next(&plan, 0, 100), 100);
    assert_int_equal(position_plan_next(&plan, 850, 100), 950);
    assert_int_equal(position_plan_next(&plan, 950, 100), 1000);
    assert_int_equal(position_plan_next(&plan, 1000, 100), 1000);
}

static void takes_everything_at_once_when_it_fits(void **state)
{
    struct position_plan plan = even_plan(INT64_MAX, 10);

    (void)state;
    assert_int_equal(position_plan_next(&plan, 0, 100), INT64_MAX);
    plan.events = 0;
    assert_int_equal(position_plan_next(&plan, 0, 100), INT64_MAX);
}

static void follows_the_density_of_the_sample(void **state)
{
    /* half of the events in the first hundred positions, half in the other nine hundred */
    struct position_plan plan = even_plan(1000, 1000);

    (void)state;
    plan.bounds[0] = 100;
    plan.bounds[1] = 990;
    plan.bound_count = 2;
    assert_int_equal(position_plan_next(&plan, 0, 250), 50);
    assert_int_equal(position_plan_next(&plan, 50, 250), 100);
    assert_int_equal(position_plan_next(&plan, 100, 250), 550);
    assert_int_equal(position_plan_next(&plan, 50, 500), 550);
}

static void always_goes_forward_and_ends_at_the_end(void **state)
{
    struct position_plan plans[] = {even_plan(7, 1000000), even_plan(100000, 1),
                                    even_plan(INT64_MAX, 1 << 20), even_plan(5000, 5000)};

    (void)state;
    for (size_t i = 0; i < POSITION_PLAN_BOUNDS; i++) /* several bounds at the same position */
        plans[3].bounds[i] = (int64_t)(i / 3) * 50;
    plans[3].bound_count = POSITION_PLAN_BOUNDS;
    for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
        int64_t low = 0;
        int steps = 0;

        while (low < plans[i].span.high) {
            int64_t high = position_plan_next(&plans[i], low, 100);

            assert_true(high > low && high <= plans[i].span.high);
            low = high;
            assert_true(++steps < 20000);
        }
    }
}

static void takes_larger_steps_where_each_costs_a_pass_over_an_index(void **state)
{
    struct position_plan plan = even_plan(INT64_C(1) << 40, 32000000);

    (void)state;
    assert_int_equal(position_plan_step(&plan, 20000), 20000);
    plan.dense = false;
    assert_int_equal(position_plan_step(&plan, 20000), 1000000);
    plan.events = 5000;
    assert_int_equal(position_plan_step(&plan, 20000), 20000);
}

static void hands_out_every_position_of_the_gaps_once(void **state)
{
    static const struct position_span gaps[] = {{0, 130}, {200, 201}, {500, 1000}};
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;
    char seen[1001] = {0};
    int64_t chunks, events;

    (void)state;
    assert_true(chunk_queue_init(&queue, &plan, NULL, &err));
    queue.step_events = 70;
    for (size_t i = 0; i < ARRAY_LEN(gaps); i++)
        assert_true(chunk_queue_add_gap(&queue, gaps[i].low, gaps[i].high, &err));
    while (chunk_queue_take(&queue, &span)) {
        assert_true(span.high - span.low <= 70);
        for (int64_t p = span.low + 1; p <= span.high; p++)
            assert_int_equal(seen[p]++, 0);
        chunk_queue_done(&queue, 3);
    }
    for (int64_t p = 0; p <= 1000; p++)
        assert_int_equal(seen[p], (p > 0 && p <= 130) || p == 201 || p > 500);
    chunk_queue_progress(&queue, &chunks, &events);
    assert_int_equal(events, 3 * chunks);
    chunk_queue_release(&queue);
}

static void hands_out_nothing_once_stopped(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;

    (void)state;
    assert_true(chunk_queue_init(&queue, &plan, NULL, &err));
    queue.step_events = 10;
    queue.max_rate = 1;
    assert_true(chunk_queue_add_gap(&queue, 0, 1000, &err));
    assert_true(chunk_queue_take(&queue, &span));
    chunk_queue_done(&queue, 1000000); /* a debt of days: the next take would wait for it */
    chunk_queue_stop(&queue);
    assert_false(chunk_queue_take(&queue, &span));
    assert_true(chunk_queue_is_stopped(&queue));
    chunk_queue_release(&queue);
}

static void the_rate_is_kept_by_paying_off_what_was_copied(void **state)
{
    (void)state;
    assert_int_equal(rate_wait_us(500, 1000), 500000);
    assert_int_equal(rate_wait_us(0, 1000), 0);
    assert_int_equal(rate_wait_us(500, 0), 0);
    assert_int_equal((int64_t)rate_debt(500, 0, 250000, 1000), 250);
    assert_int_equal((int64_t)rate_debt(500, 0, 10000000, 1000), 0); /* idle time is not saved up */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_evenly_when_nothing_is_known),
        cmocka_unit_test(takes_everything_at_once_when_it_fits),
        cmocka_unit_test(follows_the_density_of_the_sample),
        cmocka_unit_test(always_goes_forward_and_ends_at_the_end),
        cmocka_unit_test(takes_larger_steps_where_each_costs_a_pass_over_an_index),
        cmocka_unit_test(hands_out_every_position_of_the_gaps_once),
        cmocka_unit_test(hands_out_nothing_once_stopped),
        cmocka_unit_test(the_rate_is_kept_by_paying_off_what_was_copied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
