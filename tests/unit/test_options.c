/* The parser of options, its messages, and what is made from the tables. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/help.h"
#include "cli/option.h"
#include "cli/suggest.h"

struct values {
    bool flag, other;
    const char *text, *choice, *first, *second;
    int64_t number, time_us;
};
static const char *const choices[] = {"red", "green", NULL};
static const struct option_spec specs[] = {
    {"flag", 'f', OPTION_FLAG, offsetof(struct values, flag), .help = "a flag"},
    {"other", 'o', OPTION_FLAG, offsetof(struct values, other), .help = "another"},
    {"text", 't', OPTION_TEXT, offsetof(struct values, text), "TEXT", 1, 5, .help = "a text"},
    {"choice", 0, OPTION_CHOICE, offsetof(struct values, choice), "COLOUR", .choices = choices,
     .help = "a colour"},
    {"number", 'n', OPTION_INTEGER, offsetof(struct values, number), "N", -1, 10, .help = "a number"},
    {"time", 0, OPTION_DURATION, offsetof(struct values, time_us), "TIME", 1000, 60000000, .help = "a time"},
    {0},
};
static const struct operand_spec operands[] = {
    {"FIRST", offsetof(struct values, first), .help = "the first"},
    {"SECOND", offsetof(struct values, second), .optional = true, .help = "the second"},
    {0},
};

/* Parses a line whose words are separated by blanks. */
static bool parse(const char *line, struct values *values, struct tmv_error *err)
{
    static char copy[300];
    char *words[20];
    int count = 0;

    *values = (struct values){0};
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    const struct grammar grammar = {"tenantmv try", {{specs, values}, {NULL, NULL}}, operands};
    return grammar_parse(&grammar, count, words, err);
}

static void mixes_options_and_operands(void **state)
{
    struct values v;
    struct tmv_error err;

    (void)state;
    assert_true(parse("-f a --text=abc b --number -1 --time 30s --choice green", &v, &err));
    assert_true(v.flag && !v.other);
    assert_string_equal(v.first, "a");
    assert_string_equal(v.second, "b");
    assert_string_equal(v.text, "abc");
    assert_string_equal(v.choice, "green");
    assert_int_equal(v.number, -1);
    assert_int_equal(v.time_us, 30000000);
}

static void takes_letters_together_and_with_their_argument(void **state)
{
    struct values v;
    struct tmv_error err;

    (void)state;
    assert_true(parse("a -fon7", &v, &err));
    assert_true(v.flag && v.other);
    assert_int_equal(v.number, 7);
    assert_true(parse("a -t abc", &v, &err));
    assert_string_equal(v.text, "abc");
}

static void takes_words_behind_two_dashes_as_operands(void **state)
{
    struct values v;
    struct tmv_error err;

    (void)state;
    assert_true(parse("-f -- --text -n", &v, &err));
    assert_string_equal(v.first, "--text");
    assert_string_equal(v.second, "-n");
}

