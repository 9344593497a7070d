#include "cli/cli.h"

#include <locale.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/help.h"
#include "cli/suggest.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "lib/text.h"

#define COMMANDS_MAX 64

static const char *const color_choices[] = {"auto", "always", "never", NULL};

#define FIELD(member) offsetof(struct common_arguments, member)
const struct option_spec common_options[] = {
    OPT_FLAG("help", 'h', FIELD(help), "show this help"),
    OPT_FLAG("json", 'j', FIELD(json), "print the result, or the error, as JSON"),
    OPT_TEXT("control", 0, FIELD(set.control), "CONNINFO", TMV_CONNINFO_MAX - 1, COMPLETE_NOTHING,
             "control database, as a libpq connection string without a password"),
    OPT_TEXT("config", 0, FIELD(config), "FILE", 1000, COMPLETE_FILE, "configuration file"),
    OPT_TEXT("operator", 0, FIELD(set.operator_name), "NAME", TMV_NAME_MAX - 1, COMPLETE_NOTHING,
             "who acts, for the audit"),
    OPT_CHOICE("color", 0, FIELD(set.color), "WHEN", color_choices, "when to use colours"),
    OPT_FLAG("no-color", 0, FIELD(no_color), "the same as --color never"),
    {0},
};

const char *const exit_codes[] = {
    "done",
    "failed: it was tried, or something broke",
    "usage: the command line or the configuration is wrong",
    "refused: a check or the state does not allow it, or what was named does not exist; nothing was changed",
    "unreachable: a database could not be reached",
    NULL,
};

/* ---- for the commands ---- */

static volatile sig_atomic_t interrupted;

static void note_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

void cli_catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = note_interrupt};

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

bool cli_interrupted(void)
{
    return interrupted != 0;
}

cJSON *cli_document(struct cli *cli)
{
    if (!cli->document)
        cli->document = cJSON_CreateObject();
    return cli->document;
}

void cli_stream(struct cli *cli, cJSON *document)
{
    AUTO_FREE char *text = cJSON_PrintUnformatted(document);

    if (text)
        puts(text);
    fflush(stdout);
    cJSON_Delete(document);
    cli->streaming = true;
}

void cli_actor(const struct cli *cli, struct tmv_actor *ret_actor)
{
    char host[100] = "";

    gethostname(host, sizeof host - 1);
    text_copy(ret_actor->name, sizeof ret_actor->name, cli->config.operator_name);
    snprintf(ret_actor->from, sizeof ret_actor->from, "%s pid %ld", *host ? host : "?", (long)getpid());
}

void cli_note(const struct cli *cli, const char *fmt, ...)
{
    char text[1200];
    va_list ap;

    if (cli->json)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fflush(stdout); /* in one file or pipe, what was printed before stands before */
    fprintf(stderr, "%s\n", text_sanitize(text));
}

/* ---- the end ---- */

static void print_error(const struct command *command, const struct tmv_error *err)
{
    fflush(stdout);
    fprintf(stderr, "tenantmv%s%s: %s", command ? " " : "", command ? command->name : "", err->message);
    if (err->sqlstate[0])
        fprintf(stderr, " [%s]", err->sqlstate);
    fputc('\n', stderr);
    if (err->detail[0])
        fprintf(stderr, "  detail: %s\n", err->detail);
    if (err->hint[0])
        fprintf(stderr, "  hint: %s\n", err->hint);
}

static void add_error(cJSON *document, const struct tmv_error *err)
{
    cJSON *object = cJSON_AddObjectToObject(document, "error");

    cJSON_AddStringToObject(object, "code", tmv_code_name(err->code));
    cJSON_AddNumberToObject(object, "exit_code", tmv_error_exit_code(err));
    cJSON_AddStringToObject(object, "message", err->message);
    if (err->sqlstate[0])
        cJSON_AddStringToObject(object, "sqlstate", err->sqlstate);
    if (err->detail[0])
        cJSON_AddStringToObject(object, "detail", err->detail);
    if (err->hint[0])
        cJSON_AddStringToObject(object, "hint", err->hint);
}

