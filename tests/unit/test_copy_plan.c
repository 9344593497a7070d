/* The pure parts of the bulk copy: how positions are cut, how ranges are handed out, how the rate is kept. */
#include "test.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "move/shared/chunk_queue.h"
#include "move/tail/tail_apply.h"
#include "move/copy/throttle.h"

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

static void a_gap_in_the_positions_costs_no_range_of_its_own(void **state)
{
    /* 50 events, a gap of 50 billion positions, 50 events; and the same up to the end of bigint */
    static const int64_t highest[] = {INT64_C(50000000100), INT64_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(highest); i++) {
        struct position_plan plan = even_plan(highest[i], 100);
        int ranges = 0;

        plan.bounds[0] = 50;
        plan.bounds[1] = highest[i];
        plan.bound_count = 2;
        for (int64_t low = 0; low < highest[i]; ranges++)
            low = position_plan_next(&plan, low, 10);
        assert_true(ranges <= 20);
    }
}

static void steps_do_not_overflow_at_the_ends_of_bigint(void **state)
{
    const struct position_span all = {INT64_MIN, INT64_MAX};
    const struct position_span upper = {0, INT64_MAX};
    const struct position_span none = {7, 7};
    const struct position_span backwards = {INT64_MAX, INT64_MIN};

    (void)state;
    assert_int_equal(position_step(0, 100, 30), 30);
    assert_int_equal(position_step(90, 100, 30), 100);
    assert_int_equal(position_step(INT64_MAX - 5, INT64_MAX, 50000), INT64_MAX);
    assert_int_equal(position_step(INT64_MAX - 5, INT64_MAX, 2), INT64_MAX - 3);
    assert_int_equal(position_step(INT64_MIN, INT64_MAX, 1), INT64_MIN + 1);
    assert_int_equal(position_step(INT64_MIN, INT64_MAX - 1, INT64_MAX), -1);
    assert_int_equal(position_width(&all), INT64_MAX);
    assert_int_equal(position_width(&upper), INT64_MAX);
    assert_int_equal(position_width(&none), 0);
    assert_int_equal(position_width(&backwards), 0);
}

static void pieces_of_the_tail_follow_what_they_take(void **state)
{
    int64_t pieces = TAIL_PIECE_FIRST;

    (void)state;
    for (int i = 0; i < 64; i++) /* empty ones */
        pieces = tail_piece_positions(pieces, 100);
    assert_int_equal(pieces, TAIL_PIECE_MAX);
    for (int i = 0; i < 64; i++) /* an event of 40 MB in each position */
        pieces = tail_piece_positions(pieces, 900000);
    assert_int_equal(pieces, 1);
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
    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 70;
    for (size_t i = 0; i < ARRAY_LEN(gaps); i++)
        assert_true(chunk_queue_add_gap(&queue, gaps[i].low, gaps[i].high, &err));
    while (chunk_queue_take(&queue, 0, &span) == CHUNK_TAKEN) {
        assert_true(span.high - span.low <= 70);
        for (int64_t p = span.low + 1; p <= span.high; p++)
            assert_int_equal(seen[p]++, 0);
        chunk_queue_done(&queue, &(struct chunk_done){.events = 3});
    }
    for (int64_t p = 0; p <= 1000; p++)
        assert_int_equal(seen[p], (p > 0 && p <= 130) || p == 201 || p > 500);
    chunk_queue_progress(&queue, &chunks, &events);
    assert_int_equal(events, 3 * chunks);
    chunk_queue_release(&queue);
}

