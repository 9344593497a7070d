#include "cli/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/suggest.h"
#include "lib/err.h"
#include "lib/text.h"

#define NAMES_MAX 80

static const struct {
    const char *name;
    int64_t us;
} units[] = {{"h", 3600000000}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}};

static bool integer_parse(const char *text, int64_t *ret_value, const char **ret_end)
{
    char *end = NULL;

    if (*text != '-' && (*text < '0' || *text > '9'))
        return false;
    errno = 0;
    *ret_value = strtoll(text, &end, 10);
    *ret_end = end;
    return errno == 0 && end > text;
}

bool duration_parse(const char *text, int64_t *ret_us)
{
    const char *end;
    int64_t number;
    int64_t unit_us = 0;

    if (!integer_parse(text, &number, &end) || number < 0)
        return false;
    if (number == 0 && *end == '\0') { /* the same in every unit */
        *ret_us = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].name) == 0)
            unit_us = units[i].us;
    return unit_us > 0 && !__builtin_mul_overflow(number, unit_us, ret_us);
}

const char *duration_format(int64_t us, char text[32])
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (us >= units[i].us && us % units[i].us == 0) {
            snprintf(text, 32, "%" PRId64 "%s", us / units[i].us, units[i].name);
            return text;
        }
    }
    snprintf(text, 32, "%" PRId64 "ms", us / 1000);
    return text;
}

static bool set_text(const struct option_spec *spec, const char **value, const char *what, const char *text,
                     struct tmv_error *err)
{
    size_t length = strlen(text);

    if ((int64_t)length < spec->lowest)
        return err_set(err, TMV_ERR_USAGE, "%s: %s must not be empty", what, spec->argument);
    if (spec->highest > 0 && (int64_t)length > spec->highest)
        return err_set(err, TMV_ERR_USAGE, "%s: %s is %zu bytes long; at most %" PRId64 " are allowed", what,
                       spec->argument, length, spec->highest);
    *value = text;
    return true;
}

static bool add_text(const struct option_spec *spec, struct option_texts *values, const char *what,
                     const char *text, struct tmv_error *err)
{
    if (values->count == OPTION_TEXTS_MAX)
        return err_set(err, TMV_ERR_USAGE, "%s can be given %d times at most", what, OPTION_TEXTS_MAX);
    return set_text(spec, &values->text[values->count++], what, text, err);
}

static bool set_choice(const char *const *choices, const char **value, const char *what, const char *text,
                       struct tmv_error *err)
{
    char all[300] = "";
    size_t used = 0;

    for (size_t i = 0; choices[i]; i++) {
        if (strcmp(choices[i], text) == 0) {
            *value = choices[i];
            return true;
        }
        int n = snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", choices[i]);
        used += n > 0 && (size_t)n < sizeof all - used ? (size_t)n : 0;
    }
    err_set(err, TMV_ERR_USAGE, "%s: %s is not one of %s", what, ARGUMENT(text), all);
    const char *meant = suggest(text, choices);
    return meant ? err_hint(err, "did you mean \"%s\"?", meant) : false;
}

static bool set_integer(const struct option_spec *spec, int64_t *value, const char *what, const char *text,
                        struct tmv_error *err)
{
    const char *end = "";
    int64_t number;

    if (!integer_parse(text, &number, &end) || *end)
        return err_set(err, TMV_ERR_USAGE, "%s: %s is not a whole number", what, ARGUMENT(text));
    if (number < spec->lowest || number > spec->highest)
        return err_set(err, TMV_ERR_USAGE, "%s: %s is out of range (%" PRId64 " … %" PRId64 ")", what, text,
                       spec->lowest, spec->highest);
    *value = number;
    return true;
}

