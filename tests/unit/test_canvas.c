#include "test.h"

#include <stdio.h>
#include <string.h>

#include "widgets/ascii.h"
#include "widgets/canvas.h"
#include "widgets/plain.h"

/* One row of the canvas as text. */
static void row_text(const struct canvas *canvas, int y, char *text, size_t size)
{
    text[0] = '\0';
    for (int x = 0; x < canvas->cols; x++)
        strncat(text, canvas_at(canvas, x, y)->text, size - strlen(text) - 1);
}

static void assert_row(const struct canvas *canvas, int y, const char *expected)
{
    char text[400];

    row_text(canvas, y, text, sizeof text);
    assert_string_equal(text, expected);
}

static void measures_display_width(void **state)
{
    static const struct {
        const char *text;
        int width;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"grüß", 4},
        {"日本", 4},
        {"e\xcc\x81", 1},
        {"▶ COPY", 6},
        {"\xff\xfe", 2},
        {"a\x1b[31mb", 7},
        {"🚚", 2},
        {"\u1100\u1161\u11a8", 2}, /* a Hangul syllable of three letters: its vowel and end take no column */
        {"\u0d38\u0d4d", 1},       /* Malayalam, Khmer and Bengali marks */
        {"\u1780\u17d2", 1},
        {"\u0995\u09cd", 1},
        {"\u0e01\u0e47", 1},                   /* Thai, a mark above */
        {"\u0e01\u0e33", 2},                   /* and a vowel with a column of its own */
        {"\u0915\u093f", 2},                   /* Devanagari */
        {"a\u0301\u0323\u0308", 1},            /* three marks on one letter */
        {"1\ufe0f\u20e3", 1},                  /* a keycap */
        {"\U0001f1e9\U0001f1ea", 2},           /* a flag of two letters */
        {"\U0001f44d\U0001f3fd", 4},           /* a thumb and its skin, as terminals without it draw them */
        {"\U0001fae0", 2},                     /* a newer picture */
        {"\u09ac\u09be\u0982\u09b2\u09be", 5}, /* Bengali with vowels that have a column of their own */
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(text_width(cases[i].text), cases[i].width);
}

static void makes_hostile_text_harmless(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"a\033[31m", "a?[31m"},
        {"\xe2\x80\xae"
         "x",
         "?x"},
        {"\xe2\x80\x8b"
         "x",
         "?x"},
        {"\xc2\x9b"
         "1",
         "?1"},
        {"\xcc\x81"
         "a",
         "?a"},
        {"\xed\xa0\x80", "???"},
        {"\xc0\xaf", "??"},
        {"ok\x7f", "ok?"},
        {"\xf4\x90\x80\x80", "????"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct canvas canvas;
        char text[64];
        assert_true(canvas_init(&canvas, text_width(cases[i].shown), 1));
        canvas_text(&canvas, canvas_all(&canvas), 0, ROLE_TEXT, cases[i].text);
        row_text(&canvas, 0, text, sizeof text);
        assert_string_equal(text, cases[i].shown);
        canvas_release(&canvas);
    }
}

static void never_leaves_half_a_wide_character(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 5, 1));
    canvas_text(&canvas, canvas_all(&canvas), 0, ROLE_TEXT, "日本人"); /* the third does not fit whole */
    assert_row(&canvas, 0, "日本 ");
    canvas_text(&canvas, canvas_all(&canvas), 1, ROLE_TEXT, "x");
    assert_row(&canvas, 0, " x本 ");
    canvas_text(&canvas, canvas_all(&canvas), 2, ROLE_TEXT, "y");
    assert_row(&canvas, 0, " xy  ");
    canvas_release(&canvas);
}

static void clips_to_rectangle_and_canvas(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 6, 2));
    assert_int_equal(canvas_text(&canvas, (struct rect){1, 0, 3, 1}, 0, ROLE_TEXT, "abcdef"), 3);
    assert_row(&canvas, 0, " abc  ");
    canvas_text(&canvas, (struct rect){4, 1, 90, 1}, 0, ROLE_TEXT, "abcdef");
    assert_row(&canvas, 1, "    ab");
    canvas_text(&canvas, (struct rect){5, 0, 90, 1}, 0, ROLE_TEXT, "日"); /* half of it would be outside */
    assert_row(&canvas, 0, " abc  ");
    canvas_text(&canvas, (struct rect){0, 9, 6, 1}, 0, ROLE_TEXT, "x");
    canvas_text(&canvas, (struct rect){0, 0, 6, 0}, 0, ROLE_TEXT, "x");
    canvas_fill(&canvas, (struct rect){-5, -5, 100, 100}, ROLE_TEXT, "#");
    assert_row(&canvas, 0, "######");
    canvas_release(&canvas);
}