static void a_range_that_took_too_long_is_handed_out_in_halves(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;
    char seen[1001] = {0};
    int tries = 0;

    (void)state;
    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 300;
    assert_true(chunk_queue_add_gap(&queue, 0, 1000, &err));
    while (chunk_queue_take(&queue, 0, &span) == CHUNK_TAKEN) {
        if (++tries % 3 == 0 && chunk_queue_split(&queue, &span))
            continue; /* nothing was committed */
        for (int64_t p = span.low + 1; p <= span.high; p++)
            assert_int_equal(seen[p]++, 0);
        chunk_queue_done(&queue, &(struct chunk_done){.events = span.high - span.low});
    }
    for (int64_t p = 0; p <= 1000; p++)
        assert_int_equal(seen[p], p > 0);
    assert_int_equal(queue.step_events, 75); /* an event may be large: a hundred is not the least */
    chunk_queue_release(&queue);
}

static void a_range_is_not_cut_for_ever(void **state)
{
    struct position_plan plan = even_plan(100000, 100000);
    struct chunk_queue queue;
    struct position_span span = {.low = 7, .high = 8};
    struct tmv_error err;
    int cuts = 0;

    (void)state;
    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 100000;
    assert_false(chunk_queue_split(&queue, &span));
    assert_true(chunk_queue_add_gap(&queue, 0, 100000, &err));
    while (chunk_queue_take(&queue, 0, &span) == CHUNK_TAKEN && chunk_queue_split(&queue, &span))
        cuts++;
    assert_int_equal(cuts, CHUNK_SPLITS_MAX);
    chunk_queue_done(&queue, &(struct chunk_done){.events = 1});
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_TAKEN);
    assert_true(chunk_queue_split(&queue, &span));
    chunk_queue_release(&queue);
}

struct taker {
    struct chunk_queue *queue;
    struct position_span span;
    enum chunk_answer answer;
};

static void *take_as_first(void *user)
{
    struct taker *t = user;

    t->answer = chunk_queue_take(t->queue, 0, &t->span);
    return NULL;
}

/* The only other worker loses its turn with the last range in its hands, and brings it back in halves: who
 * had nothing to do must still be there. */
static void nobody_leaves_while_a_range_may_come_back(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;
    struct taker first = {.queue = &queue};
    pthread_t thread;

    (void)state;
    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 1000;
    assert_true(chunk_queue_add_gap(&queue, 0, 1000, &err));
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 2});
    assert_int_equal(chunk_queue_take(&queue, 1, &span), CHUNK_TAKEN);
    assert_int_equal(span.high, 1000);
    assert_int_equal(pthread_create(&thread, NULL, take_as_first, &first), 0);
    usleep(50000); /* it looks for a range, and none is left */
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1});
    assert_true(chunk_queue_split(&queue, &span));
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(first.answer, CHUNK_TAKEN);
    assert_int_equal(first.span.high, 500);
    assert_int_equal(chunk_queue_take(&queue, 1, &span), CHUNK_PARKED);
    chunk_queue_done(&queue, &(struct chunk_done){.events = 500});
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_TAKEN);
    chunk_queue_done(&queue, &(struct chunk_done){.events = 500});
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_NONE);
    assert_int_equal(chunk_queue_take(&queue, 1, &span), CHUNK_NONE);
    chunk_queue_release(&queue);
}

static void hands_out_nothing_once_stopped(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;

    (void)state;
    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 10;
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1, .events_per_s = 1});
    assert_true(chunk_queue_add_gap(&queue, 0, 1000, &err));
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_TAKEN);
    chunk_queue_done(&queue, &(struct chunk_done){
                                 .events = 1000000}); /* a debt of days: the next take would wait for it */
    chunk_queue_stop(&queue);
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_NONE);
    assert_true(chunk_queue_is_stopped(&queue));
    chunk_queue_release(&queue);
}

static void the_rate_is_kept_by_paying_off_what_was_copied(void **state)
{
    const struct rate rate = {.limit = 1000, .debt = 500}, none = {.limit = 1000}, unlimited = {.debt = 500};

    (void)state;
    assert_int_equal(rate_wait_us(&rate, 0), 500000);
    assert_int_equal(rate_wait_us(&none, 0), 0);
    assert_int_equal(rate_wait_us(&unlimited, 0), 0);
    assert_int_equal((int64_t)rate_debt(&rate, 250000), 250);
    assert_int_equal((int64_t)rate_debt(&rate, 10000000), 0); /* idle time is not saved up */
}