/* A number alone is what somebody means in seconds and somebody else in milliseconds: it is not guessed. */
static bool no_duration(const char *what, const char *text, struct tmv_error *err)
{
    if (*text && !text[strspn(text, "0123456789")])
        err_set(err, TMV_ERR_USAGE, "%s: \"%s\" has no unit", what, text);
    else
        err_set(err, TMV_ERR_USAGE, "%s: %s is not a duration", what, ARGUMENT(text));
    return err_hint(err, "the units are ms, s, m and h: 500ms, 30s, 5m, 1h");
}

static bool set_duration(const struct option_spec *spec, int64_t *value, const char *what, const char *text,
                         struct tmv_error *err)
{
    char low[32], high[32];
    int64_t us;

    if (!duration_parse(text, &us))
        return no_duration(what, text, err);
    if (us < spec->lowest || us > spec->highest)
        return err_set(err, TMV_ERR_USAGE, "%s: %s is out of range (%s … %s)", what, text,
                       duration_format(spec->lowest, low), duration_format(spec->highest, high));
    *value = us;
    return true;
}

bool option_set_value(const struct option_spec *spec, void *values, const char *what, const char *text,
                      struct tmv_error *err)
{
    void *place = (char *)values + spec->offset;

    switch (spec->type) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return true;
    case OPTION_TEXT:
        return set_text(spec, place, what, text, err);
    case OPTION_TEXTS:
        return add_text(spec, place, what, text, err);
    case OPTION_CHOICE:
        return set_choice(spec->choices, place, what, text, err);
    case OPTION_INTEGER:
        return set_integer(spec, place, what, text, err);
    case OPTION_DURATION:
        return set_duration(spec, place, what, text, err);
    }
    return false;
}

/* ---- finding the row ---- */

struct found {
    const struct option_spec *spec;
    void *values;
};

static bool find_option(const struct grammar *grammar, const char *name, size_t length, char letter,
                        struct found *ret_found)
{
    for (size_t s = 0; s < 2; s++) {
        const struct option_set *set = &grammar->sets[s];

        for (const struct option_spec *spec = set->specs; spec && spec->name; spec++) {
            bool same = letter ? spec->letter == letter
                               : strlen(spec->name) == length && memcmp(spec->name, name, length) == 0;
            if (same) {
                *ret_found = (struct found){spec, set->values};
                return true;
            }
        }
    }
    return false;
}

static bool unknown_option(const struct grammar *grammar, const char *word, size_t length,
                           struct tmv_error *err)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    char typed[64];
    size_t count = 0;

    for (size_t s = 0; s < 2; s++)
        for (const struct option_spec *spec = grammar->sets[s].specs; spec && spec->name && count < NAMES_MAX;
             spec++)
            names[count++] = spec->name;
    snprintf(typed, sizeof typed, "%.*s", (int)length, word);
    err_set(err, TMV_ERR_USAGE, "unknown option %s", ARGUMENT(typed));
    const char *meant = length > 2 ? suggest(typed + 2, names) : NULL;
    if (meant)
        return err_hint(err, "did you mean \"--%s\"? `%s --help` lists all options", meant, grammar->command);
    return err_hint(err, "`%s --help` lists all options", grammar->command);
}

static bool missing_argument(const struct found *found, const char *word, struct tmv_error *err)
{
    err_set(err, TMV_ERR_USAGE, "%s: an argument %s is missing", word, found->spec->argument);
    return err_hint(err, "--%s %s: %s", found->spec->name, found->spec->argument, found->spec->help);
}

static bool take_long(const struct grammar *grammar, int count, char **words, int *at, struct tmv_error *err)
{
    const char *word = words[*at];
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    struct found found;
    char what[80];

    if (!find_option(grammar, word + 2, length - 2, 0, &found))
        return unknown_option(grammar, word, length, err);
    snprintf(what, sizeof what, "--%s", found.spec->name);
    if (found.spec->type == OPTION_FLAG && equals)
        return err_set(err, TMV_ERR_USAGE, "%s takes no argument", what);
    (*at)++;
    if (found.spec->type == OPTION_FLAG)
        return option_set_value(found.spec, found.values, what, NULL, err);
    if (equals)
        return option_set_value(found.spec, found.values, what, equals + 1, err);
    if (*at >= count)
        return missing_argument(&found, what, err);
    return option_set_value(found.spec, found.values, what, words[(*at)++], err);
}

