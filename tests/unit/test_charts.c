/* Steps on an axis, classes of durations, gauges, percentiles and sizes: pictures, and soundness at every
 * size. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "widgets/chart.h"
#include "widgets/format.h"
#include "widgets/plain.h"
#include "widgets/timeline.h"

#define MS INT64_C(1000)

static void assert_drawn(const struct canvas *canvas, const char *expected)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    plain_write(canvas, false, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static const struct timeline_step steps[] = {
    {"lock", TIMELINE_DONE, 0, 2 * MS, 20 * MS, false},
    {"drain, verify tail", TIMELINE_FAILED, 2 * MS, 8 * MS, 8 * MS, false},
    {"decide", TIMELINE_NONE, 10 * MS, 0, 0, false},
};

static void puts_steps_on_one_axis(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 62, 5));
    assert_int_equal(timeline_draw(&canvas, canvas_all(&canvas), steps, 3, 10 * MS), 4);
    assert_drawn(&canvas, "   STEP                    TOOK  0              10 ms   BUDGET\n"
                          " ✓ lock                  2.0 ms  ━━━━                    20 ms\n"
                          " ✗ drain, verify tail    8.0 ms      ━━━━━━━━━━━━━━━━   8.0 ms\n"
                          "   decide                     —\n"
                          "\n");
    canvas_release(&canvas);
}

static void a_step_over_its_budget_is_critical(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 62, 4));
    timeline_draw(&canvas, canvas_all(&canvas), steps, 3, 10 * MS);
    assert_int_equal(canvas_at(&canvas, 40, 2)->role, ROLE_LEVEL_CRIT);
    assert_int_equal(canvas_at(&canvas, 33, 1)->role, ROLE_BAR_FULL);
    canvas_release(&canvas);
}

static void bars_leave_before_figures(void **state)
{
    struct canvas canvas;

    (void)state;
    for (int cols = 1; cols <= 70; cols++) {
        assert_true(canvas_init(&canvas, cols, 3));
        timeline_draw(&canvas, canvas_all(&canvas), steps, 3, 10 * MS);
        if (cols >= 24)
            assert_true(plain_contains(&canvas, "2.0 ms"));
        if (cols >= 40)
            assert_true(plain_contains(&canvas, "20 ms"));
        canvas_release(&canvas);
    }
}

static void counts_durations_by_class(void **state)
{
    static const int64_t values[] = {4 * MS, 5 * MS, 4600, 15 * MS, 300 * MS, 2000 * MS};
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 28, 9));
    assert_int_equal(chart_histogram(&canvas, canvas_all(&canvas), values, 6), 8);
    assert_drawn(&canvas, " ≤ 5.0 ms ━━━━━━━━━━━━ 3\n"
                          "  ≤ 10 ms 0\n"
                          "  ≤ 20 ms ━━━━ 1\n"
                          "  ≤ 50 ms 0\n"
                          " ≤ 100 ms 0\n"
                          " ≤ 200 ms 0\n"
                          "  ≤ 1.0 s ━━━━ 1\n"
                          "  > 1.0 s ━━━━ 1\n"
                          "\n");
    assert_int_equal(chart_histogram(&canvas, canvas_all(&canvas), values, 0), 0);
    canvas_release(&canvas);
}

static void a_gauge_never_hides_the_first_nor_the_last(void **state)
{
    static const struct {
        int64_t part, whole;
        const char *drawn;
        enum role role;
    } cases[] = {
        {0, 100, "──────────\n", ROLE_BAR_REST},     {1, 100, "━─────────\n", ROLE_BAR_FULL},
        {50, 100, "━━━━━─────\n", ROLE_BAR_FULL},    {92, 100, "━━━━━━━━━─\n", ROLE_LEVEL_WARN},
        {100, 100, "━━━━━━━━━━\n", ROLE_LEVEL_WARN}, {300, 100, "━━━━━━━━━━\n", ROLE_LEVEL_WARN},
        {-4, 100, "──────────\n", ROLE_BAR_REST},
    };
    struct canvas canvas;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(canvas_init(&canvas, 10, 1));
        chart_gauge(&canvas, canvas_all(&canvas), cases[i].part, cases[i].whole);
        assert_drawn(&canvas, cases[i].drawn);
        assert_int_equal(canvas_at(&canvas, 0, 0)->role, cases[i].role);
        canvas_release(&canvas);
    }
}

static void a_percentile_is_a_value_that_was_seen(void **state)
{
    static const int64_t sorted[] = {1, 2, 3, 40};

    (void)state;
    assert_int_equal(chart_percentile(sorted, 4, 0), 1);
    assert_int_equal(chart_percentile(sorted, 4, 50), 2);
    assert_int_equal(chart_percentile(sorted, 4, 75), 3);
    assert_int_equal(chart_percentile(sorted, 4, 99), 40);
    assert_int_equal(chart_percentile(sorted, 4, 100), 40);
    assert_int_equal(chart_percentile(sorted, 1, 1), 1);
    assert_int_equal(chart_percentile(sorted, 0, 50), -1);
}

static void marks_a_moment_in_a_plot(void **state)
{
    static const int64_t values[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    const struct plot plot = {values, 10, -1, format_short, 5};
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 18, 3));
    chart_plot(&canvas, canvas_all(&canvas), &plot);
    assert_string_equal(canvas_at(&canvas, 8 + 4, 1)->text, "┊");
    assert_string_equal(canvas_at(&canvas, 8 + 5, 1)->text, " ");
    canvas_release(&canvas);
}

static void writes_sizes_as_people_read_them(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {{-1, "—"},
                 {0, "0 B"},
                 {1023, "1023 B"},
                 {1024, "1.0 kB"},
                 {1536, "1.5 kB"},
                 {1048575, "1023 kB"},
                 {1048576, "1.0 MB"},
                 {INT64_C(1400000000000), "1.2 TB"},
                 {INT64_MAX, "8191 PB"}};
    char text[FORMAT_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(format_bytes(cases[i].bytes, text), cases[i].text);
}

static void draw_all(struct canvas *canvas, struct rect area)
{
    static const int64_t values[] = {1 * MS, 2 * MS, 900 * MS};
    const struct plot plot = {values, 3, 50 * MS, format_short, 2};

    timeline_draw(canvas, area, steps, 3, 10 * MS);
    chart_histogram(canvas, area, values, 3);
    chart_gauge(canvas, area, 3, 4);
    chart_times(canvas, area, 0, 60000 * MS);
    chart_plot(canvas, area, &plot);
}

/* Nothing may be drawn outside of the area that was given, whatever its size. */
static void stays_in_its_area_at_every_size(void **state)
{
    struct canvas canvas;

    (void)state;
    for (int size = 0; size < 62 * 11; size++) {
        struct rect area = {3, 2, size % 62 - 1, size / 62 - 1};
        assert_true(canvas_init(&canvas, 70, 14));
        canvas_fill(&canvas, canvas_all(&canvas), ROLE_TEXT, "x");
        canvas_fill(&canvas, area, ROLE_TEXT, " ");
        draw_all(&canvas, area);
        for (int at = 0; at < 70 * 14; at++) {
            int x = at % 70, y = at / 70;
            if (x < 3 || y < 2 || x >= 3 + area.w || y >= 2 + area.h)
                assert_string_equal(canvas_at(&canvas, x, y)->text, "x");
        }
        canvas_release(&canvas);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(puts_steps_on_one_axis),
        cmocka_unit_test(a_step_over_its_budget_is_critical),
        cmocka_unit_test(bars_leave_before_figures),
        cmocka_unit_test(counts_durations_by_class),
        cmocka_unit_test(a_gauge_never_hides_the_first_nor_the_last),
        cmocka_unit_test(a_percentile_is_a_value_that_was_seen),
        cmocka_unit_test(marks_a_moment_in_a_plot),
        cmocka_unit_test(writes_sizes_as_people_read_them),
        cmocka_unit_test(stays_in_its_area_at_every_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