/* The exit code of a program whose output may not have been written. */
static int end_output(int code)
{
    int cause = outfile_flush_stdout();

    if (cause == 0)
        return code;
    fprintf(stderr, "tenantmv: cannot write the result: %s\n", strerror(cause));
    return code ? code : 1;
}

/* Says how it ended and gives the exit code. `err` NULL: well. */
static int finish(struct cli *cli, const struct tmv_error *err)
{
    int code = err ? tmv_error_exit_code(err) : cli->exit_code;

    if (cli->json && err)
        add_error(cli_document(cli), err);
    else if (err)
        print_error(cli->command, err);
    if (cli->json && (cli->document || !cli->streaming))
        cli_stream(cli, cli_document(cli));
    else
        cJSON_Delete(cli->document);
    if (cli->control)
        cli->close_control(cli->control);
    config_release(&cli->config);
    return end_output(code);
}

/* ---- the beginning ---- */

const struct command *command_find(int count, char *const *words, int *ret_words)
{
    for (const struct command *const *c = commands; *c; c++) {
        const char *name = (*c)->name;
        const char *blank = strchr(name, ' ');
        size_t first = blank ? (size_t)(blank - name) : strlen(name);

        if (count < 1 || strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
            continue;
        if (blank && (count < 2 || strcmp(words[1], blank + 1) != 0))
            continue;
        *ret_words = blank ? 2 : 1;
        return *c;
    }
    return NULL;
}

bool command_is_group(const char *word)
{
    size_t length = strlen(word);

    for (const struct command *const *c = commands; *c; c++)
        if (strncmp((*c)->name, word, length) == 0 && (*c)->name[length] == ' ')
            return true;
    return false;
}

bool command_unknown(int count, char *const *words, struct tmv_error *err)
{
    const char *names[COMMANDS_MAX + 1] = {NULL};
    char typed[128];
    size_t n = 0;
    bool group = command_is_group(words[0]);

    for (const struct command *const *c = commands; *c && n < COMMANDS_MAX; c++)
        names[n++] = (*c)->name;
    snprintf(typed, sizeof typed, "%s%s%s", words[0], group && count > 1 ? " " : "",
             group && count > 1 ? words[1] : "");
    if (group && count < 2) {
        err_set(err, TMV_ERR_USAGE, "%s: what to do is missing", words[0]);
        return err_hint(err, "see `tenantmv %s --help`", words[0]);
    }
    err_set(err, TMV_ERR_USAGE, "there is no command %s", ARGUMENT(typed));
    const char *meant = suggest(typed, names);
    if (meant)
        return err_hint(err, "did you mean `tenantmv %s`?", meant);
    return err_hint(err, group ? "see `tenantmv %s --help`" : "`tenantmv help` lists all commands", words[0]);
}

static bool has_word(int count, char *const *words, const char *long_form, const char *short_form)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], long_form) == 0 || strcmp(words[i], short_form) == 0)
            return true;
    return false;
}

static bool read_configuration(struct config *config, const struct common_arguments *common,
                               struct tmv_error *err)
{
    struct tmv_error why;
    struct passwd *user;

    if (!config_read_file(config, common->config, err) || !config_read_environment(config, err))
        return false;
    if (common->set.control && !tmv_conninfo_check(common->set.control, &why)) {
        err_set(err, TMV_ERR_USAGE, "--control: %s", why.message);
        return err_hint(err, "%s", why.hint);
    }
    if (common->set.control)
        config->control = common->set.control;
    if (common->set.operator_name)
        config->operator_name = common->set.operator_name;
    if (common->set.color)
        config->color = common->set.color;
    if (common->no_color)
        config->color = "never";
    if (!config->operator_name) {
        user = getpwuid(getuid());
        config->operator_name = user ? user->pw_name : "unknown";
    }
    return true;
}

