#include "cli/help.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NARROWEST 50
#define WIDEST 110
#define COLUMN 28 /* where the explanations begin */

int help_width(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return 80;
    return size.ws_col < NARROWEST ? NARROWEST : size.ws_col > WIDEST ? WIDEST : size.ws_col;
}

/* Columns of a text, counting UTF-8 characters as one each. */
static int columns(const char *text, size_t length)
{
    int n = 0;

    for (size_t i = 0; i < length; i++)
        n += ((unsigned char)text[i] & 0xc0) != 0x80;
    return n;
}

void help_wrap(FILE *out, const char *text, int at, int indent, int width)
{
    for (;;) {
        size_t length = strcspn(text, " \n");
        int size = columns(text, length);

        if (at > indent && at + 1 + size > width) {
            fprintf(out, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', out);
            at++;
        }
        fprintf(out, "%.*s", (int)length, text);
        at += size;
        text += length;
        if (text[0] == '\n' && text[1] == '\n') {
            fprintf(out, "\n\n%*s", indent, "");
            at = indent;
        }
        text += strspn(text, " \n");
        if (!*text)
            break;
    }
    fputc('\n', out);
}

static void row(FILE *out, const char *left, const char *right, int width)
{
    int at = 2 + columns(left, strlen(left));

    fprintf(out, "  %s", left);
    if (at + 2 > COLUMN)
        fprintf(out, "\n%*s", COLUMN, "");
    else
        fprintf(out, "%*s", COLUMN - at, "");
    help_wrap(out, right, COLUMN, COLUMN, width);
}

void help_option_text(const struct option_spec *spec, char *text, size_t size)
{
    char low[32], high[32];
    size_t n = (size_t)snprintf(text, size, "%s", spec->help);

    if (spec->type == OPTION_CHOICE) {
        for (size_t i = 0; spec->choices[i] && n < size; i++)
            n += (size_t)snprintf(text + n, size - n, "%s %s", i ? "," : ":", spec->choices[i]);
    } else if (spec->type == OPTION_INTEGER && spec->highest == INT64_MAX) {
        snprintf(text + n, size - n, " (from %lld)", (long long)spec->lowest);
    } else if (spec->type == OPTION_INTEGER) {
        snprintf(text + n, size - n, " (%lld … %lld)", (long long)spec->lowest, (long long)spec->highest);
    } else if (spec->type == OPTION_DURATION) {
        snprintf(text + n, size - n, " (%s … %s)", duration_format(spec->lowest, low),
                 duration_format(spec->highest, high));
    }
}

static void option_row(FILE *out, const struct option_spec *spec, int width)
{
    char left[100];
    char right[HELP_TEXT_MAX];

    if (spec->letter)
        snprintf(left, sizeof left, "-%c, --%s", spec->letter, spec->name);
    else
        snprintf(left, sizeof left, "    --%s", spec->name);
    if (spec->argument)
        snprintf(left + strlen(left), sizeof left - strlen(left), " %s", spec->argument);
    help_option_text(spec, right, sizeof right);
    row(out, left, right, width);
}

static void option_rows(FILE *out, const char *title, const struct option_spec *specs, int width)
{
    if (!specs)
        return;
    fprintf(out, "\n%s\n", title);
    for (; specs->name; specs++)
        option_row(out, specs, width);
}

static void exit_code_rows(FILE *out, int width)
{
    fputs("\nExit codes\n", out);
    for (size_t i = 0; exit_codes[i]; i++) {
        char number[8];

        snprintf(number, sizeof number, "%zu", i);
        row(out, number, exit_codes[i], width);
    }
}

void help_usage_line(FILE *out, const struct command *command)
{
    fprintf(out, "tenantmv %s", command->name);
    for (const struct operand_spec *o = command->operands; o && o->name; o++)
        fprintf(out, o->optional ? " [%s]" : " %s", o->name);
    fputs(" [options]", out);
}

static void operand_rows(FILE *out, const struct command *command, int width)
{
    if (!command->operands || !command->operands->name)
        return;
    fputs("\nArguments\n", out);
    for (const struct operand_spec *o = command->operands; o->name; o++)
        row(out, o->name, o->help, width);
}

void help_command(FILE *out, const struct command *command, int width)
{
    fputs("Usage: ", out);
    help_usage_line(out, command);
    fputs("\n\n", out);
    help_wrap(out, command->description ? command->description : command->summary, 0, 0, width);
    operand_rows(out, command, width);
    option_rows(out, "Options", command->options, width);
    option_rows(out, "Common options", common_options, width);
    if (command->examples)
        fprintf(out, "\nExamples\n%s", command->examples);
    exit_code_rows(out, width);
}

static void command_rows(FILE *out, const char *group, int width)
{
    size_t length = group ? strlen(group) : 0;

    for (const struct command *const *c = commands; *c; c++) {
        if (group && (strncmp((*c)->name, group, length) != 0 || (*c)->name[length] != ' '))
            continue;
        row(out, (*c)->name, (*c)->summary, width);
    }
}

void help_group(FILE *out, const char *group, int width)
{
    fprintf(out, "Usage: tenantmv %s ACTION [options]\n\nActions\n", group);
    command_rows(out, group, width);
    fprintf(out, "\n`tenantmv %s ACTION --help` says more about each.\n", group);
    exit_code_rows(out, width);
}

void help_program(FILE *out, int width)
{
    fputs("Usage: tenantmv [COMMAND] [options]\n\n", out);
    help_wrap(
        out,
        "Moves tenants between PostgreSQL event stores while their writers keep writing. Without a command "
        "it opens "
        "the console.",
        0, 0, width);
    fputs("\nCommands\n", out);
    command_rows(out, NULL, width);
    option_rows(out, "Common options", common_options, width);
    exit_code_rows(out, width);
    fputs("\n`tenantmv help COMMAND` says more about a command, `tenantmv help config` about the "
          "configuration.\n",
          out);
}

void help_configuration(FILE *out, int width)
{
    help_wrap(
        out,
        "The configuration is a JSON object in $XDG_CONFIG_HOME/tenantmv/config.json (~/.config otherwise), "
        "or in the "
        "file that --config or TENANTMV_CONFIG names. An environment variable is stronger than the file, "
        "and an "
        "option is stronger than both. Unknown keys, wrong types and passwords are errors.\n\n"
        "Wherever a tenant is typed, its UUID, a unique beginning of it of at least 4 characters, or an "
        "alias will "
        "do. A migration is named by its tenant, its id, or a unique beginning of its id.",
        0, 0, width);
    fputs("\nKeys\n", out);
    for (const struct config_key *key = config_keys; key->spec.name; key++) {
        char text[400];

        snprintf(text, sizeof text, "%s [%s]", key->spec.help, key->variable);
        row(out, key->spec.name, text, width);
    }
    row(out, "aliases", "names of tenants: {\"acme\": \"2f1c0a9e-…\"}", width);
    fputs("\nExample\n"
          "  {\n"
          "    \"control\": \"host=db1 dbname=tenantmv user=operator\",\n"
          "    \"environment\": \"PROD\",\n"
          "    \"aliases\": {\"acme\": \"5d0c5a1e-6a52-4c0b-9f6a-0f4f6f1f2a3b\"}\n"
          "  }\n",
          out);
}
