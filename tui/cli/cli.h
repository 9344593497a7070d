/* What every subcommand gets: its parsed arguments, the configuration, a connection to the control database
 * when it asks for one, and a place for its result. One thread.
 *
 * A subcommand is one file in tui/command with one `struct command` (or one per action, as `store add`); the
 * table in tui/command/commands.c lists them. Standard output carries the result and nothing else; everything
 * said to the person (progress, notes, errors) goes to standard error.
 */
#pragma once

#include <cjson/cJSON.h>

#include "cli/config.h"
#include "cli/option.h"
#include "tenantmv/control.h"

struct cli;

/* What a command needs of the control database. */
enum command_access {
    ACCESS_NONE,  /* no connection */
    ACCESS_READ,  /* a read-only one */
    ACCESS_WRITE, /* one that may change things */
};

struct command {
    const char *name;        /* "start", or two words: "store add" */
    const char *summary;     /* one line, for the list of commands */
    const char *description; /* paragraphs for its help, separated by "\n\n"; NULL: the summary says it all */
    const struct option_spec *options;   /* NULL: none */
    const struct operand_spec *operands; /* NULL: none */
    size_t arguments_size;               /* of the struct that options and operands go to */
    const void *defaults;                /* such a struct to begin with; NULL: zeros */
    const char *examples;                /* lines of "command   what it does"; NULL: none */
    enum command_access access;
    /* The rest of the line as it is, for a command that parses its own words; then `run` is not used. The
     * returned number is the exit code. */
    int (*run_raw)(int argc, char **argv);
    /* Does it. The exit code follows from the error. */
    bool (*run)(struct cli *cli, const void *arguments, struct tmv_error *err);
};

/* All commands in the order of the help; ends with NULL. */
extern const struct command *const commands[];
/* The command whose name these words begin with; *ret_words is how many of them the name takes. NULL: none.
 */
const struct command *command_find(int count, char *const *words, int *ret_words);
/* Whether `word` is the first of two words of commands ("store"). */
bool command_is_group(const char *word);
/* A USAGE error about words that name no command, with what was meant; false. */
bool command_unknown(int count, char *const *words, struct tmv_error *err);

/* Options of every command. */
struct common_arguments {
    bool help;
    bool json;
    bool no_color;
    const char *config;
    struct config set; /* what options set directly: control, environment, operator_name, color */
};
extern const struct option_spec common_options[];

/* What the exit codes mean, in their order; ends with NULL. */
extern const char *const exit_codes[];

struct cli {
    const struct command *command;
    struct config config;
    bool json;                   /* results as JSON */
    bool color;                  /* colours on standard output */
    bool wide;                   /* standard output is no terminal: lines are not broken */
    bool terminal;               /* standard error is a terminal: bars and questions */
    struct tmv_control *control; /* owned; NULL until cli_control */
    void (*close_control)(struct tmv_control *control); /* set together with it */
    cJSON *document;                                    /* owned; the result in JSON mode, see cli_document */
    int exit_code;  /* of a command that ended well but has more to say than 0 */
    bool streaming; /* results were printed line by line already */
};

/* Runs the program; the result is its exit code. */
int cli_main(int argc, char **argv);

/* The connection string of the control database; USAGE when none is named anywhere. */
TMV_NODISCARD bool cli_conninfo(const struct cli *cli, const char **ret_conninfo, struct tmv_error *err);
/* The control database, opened once as the command's `access` says. */
TMV_NODISCARD bool cli_control(struct cli *cli, struct tmv_control **ret_control, struct tmv_error *err);
/* The JSON object that is printed at the end in JSON mode; an error is added to it as member "error". */
cJSON *cli_document(struct cli *cli);
/* Prints one JSON document as a line right now and frees it; for commands that stream. */
void cli_stream(struct cli *cli, cJSON *document);
/* Who acts, from the configuration and this process. */
void cli_actor(const struct cli *cli, struct tmv_actor *ret_actor);
/* Says something to the person on standard error, unless JSON was asked for. */
void cli_note(const struct cli *cli, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Whether the person pressed Ctrl-C, or the process was told to end, since cli_catch_interrupts. */
void cli_catch_interrupts(void);
bool cli_interrupted(void);
