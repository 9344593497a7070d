/* The manual page, the Markdown reference and the completion scripts, from the same tables as the help. */
#include <ctype.h>
#include <string.h>

#include "cli/help.h"

/* ---- manual page ---- */

/* Text for man(7): a hyphen that is one, no accidental request at the start of a line. */
static void roff(FILE *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        bool line_start = c == text || c[-1] == '\n';

        if (line_start && (*c == '.' || *c == '\''))
            fputs("\\&", out);
        if (*c == '\\')
            fputs("\\e", out);
        else if (*c == '-')
            fputs("\\-", out);
        else if (*c == '\n' && c[1] == '\n')
            fputs("\n.PP", out);
        else
            fputc(*c, out);
    }
}

static void roff_options(FILE *out, const struct option_spec *specs)
{
    char text[HELP_TEXT_MAX];

    for (; specs && specs->name; specs++) {
        fputs(".TP\n", out);
        if (specs->letter)
            fprintf(out, "\\fB\\-%c\\fR, ", specs->letter);
        fputs("\\fB\\-\\-", out);
        roff(out, specs->name);
        fputs("\\fR", out);
        if (specs->argument)
            fprintf(out, " \\fI%s\\fR", specs->argument);
        fputc('\n', out);
        help_option_text(specs, text, sizeof text);
        roff(out, text);
        fputs(".\n", out);
    }
}

static void roff_command(FILE *out, const struct command *command)
{
    fputs(".SS ", out);
    roff(out, "tenantmv ");
    roff(out, command->name);
    for (const struct operand_spec *o = command->operands; o && o->name; o++)
        fprintf(out, o->optional ? " [%s]" : " %s", o->name);
    fputc('\n', out);
    roff(out, command->description ? command->description : command->summary);
    fputs(command->description ? "\n" : ".\n", out);
    for (const struct operand_spec *o = command->operands; o && o->name; o++) {
        fprintf(out, ".TP\n\\fI%s\\fR\n", o->name);
        roff(out, o->help);
        fputs(".\n", out);
    }
    roff_options(out, command->options);
    if (command->examples) {
        fputs(".PP\nExamples:\n.PP\n.nf\n", out);
        roff(out, command->examples);
        fputs(".fi\n", out);
    }
}

static void roff_files(FILE *out)
{
    fputs(".SH FILES AND ENVIRONMENT\n"
          "The configuration is a JSON object in \\fI$XDG_CONFIG_HOME/tenantmv/config.json\\fR, or in the "
          "file that\n"
          "\\fB\\-\\-config\\fR or \\fBTENANTMV_CONFIG\\fR names. A variable is stronger than the file, an "
          "option\n"
          "stronger than both. \\fBNO_COLOR\\fR is respected. Passwords come from libpq's own places only.\n",
          out);
    for (const struct config_key *key = config_keys; key->spec.name; key++) {
        fprintf(out, ".TP\n\\fB%s\\fR, \\fB%s\\fR\n", key->spec.name, key->variable);
        roff(out, key->spec.help);
        fputs(".\n", out);
    }
    fputs(".TP\n\\fBaliases\\fR\nnames of tenants: an object of names and UUIDs.\n", out);
}

void help_manual(FILE *out)
{
    fprintf(out, ".TH TENANTMV 1 \"\" \"tenantmv %s\" \"User Commands\"\n", TMV_VERSION);
    fputs(".SH NAME\ntenantmv \\- move tenants between PostgreSQL event stores without service interruption\n"
          ".SH SYNOPSIS\n\\fBtenantmv\\fR [\\fICOMMAND\\fR] [\\fIoptions\\fR]\n"
          ".SH DESCRIPTION\nMoves one tenant's events from one PostgreSQL event store to another while the "
          "tenant's\n"
          "writers keep writing. Without a command it opens the console.\n.PP\n"
          "Wherever a tenant is typed, its UUID, a unique beginning of it of at least 4 characters, or an "
          "alias from\n"
          "the configuration will do. A migration is named by its tenant, its id, or a unique beginning of "
          "its id.\n"
          ".SH COMMANDS\n",
          out);
    for (const struct command *const *c = commands; *c; c++)
        roff_command(out, *c);
    fputs(".SH COMMON OPTIONS\n", out);
    roff_options(out, common_options);
    fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; exit_codes[i]; i++)
        fprintf(out, ".TP\n%zu\n%s.\n", i, exit_codes[i]);
    roff_files(out);
    fputs(".SH SEE ALSO\npsql(1), pg_service.conf and .pgpass in the PostgreSQL documentation\n", out);
}

/* ---- Markdown ---- */

static void markdown_options(FILE *out, const struct option_spec *specs)
{
    char text[HELP_TEXT_MAX];

    if (!specs || !specs->name)
        return;
    fputs("\n| option | what |\n|---|---|\n", out);
    for (; specs->name; specs++) {
        fputs("| `", out);
        if (specs->letter)
            fprintf(out, "-%c, ", specs->letter);
        help_option_text(specs, text, sizeof text);
        fprintf(out, "--%s%s%s` | %s |\n", specs->name, specs->argument ? " " : "",
                specs->argument ? specs->argument : "", text);
    }
}

