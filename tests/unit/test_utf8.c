/* Characters of UTF-8: widths, safety, case. */
#include "test.h"

#include <locale.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "lib/utf8.h"

static void knows_how_many_columns_a_character_takes(void **state)
{
    static const struct {
        const char *what;
        int32_t point;
        int columns;
    } cases[] = {
        {"letter", 'a', 1},
        {"letter with a mark", 0x00fc, 1},
        {"combining accent", 0x0301, 0},
        {"ideograph", 0x65e5, 2},
        {"picture", 0x1f69a, 2},
        {"picture of 2021", 0x1fae0, 2},
        {"picture of 2022", 0x1fae8, 2},
        {"skin", 0x1f3fd, 2},
        {"selector behind a picture", 0xfe0f, 0},
        {"Bengali letter", 0x0995, 1},
        {"Bengali vowel with a column of its own", 0x09be, 1},
        {"Bengali vowel below", 0x09c1, 0},
        {"Bengali virama", 0x09cd, 0},
        {"Tamil letter", 0x0b95, 1},
        {"Tamil vowel on both sides", 0x0bca, 1},
        {"Tamil vowel above", 0x0bc0, 0},
        {"Tamil pulli", 0x0bcd, 0},
        {"Malayalam virama", 0x0d4d, 0},
        {"Khmer coeng", 0x17d2, 0},
        {"Hangul syllable", 0xd55c, 2},
        {"Hangul leading letter", 0x1112, 2},
        {"Hangul vowel", 0x1161, 0},
        {"Hangul ending", 0x11ab, 0},
        {"old Hangul vowel", 0xd7b0, 0},
        {"old Hangul ending", 0xd7cb, 0},
        {"Arabic sign around a number", 0x0600, 1},
        {"line of a box", 0x2500, 1},
        {"block", 0x2588, 1},
        {"braille", 0x28ff, 1},
        {"private use, as fonts of symbols have it", 0xe0b0, 1},
        {"control", 0x1b, -1},
        {"second control", 0x9b, -1},
        {"right-to-left override", 0x202e, -1},
        {"isolate", 0x2066, -1},
        {"space of no width", 0x200b, -1},
        {"byte order mark", 0xfeff, -1},
        {"line separator", 0x2028, -1},
        {"soft hyphen", 0x00ad, -1},
        {"Hangul filler", 0x3164, -1},
        {"tag", 0xe0041, -1},
        {"not assigned", 0x0378, -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (utf8_columns(cases[i].point) != cases[i].columns)
            fail_msg("%s U+%04X: %d columns, not %d", cases[i].what, cases[i].point,
                     utf8_columns(cases[i].point), cases[i].columns);
}

static void reads_only_what_is_utf8(void **state)
{
    static const struct {
        const char *bytes;
        size_t length;
        int32_t point;
    } cases[] = {
        {"a", 1, 'a'},
        {"\xc3\xbc", 2, 0xfc},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\xab\xa8", 4, 0x1fae8},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\x80", 0, 0},
        {"\xc0\xaf", 0, 0},
        {"\xe0\x80\xaf", 0, 0},
        {"\xed\xa0\x80", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0},
        {"\xff", 0, 0},
        {"\xe2\x82", 0, 0}, /* cut */
        {"\xf0", 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int32_t point = 0;
        assert_int_equal(utf8_next(cases[i].bytes, &point), cases[i].length);
        if (cases[i].length > 0)
            assert_int_equal(point, cases[i].point);
    }
}

/* What was made safe shows nothing and hides nothing, whichever character it had. */
static void every_character_is_made_safe_once(void **state)
{
    (void)state;
    for (int32_t point = 1; point <= 0x10ffff; point++) {
        char text[8] = {0}, *at = text;
        int32_t left;
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        if (point < 0x80)
            *at++ = (char)point;
        else if (point < 0x800)
            *at++ = (char)(0xc0 | point >> 6);
        else if (point < 0x10000)
            *at++ = (char)(0xe0 | point >> 12);
        else
            *at++ = (char)(0xf0 | point >> 18);
        for (int bits = point < 0x80 ? 0 : point < 0x800 ? 6 : point < 0x10000 ? 12 : 18; bits > 0; bits -= 6)
            *at++ = (char)(0x80 | (point >> (bits - 6) & 0x3f));
        text_sanitize(text);
        assert_true(utf8_next(text, &left) == strlen(text));
        assert_false(utf8_is_unsafe(left));
        assert_true(left == point || left == '?' || left == ' ');
    }
}

static void compares_words_without_regard_to_case(void **state)
{
    (void)state;
    setlocale(LC_ALL, "tr_TR.UTF-8"); /* where it is installed: there i and I are two letters */
    assert_true(fold_equal("FILTER", "filter"));
    assert_true(fold_equal("", ""));
    assert_false(fold_equal("idle", "idler"));
    assert_false(fold_equal("idler", "idle"));
    assert_true(fold_equal("ÄRZTE", "ärzte"));
    assert_true(fold_equal("STRASSE", "straße"));
    assert_true(fold_equal("ΣΊΣΥΦΟΣ", "σίσυφος"));
    assert_true(fold_equal("ЖУРНАЛ", "журнал"));
    assert_false(fold_equal("\xff", "\xfe"));
    assert_true(fold_equal("\xff", "\xff"));
    assert_false(fold_equal("a\xc3", "a"));
    assert_true(fold_equal_n("lagging", 3, "LAG"));
    assert_false(fold_equal_n("lagging", 4, "LAG"));
    assert_false(fold_equal_n("la", 2, "LAG"));
    assert_true(fold_equal_n("\xc3\xbc", 1, "\xc3")); /* cut inside a character: bytes */
    assert_true(fold_starts("filters", "FILTER"));
    assert_true(fold_starts("any", ""));
    assert_false(fold_starts("filt", "filter"));
    setlocale(LC_ALL, "C");
}

static void finds_a_word_whatever_its_case(void **state)
{
    (void)state;
    assert_string_equal(fold_find("the IDLE one", "idle"), "IDLE one");
    assert_null(fold_find("the one", "idle"));
    assert_string_equal(fold_find("any", ""), "any");
    assert_string_equal(fold_find("", ""), "");
    assert_null(fold_find("", "x"));
    assert_string_equal(fold_find("Große STRASSE", "straße"), "STRASSE");
    assert_string_equal(fold_find("bei Ärzten", "ärzte"), "Ärzten");
    assert_string_equal(fold_find("\xff\xfeok", "OK"), "ok");
    assert_string_equal(fold_find("5 \u212a", "k"), "\u212a"); /* the sign of kelvin */
    assert_string_equal(fold_find("5 K", "\u212a"), "K");
    assert_null(fold_find("\xc3\xbc", "\xbc")); /* half a character is not found inside a whole one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_how_many_columns_a_character_takes),
        cmocka_unit_test(reads_only_what_is_utf8),
        cmocka_unit_test(every_character_is_made_safe_once),
        cmocka_unit_test(compares_words_without_regard_to_case),
        cmocka_unit_test(finds_a_word_whatever_its_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
