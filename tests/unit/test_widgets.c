#include "test.h"

#include <locale.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "widgets/chart.h"
#include "widgets/dialog.h"
#include "widgets/field.h"
#include "widgets/format.h"
#include "widgets/picker.h"
#include "widgets/plain.h"
#include "widgets/table.h"

/* The caller frees it. */
static char *text_of(const struct canvas *canvas)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    plain_write(canvas, false, out);
    fclose(out);
    return text;
}

static void assert_drawn(const struct canvas *canvas, const char *expected)
{
    char *text = text_of(canvas);

    assert_string_equal(text, expected);
    free(text);
}

static void gives_columns_up_in_order(void **state)
{
    static const struct column columns[] = {
        {"A", 5, 8, 0, false, false}, {"B", 4, 4, 2, false, false}, {"C", 6, 20, 1, true, false}};
    static const struct {
        int width, widths[3];
    } cases[] = {{40, {8, 4, 26}}, {17, {5, 4, 6}}, {16, {7, 0, 8}},
                 {12, {5, 0, 6}},  {11, {6, 4, 0}}, {3, {5, 0, 0}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int widths[TABLE_COLUMNS_MAX];
        table_layout(columns, 3, cases[i].width, widths);
        for (int k = 0; k < 3; k++)
            assert_int_equal(widths[k], cases[i].widths[k]);
    }
}

static void scrolls_only_as_far_as_needed(void **state)
{
    static const struct {
        int top, selected, rows, height, expected;
    } cases[] = {{0, 0, 10, 5, 0}, {0, 4, 10, 5, 0}, {0, 5, 10, 5, 1}, {5, 4, 10, 5, 4},
                 {9, 9, 10, 5, 5}, {3, -1, 2, 5, 0}, {3, 5, 10, 0, 0}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(table_scroll(cases[i].top, cases[i].selected, cases[i].rows, cases[i].height),
                         cases[i].expected);
}

static void draws_a_bar_of_exactly_its_percent(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 10, 5));
    chart_bar(&canvas, (struct rect){0, 0, 10, 1}, 0);
    chart_bar(&canvas, (struct rect){0, 1, 10, 1}, 99);
    chart_bar(&canvas, (struct rect){0, 2, 10, 1}, 100);
    chart_bar(&canvas, (struct rect){0, 3, 10, 1}, 700);
    chart_bar(&canvas, (struct rect){0, 4, 10, 1}, -3);
    assert_drawn(&canvas, "──────────\n━━━━━━━━━─\n━━━━━━━━━━\n━━━━━━━━━━\n──────────\n");
    canvas_release(&canvas);
}

static void shows_the_peak_of_each_bucket(void **state)
{
    static const int64_t values[] = {0, 0, 6, 0, -1, -1, 3, 2};
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 4, 2));
    chart_spark(&canvas, (struct rect){0, 0, 4, 1}, values, 8, 0);
    chart_spark(&canvas, (struct rect){0, 1, 4, 1}, values, 3, 12); /* few values stand at the right */
    assert_drawn(&canvas, "▁▇ ▄\n ▁▁▄\n");
    canvas_release(&canvas);
}

static const char *plain_label(int64_t value, char text[32])
{
    snprintf(text, 32, "%d", (int)value);
    return text;
}

static void plots_a_line_and_its_limit(void **state)
{
    static const int64_t values[] = {0, 0, 4, 4, 4, -1, 2, 2, 0, 0};
    const struct plot plot = {values, 10, 2, plain_label};
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 18, 5));
    chart_plot(&canvas, canvas_all(&canvas), &plot);
    assert_drawn(&canvas, "     5 ┤\n"
                          "       │  ╭──\n"
                          "     2 │··│···──╮·\n"
                          "       │  │     │\n"
                          "       └──╯     ╰─\n");
    canvas_release(&canvas);
}

static void says_in_words_what_it_cannot_draw(void **state)
{
    static const int64_t up[] = {1, 1, 2, 3, 8, 9}, even[] = {5, 5, 5, -1, 5, 5}, none[] = {-1, -1, -1};
    const struct plot plot = {up, 6, 2, plain_label};
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 44, 7));
    canvas.words = true;
    chart_bar(&canvas, (struct rect){0, 0, 10, 1}, 50);
    chart_spark(&canvas, (struct rect){0, 1, 6, 1}, up, 6, 1);
    chart_spark(&canvas, (struct rect){0, 2, 6, 1}, even, 6, 1);
    chart_spark(&canvas, (struct rect){0, 3, 6, 1}, none, 3, 1);
    chart_plot(&canvas, (struct rect){0, 4, 44, 3}, &plot);
    assert_drawn(&canvas, "\nup\neven\n\n last 9, largest 9, up, limit 2\n\n\n");
    canvas_release(&canvas);
}

static void edits_a_line(void **state)
{
    struct field field;

    (void)state;
    field_clear(&field);
    assert_true(field_add(&field, "a"));
    assert_true(field_add(&field, "ü"));
    assert_true(field_add(&field, "日"));
    assert_false(field_add(&field, "\033"));
    assert_false(field_add(&field, "\xe2\x80\xae"));
    field_backspace(&field);
    assert_string_equal(field.text, "aü");
    field_backspace(&field);
    assert_string_equal(field.text, "a");
    assert_true(field_add(&field, " ") && field_add(&field, "b") && field_add(&field, " "));
    field_erase_word(&field);
    assert_string_equal(field.text, "a ");
    for (int i = 0; i < 2 * FIELD_MAX; i++)
        (void)field_add(&field, "x");
    assert_int_equal(strlen(field.text), FIELD_MAX - 1);
}