static void markdown_command(FILE *out, const struct command *command)
{
    fprintf(out, "\n## tenantmv %s\n\n```\n", command->name);
    help_usage_line(out, command);
    fprintf(out, "\n```\n%s%s\n", command->description ? command->description : command->summary,
            command->description ? "" : ".");
    if (command->operands && command->operands->name)
        fputs("\n| argument | what |\n|---|---|\n", out);
    for (const struct operand_spec *o = command->operands; o && o->name; o++)
        fprintf(out, "| `%s`%s | %s |\n", o->name, o->optional ? " (optional)" : "", o->help);
    markdown_options(out, command->options);
    if (command->examples)
        fprintf(out, "\n```\n%s```\n", command->examples);
}

void help_markdown(FILE *out)
{
    fputs("# Command line\n\nMade by `tenantmv help --markdown` from the tables that the program itself "
          "parses with.\n\n"
          "Every command takes the common options below. Standard output carries the result and nothing "
          "else.\n\n"
          "| exit code | meaning |\n|---|---|\n",
          out);
    for (size_t i = 0; exit_codes[i]; i++)
        fprintf(out, "| %zu | %s |\n", i, exit_codes[i]);
    fputs("\n## Common options\n", out);
    markdown_options(out, common_options);
    fputs(
        "\n## Configuration\n\nA JSON object in `$XDG_CONFIG_HOME/tenantmv/config.json`, or in the file that "
        "`--config` or `TENANTMV_CONFIG` names.\nA variable is stronger than the file, an option stronger "
        "than "
        "both.\n\n| key | variable | what |\n|---|---|---|\n",
        out);
    for (const struct config_key *key = config_keys; key->spec.name; key++)
        fprintf(out, "| `%s` | `%s` | %s |\n", key->spec.name, key->variable, key->spec.help);
    fputs("| `aliases` | | names of tenants: an object of names and UUIDs |\n", out);
    for (const struct command *const *c = commands; *c; c++)
        markdown_command(out, *c);
}

/* ---- completion ---- */

/* The option of `tenantmv completion` that prints the words of this kind; NULL: no words can be asked for. */
static const char *asked_words(enum complete_as kind)
{
    return kind == COMPLETE_TENANT ? "--aliases" : kind == COMPLETE_THEME ? "--themes" : NULL;
}

static void option_words(FILE *out, const struct option_spec *specs)
{
    for (; specs && specs->name; specs++)
        fprintf(out, "--%s ", specs->name);
}

static bool is_first_of_its_word(const struct command *const *at)
{
    size_t length = strcspn((*at)->name, " ");

    for (const struct command *const *c = commands; c < at; c++)
        if (strncmp((*c)->name, (*at)->name, length) == 0 && strcspn((*c)->name, " ") == length)
            return false;
    return true;
}

static void first_words(FILE *out)
{
    for (const struct command *const *c = commands; *c; c++)
        if (is_first_of_its_word(c))
            fprintf(out, "%.*s ", (int)strcspn((*c)->name, " "), (*c)->name);
}

/* A case of `previous word` for each option with an argument. */
static void bash_arguments(FILE *out, const struct option_spec *specs)
{
    for (; specs && specs->name; specs++) {
        if (!specs->argument)
            continue;
        fprintf(out, "        --%s)", specs->name);
        if (specs->choices) {
            fputs(" COMPREPLY=($(compgen -W \"", out);
            for (size_t i = 0; specs->choices[i]; i++)
                fprintf(out, "%s ", specs->choices[i]);
            fputs("\" -- \"$word\"))", out);
        } else if (specs->completes == COMPLETE_FILE) {
            fputs(" COMPREPLY=($(compgen -f -- \"$word\"))", out);
        } else if (asked_words(specs->completes)) {
            fprintf(out,
                    " COMPREPLY=($(compgen -W \"$(tenantmv completion bash %s 2>/dev/null)\" -- \"$word\"))",
                    asked_words(specs->completes));
        }
        fputs(specs->choices || specs->completes != COMPLETE_NOTHING ? "; return ;;\n" : " return ;;\n", out);
    }
}

static void bash_operands(FILE *out, const struct command *command)
{
    for (const struct operand_spec *o = command->operands; o && o->name; o++) {
        for (size_t i = 0; o->choices && o->choices[i]; i++)
            fprintf(out, "%s ", o->choices[i]);
        if (asked_words(o->completes))
            fprintf(out, "$(tenantmv completion bash %s 2>/dev/null) ", asked_words(o->completes));
        if (o->completes == COMPLETE_COMMAND)
            first_words(out);
    }
}