static void says_with_an_ellipsis_that_text_was_cut(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 5, 4));
    canvas_fit(&canvas, (struct rect){0, 0, 5, 1}, ROLE_TEXT, "abcde");
    canvas_fit(&canvas, (struct rect){0, 1, 5, 1}, ROLE_TEXT, "abcdef");
    canvas_fit(&canvas, (struct rect){0, 2, 4, 1}, ROLE_TEXT, "日本人");
    canvas_fit_right(&canvas, (struct rect){0, 3, 5, 1}, ROLE_TEXT, "42");
    assert_row(&canvas, 0, "abcde");
    assert_row(&canvas, 1, "abcd…");
    assert_row(&canvas, 2, "日…  ");
    assert_row(&canvas, 3, "   42");
    canvas_release(&canvas);
}

static void keeps_both_ends_of_a_line_apart(void **state)
{
    (void)state;
    for (int cols = 1; cols < 30; cols++) {
        struct canvas canvas;
        struct line line;
        bool right;
        char text[200];
        assert_true(canvas_init(&canvas, cols, 1));
        line = line_begin(&canvas, canvas_all(&canvas));
        right = line_try_right(&line, ROLE_TEXT, "RIGHT");
        line_put(&line, ROLE_TEXT, "left words");
        assert_false(line_try(&line, ROLE_TEXT, "this is much too long for what is left of it"));
        row_text(&canvas, 0, text, sizeof text);
        if (right)
            assert_string_equal(text + strlen(text) - 5, "RIGHT");
        assert_int_equal(right, cols >= 5);
        canvas_release(&canvas);
    }
}

static void wraps_at_spaces_and_cuts_the_last_row(void **state)
{
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, 7, 3));
    assert_int_equal(canvas_wrap(&canvas, canvas_all(&canvas), ROLE_TEXT, "one two three four"), 3);
    assert_row(&canvas, 0, "one two");
    assert_row(&canvas, 1, "three  ");
    assert_row(&canvas, 2, "four   ");
    canvas_clear(&canvas);
    assert_int_equal(
        canvas_wrap(&canvas, (struct rect){0, 0, 7, 2}, ROLE_TEXT, "abcdefghij and so on for ever"), 2);
    assert_row(&canvas, 0, "abcdefg");
    assert_row(&canvas, 1, "hij an…");
    canvas_release(&canvas);
}

static void writes_no_byte_above_tilde_in_ascii(void **state)
{
    static const char *const used[] = {"▶", "◆", "●", "‖", "✗", "✓", "·", "›",  "▌", "━",
                                       "─", "│", "┤", "└", "╭", "╮", "╯", "╰",  "═", "║",
                                       "╔", "╗", "╚", "╝", "…", "—", "→", "▁",  "▂", "▃",
                                       "▄", "▅", "▆", "▇", "┌", "┐", "┘", "日", "ü", "e\xcc\x81"};

    (void)state;
    for (size_t i = 0; i < sizeof used / sizeof *used; i++) {
        const char *ascii = ascii_for(used[i]);
        assert_int_equal(strlen(ascii), 1);
        assert_in_range(ascii[0], 0x20, 0x7e);
        if (i < sizeof used / sizeof *used - 3) /* everything that views draw has a shape of its own kind */
            assert_string_not_equal(ascii, "?");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(measures_display_width),
        cmocka_unit_test(makes_hostile_text_harmless),
        cmocka_unit_test(never_leaves_half_a_wide_character),
        cmocka_unit_test(clips_to_rectangle_and_canvas),
        cmocka_unit_test(says_with_an_ellipsis_that_text_was_cut),
        cmocka_unit_test(keeps_both_ends_of_a_line_apart),
        cmocka_unit_test(wraps_at_spaces_and_cuts_the_last_row),
        cmocka_unit_test(writes_no_byte_above_tilde_in_ascii),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