/* One or more letters behind one dash; the last one may have its argument in the same word. */
static bool take_letters(const struct grammar *grammar, int count, char **words, int *at,
                         struct tmv_error *err)
{
    const char *letter = words[(*at)++] + 1;

    for (; *letter; letter++) {
        char what[3] = {'-', *letter, 0};
        struct found found;

        if (!find_option(grammar, "", 0, *letter, &found))
            return unknown_option(grammar, what, 2, err);
        if (found.spec->type == OPTION_FLAG) {
            if (!option_set_value(found.spec, found.values, what, NULL, err))
                return false;
            continue;
        }
        if (letter[1])
            return option_set_value(found.spec, found.values, what, letter + 1, err);
        if (*at >= count)
            return missing_argument(&found, what, err);
        return option_set_value(found.spec, found.values, what, words[(*at)++], err);
    }
    return true;
}

bool grammar_take_option(const struct grammar *grammar, int count, char **words, int *at,
                         struct tmv_error *err)
{
    if (words[*at][1] == '-')
        return take_long(grammar, count, words, at, err);
    return take_letters(grammar, count, words, at, err);
}

/* What an option has behind its "="; other words whole. */
static const char *option_argument(const char *word)
{
    const char *equals = strchr(word, '=');

    if (word[0] != '-')
        return word;
    return equals ? equals + 1 : "";
}

/* A connection string without quotes falls apart into words, and its password may be any of them. */
static bool unexpected(const struct grammar *grammar, char **words, int at, struct tmv_error *err)
{
    bool secret = false;

    for (int i = 0; i <= at; i++)
        secret |= text_may_be_secret(option_argument(words[i]));
    err_set(err, TMV_ERR_USAGE, "unexpected argument %s", ARGUMENT(secret ? "password" : words[at]));
    return err_hint(err, "see `%s --help`", grammar->command);
}

static bool take_operand(const struct grammar *grammar, size_t index, char **words, int at,
                         struct tmv_error *err)
{
    const char *word = words[at];
    const struct operand_spec *spec = grammar->operands;

    for (size_t i = 0; spec && spec->name && i < index; i++)
        spec++;
    if (!spec || !spec->name)
        return unexpected(grammar, words, at, err);
    const char **value = (const char **)(void *)((char *)grammar->sets[0].values + spec->offset);
    if (!*word)
        return err_set(err, TMV_ERR_USAGE, "%s must not be empty", spec->name);
    if (spec->choices)
        return set_choice(spec->choices, value, spec->name, word, err);
    *value = word;
    return true;
}

static bool check_operands(const struct grammar *grammar, size_t count, struct tmv_error *err)
{
    const struct operand_spec *spec = grammar->operands;

    for (size_t i = 0; spec && spec->name; i++, spec++) {
        if (i < count || spec->optional)
            continue;
        err_set(err, TMV_ERR_USAGE, "%s is missing (%s)", spec->name, spec->help);
        return err_hint(err, "see `%s --help`", grammar->command);
    }
    return true;
}

bool grammar_parse(const struct grammar *grammar, int count, char **words, struct tmv_error *err)
{
    size_t operands = 0;
    bool only_operands = false;

    for (int at = 0; at < count;) {
        const char *word = words[at];

        if (!only_operands && strcmp(word, "--") == 0) {
            only_operands = true;
            at++;
        } else if (!only_operands && word[0] == '-' && word[1]) {
            if (!grammar_take_option(grammar, count, words, &at, err))
                return false;
        } else {
            if (!take_operand(grammar, operands++, words, at, err))
                return false;
            at++;
        }
    }
    return check_operands(grammar, operands, err);
}