static void a_lower_limit_makes_nobody_wait_long_for_the_past(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;

    (void)state;
    chunk_queue_init(&queue, &plan, NULL);
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1, .events_per_s = 1000000});
    chunk_queue_done(&queue, &(struct chunk_done){.events = 900000});
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1, .events_per_s = 10});
    assert_true(queue.events_rate.debt <= 10);
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1, .bytes_per_s = 10});
    assert_true(queue.events_rate.debt <= 0);
    chunk_queue_release(&queue);
}

static void a_range_aims_at_a_duration(void **state)
{
    static const struct {
        int64_t events, took_us, expected;
    } cases[] = {
        {1000, 1000000, 1000}, {1000, 800000, 1250}, {1000, 10000, 2000}, /* at most twice as much */
        {1000, 1250000, 800},  {1000, 9000000, 500}, {1000, 0, 2000},     {1, 9000000, 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(chunk_next_events(cases[i].events, cases[i].took_us, 1000000), cases[i].expected);
}

/* A queue over one gap, a range of which takes as long as is said. */
static int64_t width_after(int64_t events, int64_t took_us, const struct chunk_limits *limits)
{
    struct position_plan plan = even_plan(1000000, 1000000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;

    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 10000;
    queue.aim_us = 1000000;
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1});
    assert_true(chunk_queue_add_gap(&queue, 0, 1000000, &err));
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_TAKEN);
    assert_int_equal(span.high - span.low, 10000);
    chunk_queue_done(&queue, &(struct chunk_done){.events = events, .bytes = 0, .took_us = took_us});
    chunk_queue_limit(&queue, limits);
    assert_int_equal(chunk_queue_take(&queue, 0, &span), CHUNK_TAKEN);
    chunk_queue_release(&queue);
    return span.high - span.low;
}

static void ranges_follow_what_the_last_ones_took(void **state)
{
    const struct chunk_limits one = {.workers = 1}, many = {.workers = 100},
                              slow = {.workers = 1, .events_per_s = 700};

    (void)state;
    assert_int_equal(width_after(10000, 500000, &one), 20000);
    assert_int_equal(width_after(10000, 2000000, &one), 5000);
    assert_int_equal(width_after(100, 1000, &one), 10000);     /* a sparse or short one says nothing */
    assert_int_equal(width_after(100, 4000000, &one), 5000);   /* but that it took long counts */
    assert_int_equal(width_after(10000, 500000, &many), 5000); /* a few for every worker */
    assert_int_equal(width_after(10000, 500000, &slow), 700);  /* about one a second */
}

static void members_beyond_the_workers_wait(void **state)
{
    struct position_plan plan = even_plan(1000, 1000);
    struct chunk_queue queue;
    struct position_span span;
    struct tmv_error err;

    (void)state;
    chunk_queue_init(&queue, &plan, NULL);
    queue.step_events = 10;
    assert_true(chunk_queue_add_gap(&queue, 0, 1000, &err));
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 3});
    assert_int_equal(chunk_queue_take(&queue, 3, &span), CHUNK_PARKED);
    assert_int_equal(chunk_queue_take(&queue, 2, &span), CHUNK_TAKEN);
    chunk_queue_park(&queue, 2); /* has its turn: returns at once */
    chunk_queue_limit(&queue, &(struct chunk_limits){.workers = 1});
    assert_int_equal(chunk_queue_take(&queue, 2, &span), CHUNK_PARKED);
    chunk_queue_stop(&queue);
    assert_int_equal(chunk_queue_take(&queue, 2, &span), CHUNK_NONE);
    chunk_queue_park(&queue, 2); /* over: returns too */
    chunk_queue_release(&queue);
}

/* ---- what holds the copy ---- */

