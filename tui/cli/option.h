/* Options and operands from declarative tables: parsing, help, error messages, completion and the manual page
 * are all made from them. A table row says where its value goes in the command's own struct of arguments, so
 * that a command reads plain fields. Pure functions; nothing is printed here.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tenantmv/error.h"

enum option_type {
    OPTION_FLAG,     /* bool */
    OPTION_TEXT,     /* const char *: `lowest` … `highest` bytes long */
    OPTION_TEXTS,    /* struct option_texts: the same, may be given several times */
    OPTION_CHOICE,   /* const char *: one of `choices` */
    OPTION_INTEGER,  /* int64_t within `lowest` … `highest` */
    OPTION_DURATION, /* int64_t microseconds within `lowest` … `highest`; typed as 500ms, 30s, 5m, 1h, or
                        seconds */
};

/* The values of an option that may be given several times, in the order of the words. */
#define OPTION_TEXTS_MAX 16
struct option_texts {
    const char *text[OPTION_TEXTS_MAX];
    size_t count;
};

/* What a shell may offer for an argument. */
enum complete_as { COMPLETE_NOTHING, COMPLETE_FILE, COMPLETE_TENANT, COMPLETE_COMMAND, COMPLETE_THEME };

struct option_spec {
    const char *name; /* long name without dashes; NULL ends a table */
    char letter;      /* one-letter form, or 0 */
    enum option_type type;
    size_t offset;              /* of the value in the struct of arguments */
    const char *argument;       /* word for the argument in help; NULL for flags */
    int64_t lowest, highest;    /* range, see the type */
    const char *const *choices; /* OPTION_CHOICE: NULL-terminated */
    enum complete_as completes;
    const char *help; /* one sentence, without a full stop */
};

/* Rows of a table by type. */
#define OPT_FLAG(name, letter, offset, help)                                                                 \
    {                                                                                                        \
        name, letter, OPTION_FLAG, offset, NULL, 0, 0, NULL, COMPLETE_NOTHING, help                          \
    }
#define OPT_TEXT(name, letter, offset, argument, longest, completes, help)                                   \
    {                                                                                                        \
        name, letter, OPTION_TEXT, offset, argument, 1, longest, NULL, completes, help                       \
    }
#define OPT_TEXTS(name, letter, offset, argument, longest, completes, help)                                  \
    {                                                                                                        \
        name, letter, OPTION_TEXTS, offset, argument, 1, longest, NULL, completes, help                      \
    }
#define OPT_CHOICE(name, letter, offset, argument, choices, help)                                            \
    {                                                                                                        \
        name, letter, OPTION_CHOICE, offset, argument, 0, 0, choices, COMPLETE_NOTHING, help                 \
    }
#define OPT_INTEGER(name, letter, offset, argument, lowest, highest, help)                                   \
    {                                                                                                        \
        name, letter, OPTION_INTEGER, offset, argument, lowest, highest, NULL, COMPLETE_NOTHING, help        \
    }
#define OPT_DURATION(name, letter, offset, argument, lowest_us, highest_us, help)                            \
    {                                                                                                        \
        name, letter, OPTION_DURATION, offset, argument, lowest_us, highest_us, NULL, COMPLETE_NOTHING, help \
    }

/* A word without a dash. Its value is a const char * in the struct of arguments. */
struct operand_spec {
    const char *name; /* "TENANT"; NULL ends a table */
    size_t offset;
    bool optional;
    const char *const *choices; /* NULL: anything */
    enum complete_as completes;
    const char *help;
};

/* A table and the struct that its values go to. */
struct option_set {
    const struct option_spec *specs; /* NULL: none */
    void *values;
};

/* What a line of words may contain. */
struct grammar {
    const char *command;                 /* "tenantmv start", for messages */
    struct option_set sets[2];           /* the command's own, the common ones */
    const struct operand_spec *operands; /* NULL: none; they go to the values of sets[0] */
};

/* Parses all words; options and operands may be mixed, `--` ends the options. USAGE errors name the word and
 * what was meant. Values point into `words`. */
TMV_NODISCARD bool grammar_parse(const struct grammar *grammar, int count, char **words,
                                 struct tmv_error *err);
/* Parses the one option at words[*at] and moves *at behind it. */
TMV_NODISCARD bool grammar_take_option(const struct grammar *grammar, int count, char **words, int *at,
                                       struct tmv_error *err);
/* Sets one value from text, checked as its row says; `what` names it in messages ("--limit",
 * "TENANTMV_THEME"). */
TMV_NODISCARD bool option_set_value(const struct option_spec *spec, void *values, const char *what,
                                    const char *text, struct tmv_error *err);
/* Microseconds of "500ms", "30s", "5m" or "1h"; only 0 needs no unit. */
bool duration_parse(const char *text, int64_t *ret_us);
/* Text of a duration in its largest whole unit; returns `text`. */
const char *duration_format(int64_t us, char text[32]);
