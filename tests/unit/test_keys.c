#include "test.h"

#include <string.h>

#include "terminal/keys.h"

#define MS INT64_C(1000)

/* What came out of a row of bytes. */
struct heard {
    struct input inputs[64];
    int count;
};

static void feed_at(struct keys *keys, struct heard *heard, const char *bytes, size_t n, int64_t now_us)
{
    struct input input;

    for (size_t i = 0; i < n; i++)
        if (keys_feed(keys, (unsigned char)bytes[i], now_us, &input))
            heard->inputs[heard->count++] = input;
}

static void expire(struct keys *keys, struct heard *heard, int64_t now_us)
{
    struct input input;

    if (keys_expire(keys, now_us, &input))
        heard->inputs[heard->count++] = input;
}

static const struct {
    const char *bytes;
    enum input_kind kind;
} sequences[] = {
    {"\033[A", INPUT_UP},      {"\033OA", INPUT_UP},        {"\033[1;5A", INPUT_UP},
    {"\033[B", INPUT_DOWN},    {"\033OB", INPUT_DOWN},      {"\033[C", INPUT_RIGHT},
    {"\033OC", INPUT_RIGHT},   {"\033[D", INPUT_LEFT},      {"\033[H", INPUT_HOME},
    {"\033OH", INPUT_HOME},    {"\033[1~", INPUT_HOME},     {"\033[7~", INPUT_HOME},
    {"\033[F", INPUT_END},     {"\033OF", INPUT_END},       {"\033[4~", INPUT_END},
    {"\033[8~", INPUT_END},    {"\033[5~", INPUT_PAGE_UP},  {"\033[6~", INPUT_PAGE_DOWN},
    {"\033[3~", INPUT_DELETE}, {"\033OP", INPUT_F1},        {"\033[[A", INPUT_F1},
    {"\033[11~", INPUT_F1},    {"\033[Z", INPUT_BACKTAB},   {"\033OM", INPUT_ENTER},
    {"\033[15~", INPUT_OTHER}, {"\033[24;2~", INPUT_OTHER}, {"\033[1;2P", INPUT_OTHER},
};

#define SEQUENCES (sizeof sequences / sizeof *sequences)

static void knows_every_sequence_split_at_each_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEQUENCES; i++) {
        size_t n = strlen(sequences[i].bytes);
        for (size_t cut = 0; cut < n; cut++) {
            struct keys keys;
            struct heard heard = {.count = 0};
            keys_init(&keys, KEYS_ESCAPE_US);
            feed_at(&keys, &heard, sequences[i].bytes, cut, 0);
            expire(&keys, &heard, 20 * MS); /* a short pause in the middle */
            feed_at(&keys, &heard, sequences[i].bytes + cut, n - cut, 20 * MS);
            assert_int_equal(heard.count, 1);
            assert_int_equal(heard.inputs[0].kind, sequences[i].kind);
        }
    }
}

/* The Escape comes out as a key, because nobody can know; but the rest never becomes letters. */
static void swallows_the_tail_of_a_late_sequence(void **state)
{
    (void)state;
    for (size_t i = 0; i < SEQUENCES; i++) {
        struct keys keys;
        struct heard heard = {.count = 0};
        keys_init(&keys, KEYS_ESCAPE_US);
        feed_at(&keys, &heard, "\033", 1, 0);
        expire(&keys, &heard, 60 * MS);
        for (size_t k = 1; k < strlen(sequences[i].bytes); k++)
            feed_at(&keys, &heard, sequences[i].bytes + k, 1, (200 + 100 * (int64_t)k) * MS);
        assert_int_equal(heard.count, 1);
        assert_int_equal(heard.inputs[0].kind, INPUT_ESCAPE);
        feed_at(&keys, &heard, "p", 1, 2000 * MS);
        assert_int_equal(heard.inputs[1].kind, INPUT_TEXT);
    }
}