static void names_every_mistake(void **state)
{
    static const struct {
        const char *line, *message, *hint;
    } cases[] = {
        {"a --numbre 3", "unknown option \"--numbre\"", "did you mean \"--number\"?"},
        {"a --numbre=3", "unknown option \"--numbre\"", "did you mean \"--number\"?"},
        {"a --zebra", "unknown option \"--zebra\"", "`tenantmv try --help`"},
        {"a -fz", "unknown option \"-z\"", "`tenantmv try --help`"},
        {"a --number", "--number: an argument N is missing", "--number N: a number"},
        {"a -n", "-n: an argument N is missing", "--number N: a number"},
        {"a --number 11", "--number: 11 is out of range (-1 … 10)", ""},
        {"a --number 1x", "--number: \"1x\" is not a whole number", ""},
        {"a --number 99999999999999999999", "is not a whole number", ""},
        {"a --text abcdef", "--text: TEXT is 6 bytes long; at most 5", ""},
        {"a --text=", "--text: TEXT must not be empty", ""},
        {"a --choice blue", "--choice: \"blue\" is not one of red, green", ""},
        {"a --choice gren", "--choice: \"gren\" is not one of red, green", "did you mean \"green\"?"},
        {"a --time soon", "--time: \"soon\" is not a duration", "500ms"},
        {"a --time 60", "--time: \"60\" has no unit", "the units are ms, s, m and h"},
        {"a --time=0060", "--time: \"0060\" has no unit", "500ms, 30s, 5m, 1h"},
        {"a --time 2m", "--time: 2m is out of range (1ms … 1m)", ""},
        {"a --flag=yes", "--flag takes no argument", ""},
        {"", "FIRST is missing (the first)", "tenantmv try --help"},
        {"a b c", "unexpected argument \"c\"", "tenantmv try --help"},
        {"a b password=geheim", "unexpected argument (not shown", "tenantmv try --help"},
        {"a --password=geheim", "unknown option (not shown", ""},
        {"password = geheim", "unexpected argument (not shown", ""},
        {"--other user:geheim@db1 b c", "unexpected argument (not shown", ""},
        {"-t a=b a b c", "unexpected argument (not shown", ""},
        {"a --choice a:geheim", "--choice: (not shown", ""},
        {"a --number a:geheim", "--number: (not shown", ""},
        {"a --time a:geheim", "--time: (not shown", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct values v;
        struct tmv_error err = {0};

        assert_false(parse(cases[i].line, &v, &err));
        assert_int_equal(err.code, TMV_ERR_USAGE);
        assert_non_null(strstr(err.message, cases[i].message));
        assert_null(strstr(err.message, "geheim"));
        assert_non_null(strstr(err.hint, cases[i].hint));
    }
}

static void reads_and_writes_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t us;
        const char *back;
    } cases[] = {{"500ms", 500000, "500ms"}, {"30s", 30000000, "30s"},    {"90s", 90000000, "90s"},
                 {"5m", 300000000, "5m"},    {"24h", 86400000000, "24h"}, {"0", 0, "0ms"},
                 {"60m", 3600000000, "1h"}};
    static const char *const wrong[] = {"",   "30", "1", "s", "-1s", "1d", "1 s", "1.5s", "9999999999999999h",
                                        " 1s"};
    char text[32];
    int64_t us;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(duration_parse(cases[i].text, &us));
        assert_int_equal(us, cases[i].us);
        assert_string_equal(duration_format(us, text), cases[i].back);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(duration_parse(wrong[i], &us));
}

static void suggests_only_what_is_near(void **state)
{
    static const char *const words[] = {"status", "start", "store add", "pause", NULL};

    (void)state;
    assert_int_equal(word_distance("stauts", "status"), 1);
    assert_int_equal(word_distance("", "abc"), 3);
    assert_int_equal(word_distance("kitten", "sitting"), 3);
    assert_string_equal(suggest("stauts", words), "status");
    assert_string_equal(suggest("paus", words), "pause");
    assert_string_equal(suggest("store ad", words), "store add");
    assert_null(suggest("zebra", words));
    assert_null(suggest("", words));
}

static void gives_every_command_a_help_that_names_its_options(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        char *text = NULL;
        size_t size = 0;
        char name[80];
        FILE *out = open_memstream(&text, &size);

        assert_non_null((*c)->summary);
        assert_true((*c)->run || (*c)->run_raw);
        help_command(out, *c, 80);
        fclose(out);
        for (const struct option_spec *o = (*c)->options; o && o->name; o++) {
            snprintf(name, sizeof name, "--%s", o->name);
            assert_non_null(strstr(text, name));
            assert_true((o->argument != NULL) == (o->type != OPTION_FLAG));
            assert_non_null(o->help);
        }
        free(text);
    }
}

/* Two options of one name or letter, the common ones included, would hide one another. */
static void has_no_two_options_of_one_name(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        for (const struct option_spec *a = (*c)->options; a && a->name; a++) {
            for (const struct option_spec *b = a + 1; b->name; b++)
                assert_true(strcmp(a->name, b->name) != 0 && (!a->letter || a->letter != b->letter));
            for (const struct option_spec *b = common_options; b->name; b++)
                assert_true(strcmp(a->name, b->name) != 0 && (!a->letter || a->letter != b->letter));
        }
    }
}

static void help_fits_the_width(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);

        help_command(out, *c, 80);
        fclose(out);
        /* Examples are lines to copy and stay whole. */
        char *examples = strstr(text, "\nExamples\n");
        if (examples)
            *examples = 0;
        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
            if (strncmp(line, "Usage", 5) != 0)
                assert_true(strlen(line) <= 80 + 4); /* bytes: a few characters are longer than one */
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mixes_options_and_operands),
        cmocka_unit_test(takes_letters_together_and_with_their_argument),
        cmocka_unit_test(takes_words_behind_two_dashes_as_operands),
        cmocka_unit_test(names_every_mistake),
        cmocka_unit_test(reads_and_writes_durations),
        cmocka_unit_test(suggests_only_what_is_near),
        cmocka_unit_test(gives_every_command_a_help_that_names_its_options),
        cmocka_unit_test(has_no_two_options_of_one_name),
        cmocka_unit_test(help_fits_the_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