static bool run_command(struct cli *cli, struct common_arguments *common, int count, char **words,
                        struct tmv_error *err)
{
    const struct command *command = cli->command;
    char name[80];
    AUTO_FREE void *arguments = calloc(1, command->arguments_size + 1);
    bool ok;

    if (!arguments)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (command->defaults)
        memcpy(arguments, command->defaults, command->arguments_size);
    snprintf(name, sizeof name, "tenantmv %s", command->name);
    const struct grammar grammar = {
        .command = name,
        .sets = {{command->options, arguments}, {common_options, common}},
        .operands = command->operands,
    };
    ok = grammar_parse(&grammar, count, words, err) && read_configuration(&cli->config, common, err);
    if (ok) {
        cli->json = common->json;
        cli->color = strcmp(cli->config.color, "always") == 0 ||
                     (strcmp(cli->config.color, "auto") == 0 && isatty(STDOUT_FILENO));
        ok = command->run(cli, arguments, err);
    }
    return ok;
}

/* Options that stand before the command; *at is the first word behind them. */
static bool leading_options(struct common_arguments *common, int argc, char **argv, int *at,
                            struct tmv_error *err)
{
    const struct grammar grammar = {.command = "tenantmv", .sets = {{NULL, NULL}, {common_options, common}}};

    while (*at < argc && argv[*at][0] == '-' && argv[*at][1]) {
        if (strcmp(argv[*at], "--version") == 0 || strcmp(argv[*at], "-V") == 0)
            return true;
        if (!grammar_take_option(&grammar, argc, argv, at, err))
            return false;
    }
    return true;
}

static int show_help(const struct command *command, int count, char *const *words)
{
    if (command)
        help_command(stdout, command, help_width());
    else if (count > 0 && command_is_group(words[0]))
        help_group(stdout, words[0], help_width());
    else
        help_program(stdout, help_width());
    return end_output(0);
}

/* The command that the words name. Without words it is the console, unless help is wanted. */
static const struct command *choose_command(int count, char *const *words, bool wants_help, int *ret_taken)
{
    static char console_word[] = "console", version_word[] = "version";
    char *const console[] = {console_word}, *const version[] = {version_word};
    const struct command *command;

    *ret_taken = 0;
    if (count == 0) {
        command = wants_help ? NULL : command_find(1, console, ret_taken);
        *ret_taken = 0;
    } else if (words[0][0] == '-') {
        command = command_find(1, version, ret_taken);
    } else {
        command = command_find(count, words, ret_taken);
    }
    return command;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {.terminal = isatty(STDERR_FILENO) != 0, .wide = !isatty(STDOUT_FILENO)};
    struct common_arguments common = {0};
    struct tmv_error err;
    int at = 1, taken = 0;
    bool wants_help = has_word(argc - 1, argv + 1, "--help", "-h");

    outfile_watch_stdout();
    setlocale(LC_CTYPE, ""); /* how text is written; numbers and words stay as they are everywhere */
    config_init(&cli.config);
    cli.json = has_word(argc - 1, argv + 1, "--json", "-j");
    if (!leading_options(&common, argc, argv, &at, &err))
        return finish(&cli, &err);

    int count = argc - at;
    char **words = argv + at;
    cli.command = choose_command(count, words, wants_help, &taken);
    if (!cli.command && count > 0 && !(wants_help && command_is_group(words[0])))
        return command_unknown(count, words, &err), finish(&cli, &err);
    if (!cli.command || (wants_help && !cli.command->run_raw))
        return show_help(cli.command, count, words);
    if (cli.command->run_raw)
        return end_output(cli.command->run_raw(count - taken, words + taken));
    return finish(&cli, run_command(&cli, &common, count - taken, words + taken, &err) ? NULL : &err);
}