static void shows_the_end_of_a_long_line(void **state)
{
    struct canvas canvas;
    struct field field;

    (void)state;
    field_clear(&field);
    for (const char *c = "abcdefgh"; *c != '\0'; c++)
        assert_true(field_add(&field, (char[]){*c, '\0'}));
    assert_true(canvas_init(&canvas, 5, 1));
    field_draw(&field, &canvas, canvas_all(&canvas), true);
    assert_drawn(&canvas, "efgh\n");
    assert_int_equal(canvas.cursor_x, 4);
    canvas_release(&canvas);
}

/* Draws a box of five rows, of which three are in sight. */
static void draw_box(int width, const char *foot, struct canvas *canvas)
{
    struct picker picker = {.top = 1, .cursor = 1};
    struct picker_look look = {"do", "", NULL, foot, "", false};
    struct picker_rows rows = {0};

    for (char name = 'a'; name <= 'e'; name++)
        picker_add(&rows, &(struct picker_row){.key = {name}, .role = ROLE_TEXT});
    assert_true(canvas_init(canvas, width, 6));
    picker_draw(&picker, &rows, &look, canvas, canvas_all(canvas));
    picker_release(&rows);
}

static void a_box_shows_whole_keys_and_always_the_one_that_closes_it(void **state)
{
    static const struct {
        int width;
        const char *foot, *shown;
    } cases[] = {
        {32, "j move   y copy   Esc closes", "│ j move   y copy   Esc closes │\n"},
        {31, "j move   y copy   Esc closes", "│ j move   Esc closes         │\n"},
        {22, "j move   y copy   Esc closes", "│ Esc closes         │\n"},
        {27, "Enter it   Esc no   : name", "│ Enter it   Esc no       │\n"},
        {20, "Enter it   Esc no   : name", "│ Esc no           │\n"},
    };
    struct canvas canvas;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text;
        draw_box(cases[i].width, cases[i].foot, &canvas);
        text = text_of(&canvas);
        assert_non_null(strstr(text, cases[i].shown));
        assert_non_null(strstr(text, " 2–4 of 5 ─┘\n"));
        free(text);
        canvas_release(&canvas);
    }
}

static void tells_a_dangerous_dialog_without_colour(void **state)
{
    struct canvas canvas;
    struct rect in;

    (void)state;
    assert_true(canvas_init(&canvas, 22, 5));
    in = dialog_frame(&canvas, canvas_all(&canvas), (struct rect){0, 0, 22, 5}, DIALOG_DANGER, "ABORT x", "");
    dialog_buttons(&canvas, in, (const struct button[]){{"No", true, true}, {"Go", false, false}}, 2);
    assert_drawn(&canvas, "╔═ ABORT x ══════════╗\n"
                          "║ [ No ]  ( Go )     ║\n"
                          "║                    ║\n"
                          "║                    ║\n"
                          "╚════════════════════╝\n");
    canvas_release(&canvas);
}

static void writes_numbers_as_people_read_them(void **state)
{
    static const struct {
        const char *(*format)(int64_t, char[FORMAT_MAX]);
        int64_t n;
        const char *text;
    } cases[] = {
        {format_duration, 400, "0.4 ms"},
        {format_duration, 12000, "12 ms"},
        {format_duration, 999999, "999 ms"},
        {format_duration, 3200000, "3.2 s"},
        {format_duration, 130000000, "2m10s"},
        {format_duration, 6727000000, "1h52m"},
        {format_duration, -1, "—"},
        {format_short, 300, "<1ms"},
        {format_short, 3000, "3ms"},
        {format_short, 41000000, "41s"},
        {format_elapsed, 6727000000, "1:52:07"},
        {format_elapsed, 2000000, "0:02"},
        {format_count, 840, "840"},
        {format_count, 1234, "1.2k"},
        {format_count, 98000, "98k"},
        {format_count, 3100000, "3.1M"},
        {format_grouped, 31204118, "31,204,118"},
        {format_grouped, 7, "7"},
        {format_grouped, 123456, "123,456"},
        {format_clock, 1795356151000000, "14:02:31Z"},
        {format_time, 1795356151000000, "2026-11-22T14:02:31Z"},
        {format_clock, 0, "—"},
        {format_time, 0, "—"},
        {format_clock, -1, "—"},
        {format_time, -1, "—"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FORMAT_MAX];
        assert_string_equal(cases[i].format(cases[i].n, text), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_columns_up_in_order),
        cmocka_unit_test(scrolls_only_as_far_as_needed),
        cmocka_unit_test(draws_a_bar_of_exactly_its_percent),
        cmocka_unit_test(shows_the_peak_of_each_bucket),
        cmocka_unit_test(plots_a_line_and_its_limit),
        cmocka_unit_test(says_in_words_what_it_cannot_draw),
        cmocka_unit_test(edits_a_line),
        cmocka_unit_test(shows_the_end_of_a_long_line),
        cmocka_unit_test(a_box_shows_whole_keys_and_always_the_one_that_closes_it),
        cmocka_unit_test(tells_a_dangerous_dialog_without_colour),
        cmocka_unit_test(writes_numbers_as_people_read_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