static void complete_bash(FILE *out)
{
    fputs("# completion of tenantmv for bash\n"
          "_tenantmv() {\n"
          "    local word=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
          "    local command=\"${COMP_WORDS[1]}\" words\n"
          "    case \"$command\" in\n",
          out);
    for (const struct command *const *c = commands; *c; c++)
        if (strchr((*c)->name, ' ') && is_first_of_its_word(c))
            fprintf(out, "    %.*s) command=\"$command ${COMP_WORDS[2]}\" ;;\n",
                    (int)strcspn((*c)->name, " "), (*c)->name);
    fputs("    esac\n    case \"$command\" in\n", out);
    for (const struct command *const *c = commands; *c; c++) {
        fprintf(out, "    \"%s\")\n        case \"$previous\" in\n", (*c)->name);
        bash_arguments(out, (*c)->options);
        bash_arguments(out, common_options);
        fputs("        esac\n        words=\"", out);
        option_words(out, (*c)->options);
        option_words(out, common_options);
        bash_operands(out, *c);
        fputs("\" ;;\n", out);
    }
    for (const struct command *const *c = commands; *c; c++) {
        if (!strchr((*c)->name, ' ') || !is_first_of_its_word(c))
            continue;
        int length = (int)strcspn((*c)->name, " ");
        fprintf(out, "    \"%.*s \"*) words=\"", length, (*c)->name);
        for (const struct command *const *d = c; *d; d++)
            if (strncmp((*d)->name, (*c)->name, (size_t)length + 1) == 0)
                fprintf(out, "%s ", (*d)->name + length + 1);
        fputs("\" ;;\n", out);
    }
    fputs("    *) words=\"", out);
    first_words(out);
    option_words(out, common_options);
    fputs("\" ;;\n    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n}\ncomplete -F _tenantmv "
          "tenantmv\n",
          out);
}

/* zsh runs the bash function through its own emulation, so both know exactly the same. */
static void complete_zsh(FILE *out)
{
    fputs("#compdef tenantmv\nautoload -Uz bashcompinit && bashcompinit\n", out);
    complete_bash(out);
    fputs("_bash_complete -o bashdefault -F _tenantmv\n", out);
}

static void quote_fish(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void fish_options(FILE *out, const char *condition, const struct option_spec *specs)
{
    for (; specs && specs->name; specs++) {
        fprintf(out, "complete -c tenantmv -f -l %s", specs->name);
        if (*condition)
            fprintf(out, " -n \"%s\"", condition);
        if (specs->letter)
            fprintf(out, " -s %c", specs->letter);
        if (specs->argument)
            fputs(specs->completes == COMPLETE_FILE ? " -r -F" : " -x", out);
        if (specs->choices) {
            fputs(" -a '", out);
            for (size_t i = 0; specs->choices[i]; i++)
                fprintf(out, "%s ", specs->choices[i]);
            fputs("'", out);
        } else if (asked_words(specs->completes)) {
            fprintf(out, " -a '(tenantmv completion fish %s 2>/dev/null)'", asked_words(specs->completes));
        }
        fputs(" -d ", out);
        quote_fish(out, specs->help);
        fputc('\n', out);
    }
}

static void fish_command(FILE *out, const struct command *command)
{
    int length = (int)strcspn(command->name, " ");
    const char *action = command->name[length] ? command->name + length + 1 : NULL;
    char condition[200];

    fprintf(out, "complete -c tenantmv -f -n __fish_use_subcommand -a %.*s", length, command->name);
    if (!action) {
        fputs(" -d ", out);
        quote_fish(out, command->summary);
        snprintf(condition, sizeof condition, "__fish_seen_subcommand_from %s", command->name);
    } else {
        fprintf(out, "\ncomplete -c tenantmv -f -n \"__fish_seen_subcommand_from %.*s\" -a %s -d ", length,
                command->name, action);
        quote_fish(out, command->summary);
        snprintf(condition, sizeof condition,
                 "__fish_seen_subcommand_from %.*s; and __fish_seen_subcommand_from %s", length,
                 command->name, action);
    }
    fputc('\n', out);
    fish_options(out, condition, command->options);
    for (const struct operand_spec *o = command->operands; o && o->name; o++) {
        if (asked_words(o->completes))
            fprintf(out, "complete -c tenantmv -f -n \"%s\" -a '(tenantmv completion fish %s 2>/dev/null)'\n",
                    condition, asked_words(o->completes));
        for (size_t i = 0; o->choices && o->choices[i]; i++)
            fprintf(out, "complete -c tenantmv -f -n \"%s\" -a %s\n", condition, o->choices[i]);
    }
}

bool help_completion(FILE *out, const char *shell)
{
    if (strcmp(shell, "bash") == 0) {
        complete_bash(out);
    } else if (strcmp(shell, "zsh") == 0) {
        complete_zsh(out);
    } else if (strcmp(shell, "fish") == 0) {
        fputs("# completion of tenantmv for fish\n", out);
        fish_options(out, "", common_options);
        for (const struct command *const *c = commands; *c; c++)
            fish_command(out, *c);
    } else {
        return false;
    }
    return true;
}
