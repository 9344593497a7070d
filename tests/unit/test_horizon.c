#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "move/tail/horizon.h"

#define PATIENCE 100000

static struct horizon h;

static int fresh(void **state)
{
    (void)state;
    horizon_init(&h, PATIENCE);
    return 0;
}

#define SEE(now, value, ...)                                                                                 \
    do {                                                                                                     \
        const char *const names_[] = {__VA_ARGS__};                                                          \
        assert_true(horizon_observe(&h, now, value, names_, ARRAY_LEN(names_)));                             \
    } while (0)
#define SEE_NOBODY(now, value) assert_true(horizon_observe(&h, now, value, NULL, 0))

static void value_is_final_at_once_when_nobody_writes(void **state)
{
    (void)state;
    SEE_NOBODY(0, 7);
    assert_int_equal(horizon_advance(&h, 0).final_position, 7);
}

static void value_waits_for_those_that_held_the_lock_then(void **state)
{
    (void)state;
    SEE(0, 10, "3/1", "4/1");
    assert_int_equal(horizon_advance(&h, 0).final_position, -1);
    SEE(10, 20, "4/1", "5/9");
    assert_int_equal(horizon_advance(&h, 10).final_position, -1);
    SEE(20, 30, "5/9");
    assert_int_equal(horizon_advance(&h, 20).final_position, 10);
    SEE(30, 40, "6/2");
    /* 5/9 is gone: what held 20 and 30 back. */
    assert_int_equal(horizon_advance(&h, 30).final_position, 30);
}

static void later_writers_do_not_hold_an_earlier_value_back(void **state)
{
    (void)state;
    SEE(0, 10, "3/1");
    SEE(10, 11, "3/2");
    assert_int_equal(horizon_advance(&h, 10).final_position, 10);
}

static void long_transaction_holds_back_the_final_but_not_the_soft_horizon(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++)
        SEE(i * 10000, 100 + i, "9/1");
    struct horizon_answer a = horizon_advance(&h, 5000000);
    assert_int_equal(a.final_position, -1);
    assert_int_equal(a.soft_position, 599);
    assert_true(a.oldest_holder_us >= 5000000);
    SEE_NOBODY(5000001, 700);
    assert_int_equal(horizon_advance(&h, 5000001).final_position, 700);
}

static void young_holder_is_not_left_out_by_the_soft_horizon(void **state)
{
    (void)state;
    SEE(0, 5, "1/1");
    assert_int_equal(horizon_advance(&h, PATIENCE / 2).soft_position, -1);
    assert_int_equal(horizon_advance(&h, PATIENCE).soft_position, 5);
}

static void prepared_transaction_under_a_new_name_still_counts(void **state)
{
    (void)state;
    SEE(0, 10, "3/1");
    SEE(10, 12, "-1/777");
    assert_int_equal(horizon_advance(&h, 10).final_position, -1);
    SEE_NOBODY(20, 13);
    assert_int_equal(horizon_advance(&h, 20).final_position, 13);
}

static void reset_voids_every_pair(void **state)
{
    (void)state;
    SEE(0, 10, "3/1");
    horizon_init(&h, PATIENCE);
    assert_int_equal(horizon_advance(&h, 0).final_position, -1);
}

/* Random transactions against the definition: a value is final exactly when all that held the lock are gone.
 */
static void agrees_with_the_definition_on_random_histories(void **state)
{
    enum { STEPS = 4000, SLOTS = 12 };
    static uint32_t held_at[STEPS][SLOTS]; /* generation per slot, 0 = free */
    uint32_t slot[SLOTS] = {0};
    uint32_t generation = 0;
    unsigned seed = 12345;
    int last_final = -1;

    (void)state;
    for (int step = 0; step < STEPS; step++) {
        char names[SLOTS][HORIZON_NAME_MAX];
        const char *list[SLOTS];
        size_t n = 0;

        for (int s = 0; s < SLOTS; s++) {
            int roll = rand_r(&seed) % 100;
            if (roll < 25)
                slot[s] = 0;
            else if (roll < 50)
                slot[s] = ++generation;
            if (slot[s]) {
                snprintf(names[n], sizeof names[n], "%d/%u", s, slot[s]);
                list[n] = names[n];
                n++;
            }
            held_at[step][s] = slot[s];
        }
        assert_true(horizon_observe(&h, step, step, list, n));
        int final_now = (int)horizon_advance(&h, step).final_position;
        if (final_now < 0)
            continue;
        assert_true(final_now > last_final);
        for (int s = 0; s < SLOTS; s++)
            assert_true(!held_at[final_now][s] || held_at[final_now][s] != slot[s]);
        last_final = final_now;
    }
    assert_true(last_final > STEPS - 100);
}

static void no_value_below_an_earlier_one_is_accepted(void **state)
{
    (void)state;
    assert_true(horizon_accepts(&h, 0));
    assert_true(horizon_accepts(&h, 1205));
    assert_true(horizon_accepts(&h, 1205));
    assert_false(horizon_accepts(&h, 1204));
    assert_false(horizon_accepts(&h, 500));
    assert_true(horizon_accepts(&h, INT64_C(50000000000))); /* a jump is no way back */
    assert_false(horizon_accepts(&h, 1205));
    assert_true(horizon_accepts(&h, INT64_MAX));
    assert_false(horizon_accepts(&h, INT64_MAX - 1));
    assert_false(horizon_accepts(&h, INT64_MIN));
}

static void what_was_seen_highest_outlives_a_lost_connection(void **state)
{
    (void)state;
    assert_true(horizon_accepts(&h, 1205));
    SEE(0, 1205, "3/1");
    horizon_reset(&h);
    assert_int_equal(horizon_advance(&h, 10).final_position, -1);
    assert_false(horizon_accepts(&h, 1204));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(value_is_final_at_once_when_nobody_writes, fresh),
        cmocka_unit_test_setup(value_waits_for_those_that_held_the_lock_then, fresh),
        cmocka_unit_test_setup(later_writers_do_not_hold_an_earlier_value_back, fresh),
        cmocka_unit_test_setup(long_transaction_holds_back_the_final_but_not_the_soft_horizon, fresh),
        cmocka_unit_test_setup(young_holder_is_not_left_out_by_the_soft_horizon, fresh),
        cmocka_unit_test_setup(prepared_transaction_under_a_new_name_still_counts, fresh),
        cmocka_unit_test_setup(reset_voids_every_pair, fresh),
        cmocka_unit_test_setup(agrees_with_the_definition_on_random_histories, fresh),
        cmocka_unit_test_setup(no_value_below_an_earlier_one_is_accepted, fresh),
        cmocka_unit_test_setup(what_was_seen_highest_outlives_a_lost_connection, fresh),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
