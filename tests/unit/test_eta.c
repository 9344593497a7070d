/* How long a migration still needs. */
#include "test.h"

#include "lib/clock.h"
#include "move/copy/eta.h"

#define S US_PER_S

/* A million events at 10,000 a second: 100 s for all rows. */
static const struct eta_copy half = {
    .events_left = 500000, .events_total = 1000000, .events_per_second = 10000, .indexes = 10};

static void assert_seconds(int64_t us, double seconds)
{
    if (us < (int64_t)((seconds - 0.1) * S) || us > (int64_t)((seconds + 0.1) * S))
        fail_msg("%.1f s instead of %.1f", (double)us / S, seconds);
}

static void counts_what_follows_the_rows(void **state)
{
    struct eta_copy c = half;

    (void)state;
    assert_seconds(eta_of_copy_us(&c), 50 + 10 * ETA_INDEX_SHARE * 100 + ETA_VERIFY_SHARE * 100);
    c.indexes = 0;
    assert_seconds(eta_of_copy_us(&c), 50 + ETA_VERIFY_SHARE * 100);
}

static void knows_nothing_without_a_rate(void **state)
{
    struct eta_copy c = half;

    (void)state;
    c.events_per_second = 0;
    assert_int_equal(eta_of_copy_us(&c), -1);
    c.events_left = 0; /* indexes of a copy that an earlier engine made */
    assert_int_equal(eta_of_copy_us(&c), -1);
}

static void goes_by_the_builds_own_speed_once_they_run(void **state)
{
    struct eta_copy c = half;

    (void)state;
    c.events_left = 0;
    c.building_us = 30 * S;
    c.indexes_built = 2.5; /* the other 7.5 take three times as long */
    assert_seconds(eta_of_copy_us(&c), 90 + ETA_VERIFY_SHARE * 100);
    c.events_per_second = 0;
    assert_seconds(eta_of_copy_us(&c), 90);
    c.events_per_second = 10000;
    c.indexes_built = 0.1; /* too little to say anything */
    assert_seconds(eta_of_copy_us(&c), 9.9 * ETA_INDEX_SHARE * 100 + ETA_VERIFY_SHARE * 100);
    c.indexes_built = 10;
    assert_seconds(eta_of_copy_us(&c), ETA_VERIFY_SHARE * 100);
}

static void tells_of_a_verification_only_what_can_be_read_in_time(void **state)
{
    (void)state;
    assert_seconds(eta_of_verification_us(1000, 4000, 5 * S), 20);
    assert_int_equal(eta_of_verification_us(1000, 1000, 5 * S), -1); /* 5 s */
    assert_int_equal(eta_of_verification_us(0, 4000, 5 * S), -1);
    assert_int_equal(eta_of_verification_us(1000, 0, 5 * S), -1);
    assert_int_equal(eta_of_verification_us(1000, 4000, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_follows_the_rows),
        cmocka_unit_test(knows_nothing_without_a_rate),
        cmocka_unit_test(goes_by_the_builds_own_speed_once_they_run),
        cmocka_unit_test(tells_of_a_verification_only_what_can_be_read_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