static void never_takes_a_reply_for_a_key(void **state)
{
    static const char *const replies[] = {
        "\033[?62;1;2;6;7;8;9c",             /* device attributes */
        "\033[>41;354;0c",                   /* secondary ones */
        "\033[12;40R",                       /* cursor position */
        "\033[?2026;2$y",                    /* mode report: ends in y */
        "\033[0n",                           /* status */
        "\033]11;rgb:1818/1818/1818\033\\",  /* background colour */
        "\033]10;rgb:ffff/ffff/ffff\007",    /* foreground colour */
        "\033P>|xterm(388)\033\\",           /* version */
        "\033P1+r544e=787465726d\033\\",     /* terminfo */
        "\033[8;24;80t",                     /* window size */
        "\033[I",                            /* focus */
        "\033_Gi=31;OK\033\\",               /* graphics */
        "\033]52;c;cHk=\007",                /* the clipboard */
        "\033]4;1;rgb:cdcd/0000/0000\033\\", /* a colour of the palette */
        "\033]Lpy\033\\",                    /* the title */
        "\033P1$r0;1m\033\\",                /* a setting */
        "\033P!|00000000\033\\",             /* third device attributes */
        "\033[4;2$y",                        /* mode report of an ANSI mode */
        "\033[?1u",                          /* how keys are reported */
        "\033^py\033\\",                     /* a private message */
        "\033Xpy\033\\",                     /* a string */
    };

    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        size_t n = strlen(replies[i]);
        for (size_t cut = 1; cut < n; cut++) {
            struct keys keys;
            struct heard heard = {.count = 0};
            keys_init(&keys, KEYS_ESCAPE_US);
            feed_at(&keys, &heard, replies[i], cut, 0);
            expire(&keys, &heard, 300 * MS); /* a slow line */
            feed_at(&keys, &heard, replies[i] + cut, n - cut, 300 * MS);
            for (int k = 0; k < heard.count; k++)
                assert_int_equal(heard.inputs[k].kind, INPUT_ESCAPE);
        }
    }
}

/* In every form that a terminal knows, with p, y and x among their bytes; and the letters right behind them.
 */
static void takes_no_report_of_the_mouse_for_a_key(void **state)
{
    static const char *const reports[] = {
        "\033[M pp",               /* a click in column 80, row 80 */
        "\033[M#\xc3\xa9\xc3\xa9", /* UTF-8: columns beyond 95 */
        "\033[Mayx",               /* the wheel */
        "\033[<0;80;24M",          /* as numbers, pressed */
        "\033[<0;80;24m",          /* and released */
        "\033[32;80;24M",          /* rxvt's numbers */
        "\033[tpp",                /* a text marked with it ended */
        "\033[Tpppppp",            /* at another place */
        "\033[<64;80;24M",         /* the wheel, as numbers */
        "\033[<35;1280;768M",      /* moved, in pixels */
        "\033[96;80;24M",          /* the wheel, in rxvt's numbers */
        "\033[M \xf0\xf9",         /* bytes, beyond column 200: not UTF-8 */
        "\033[M \xe8y",            /* the same, and a letter that would complete no character */
    };

    (void)state;
    for (size_t i = 0; i < sizeof reports / sizeof *reports; i++) {
        size_t n = strlen(reports[i]);
        for (size_t cut = 1; cut < n; cut++) {
            struct keys keys;
            struct heard heard = {.count = 0};
            keys_init(&keys, KEYS_ESCAPE_US);
            feed_at(&keys, &heard, reports[i], cut, 0);
            feed_at(&keys, &heard, reports[i] + cut, n - cut, 40 * MS); /* in two pieces */
            feed_at(&keys, &heard, "py", 2, 60 * MS);                   /* a rest that belongs to it */
            assert_int_equal(heard.count, 0);
            feed_at(&keys, &heard, "p", 1, 200 * MS); /* after some silence it is a key again */
            assert_int_equal(heard.count, 1);
        }
    }
}

static void a_report_that_is_cut_off_ends_at_the_next_control(void **state)
{
    struct keys keys;
    struct heard heard = {.count = 0};

    (void)state;
    keys_init(&keys, KEYS_ESCAPE_US);
    feed_at(&keys, &heard, "\033[M \033[A", 7, 0);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.inputs[0].kind, INPUT_UP);
}

