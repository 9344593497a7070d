#include "test.h"

#include <stdlib.h>

#include "demo/figures.h"

static void gives_percentiles_to_within_two_percent(void **state)
{
    static struct figures f;

    (void)state;
    for (int64_t i = 1; i <= 100000; i++)
        figures_add(&f, i);
    for (int percent = 1; percent <= 100; percent++) {
        int64_t exact = percent * 1000, got = figures_percentile(&f, percent);

        assert_true(got >= exact && got <= exact + exact / 50);
    }
    assert_int_equal(f.max, 100000);
    assert_int_equal(figures_percentile(&f, 100), 100000);
}

static void holds_every_size_of_value(void **state)
{
    static const int64_t values[] = {-5,       0, 1, 63, 64, 65, 127, 128, 1000000, INT64_C(60) * 1000000,
                                     INT64_MAX};
    static struct figures empty;

    (void)state;
    assert_int_equal(figures_percentile(&empty, 99), 0);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct figures f = {0};
        int64_t value = values[i] < 0 ? 0 : values[i];

        figures_add(&f, values[i]);
        assert_int_equal(figures_percentile(&f, 50), value);
        assert_int_equal(f.max, value);
    }
}

static void ranks_like_the_sorted_list(void **state)
{
    static struct figures f;

    (void)state;
    for (int i = 0; i < 98; i++)
        figures_add(&f, 5);
    figures_add(&f, 40);
    figures_add(&f, 50);
    assert_int_equal(figures_percentile(&f, 50), 5);
    assert_int_equal(figures_percentile(&f, 98), 5);
    assert_int_equal(figures_percentile(&f, 99), 40);
    assert_int_equal(figures_percentile(&f, 100), 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_percentiles_to_within_two_percent),
        cmocka_unit_test(holds_every_size_of_value),
        cmocka_unit_test(ranks_like_the_sorted_list),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