static void a_standby_is_as_late_as_the_oldest_log_that_it_lacks(void **state)
{
    struct lag_history h = {0};

    (void)state;
    assert_int_equal(lag_history_lag_us(&h, 5, 100), 0);
    for (int64_t i = 1; i <= 10; i++)
        lag_history_note(&h, i * 100, i * 10);
    lag_history_note(&h, 2000, 100); /* nothing was written: the log is as old as it is */
    assert_int_equal(lag_history_lag_us(&h, 100, 2000), 0);
    assert_int_equal(lag_history_lag_us(&h, 99, 2000), 1000);
    assert_int_equal(lag_history_lag_us(&h, 35, 2000), 1600);
    assert_int_equal(lag_history_lag_us(&h, 0, 2000), 1900);
    lag_history_note(&h, 3000, 50); /* another server */
    assert_int_equal(lag_history_lag_us(&h, 0, 3000), 0);
}

static void a_long_history_becomes_coarse_and_keeps_its_reach(void **state)
{
    struct lag_history h = {0};

    (void)state;
    for (int64_t i = 1; i <= 100000; i++)
        lag_history_note(&h, i, i);
    assert_true(h.count <= LAG_HISTORY_MAX);
    int64_t lag = lag_history_lag_us(&h, 0, 100000);
    assert_true(lag > 0 && lag < 100000);
    for (size_t i = 1; i < h.count; i++)
        assert_true(h.points[i].position > h.points[i - 1].position);
    assert_int_equal(h.points[h.count - 1].position, 100000);
}

static void a_query_holds_by_true_or_a_number_above_the_limit(void **state)
{
    static const struct {
        const char *answer;
        int64_t limit;
        bool holds, understood;
    } cases[] = {
        {"t", 0, true, true},         {"f", 0, false, true},    {"1", 0, true, true},
        {"0", 0, false, true},        {"7", 7, false, true},    {"7.5", 7, true, true},
        {"-3", -4, true, true},       {"1e3", 999, true, true}, {"NaN", 0, false, true},
        {"Infinity", 0, true, true},  {"", 0, false, false},    {"many", 0, false, false},
        {"12 jobs", 0, false, false}, {"true", 0, true, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool understood;
        bool holds = throttle_judge(cases[i].answer, cases[i].limit, &understood);

        if (holds != cases[i].holds || understood != cases[i].understood)
            fail_msg("%s against %d", cases[i].answer, (int)cases[i].limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_evenly_when_nothing_is_known),
        cmocka_unit_test(takes_everything_at_once_when_it_fits),
        cmocka_unit_test(follows_the_density_of_the_sample),
        cmocka_unit_test(always_goes_forward_and_ends_at_the_end),
        cmocka_unit_test(a_gap_in_the_positions_costs_no_range_of_its_own),
        cmocka_unit_test(steps_do_not_overflow_at_the_ends_of_bigint),
        cmocka_unit_test(pieces_of_the_tail_follow_what_they_take),
        cmocka_unit_test(takes_larger_steps_where_each_costs_a_pass_over_an_index),
        cmocka_unit_test(hands_out_every_position_of_the_gaps_once),
        cmocka_unit_test(a_range_that_took_too_long_is_handed_out_in_halves),
        cmocka_unit_test(a_range_is_not_cut_for_ever),
        cmocka_unit_test(nobody_leaves_while_a_range_may_come_back),
        cmocka_unit_test(hands_out_nothing_once_stopped),
        cmocka_unit_test(the_rate_is_kept_by_paying_off_what_was_copied),
        cmocka_unit_test(a_lower_limit_makes_nobody_wait_long_for_the_past),
        cmocka_unit_test(a_range_aims_at_a_duration),
        cmocka_unit_test(ranges_follow_what_the_last_ones_took),
        cmocka_unit_test(members_beyond_the_workers_wait),
        cmocka_unit_test(a_standby_is_as_late_as_the_oldest_log_that_it_lacks),
        cmocka_unit_test(a_long_history_becomes_coarse_and_keeps_its_reach),
        cmocka_unit_test(a_query_holds_by_true_or_a_number_above_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