static void marks_pasted_text_as_no_key(void **state)
{
    static const char paste[] = "\033[200~abort t1\ry\033[Ax\xc3\xbc\033[201~q";
    struct keys keys;
    struct heard heard = {.count = 0};

    (void)state;
    keys_init(&keys, KEYS_ESCAPE_US);
    feed_at(&keys, &heard, paste, sizeof paste - 1, 0);
    assert_int_equal(heard.count,
                     8 + 1 + 3 + 2); /* "abort t1", a blank for Enter, "yxü"; the arrow is left out */
    for (int i = 0; i < heard.count - 2; i++) {
        assert_int_equal(heard.inputs[i].kind, INPUT_TEXT);
        assert_true(heard.inputs[i].pasted);
    }
    assert_int_equal(heard.inputs[heard.count - 2].kind, INPUT_PASTE);
    assert_int_equal(heard.inputs[heard.count - 1].kind, INPUT_TEXT);
    assert_string_equal(heard.inputs[heard.count - 1].text, "q");
    assert_false(heard.inputs[heard.count - 1].pasted);
}

static void hears_a_lone_escape_after_the_delay(void **state)
{
    struct keys keys;
    struct heard heard = {.count = 0};

    (void)state;
    keys_init(&keys, KEYS_ESCAPE_US);
    assert_true(keys_deadline_us(&keys) == INT64_MAX);
    feed_at(&keys, &heard, "\033", 1, 0);
    assert_true(keys_deadline_us(&keys) == KEYS_ESCAPE_US);
    expire(&keys, &heard, KEYS_ESCAPE_US - 1);
    assert_int_equal(heard.count, 0);
    expire(&keys, &heard, KEYS_ESCAPE_US);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.inputs[0].kind, INPUT_ESCAPE);
}

static void takes_alt_with_a_letter_for_no_letter(void **state)
{
    struct keys keys;
    struct heard heard = {.count = 0};

    (void)state;
    keys_init(&keys, KEYS_ESCAPE_US);
    feed_at(&keys, &heard, "\033c", 2, 0);
    assert_int_equal(heard.count, 1);
    assert_int_equal(heard.inputs[0].kind, INPUT_OTHER);
}

static void reads_text_controls_and_utf8(void **state)
{
    static const char bytes[] = "a\xc3\xbc\xe6\x97\xa5\r\t\177\x03\x1a\xff\xc3(";
    static const struct {
        enum input_kind kind;
        const char *text;
    } expected[] = {
        {INPUT_TEXT, "a"},     {INPUT_TEXT, "ü"}, {INPUT_TEXT, "日"}, {INPUT_ENTER, ""}, {INPUT_TAB, ""},
        {INPUT_BACKSPACE, ""}, {INPUT_CTRL, "c"}, {INPUT_CTRL, "z"},  {INPUT_TEXT, "("},
    };
    struct keys keys;
    struct heard heard = {.count = 0};

    (void)state;
    keys_init(&keys, KEYS_ESCAPE_US);
    feed_at(&keys, &heard, bytes, sizeof bytes - 1, 0);
    assert_int_equal(heard.count, sizeof expected / sizeof *expected);
    for (int i = 0; i < heard.count; i++) {
        assert_int_equal(heard.inputs[i].kind, expected[i].kind);
        assert_string_equal(heard.inputs[i].text, expected[i].text);
    }
}

static void survives_any_bytes(void **state)
{
    unsigned seed = 1;
    struct keys keys;
    struct input input;

    (void)state;
    keys_init(&keys, KEYS_ESCAPE_US);
    for (int i = 0; i < 300000; i++) {
        seed = seed * 1103515245u + 12345u;
        if (keys_feed(&keys, (unsigned char)(seed >> 16 & (i % 3 ? 0xff : 0x1f)), i, &input))
            assert_true(strlen(input.text) < CELL_BYTES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_every_sequence_split_at_each_byte),
        cmocka_unit_test(swallows_the_tail_of_a_late_sequence),
        cmocka_unit_test(never_takes_a_reply_for_a_key),
        cmocka_unit_test(takes_no_report_of_the_mouse_for_a_key),
        cmocka_unit_test(a_report_that_is_cut_off_ends_at_the_next_control),
        cmocka_unit_test(marks_pasted_text_as_no_key),
        cmocka_unit_test(hears_a_lone_escape_after_the_delay),
        cmocka_unit_test(takes_alt_with_a_letter_for_no_letter),
        cmocka_unit_test(reads_text_controls_and_utf8),
        cmocka_unit_test(survives_any_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
