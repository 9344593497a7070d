/* tenantmv help, tenantmv completion: texts made from the tables. */
#include "actions/actions.h"
#include "cli/help.h"

#include <string.h>

#include "cli/suggest.h"
#include "command/table.h"
#include "command/theme.h"
#include "lib/err.h"
#include "lib/text.h"

struct help_arguments {
    const char *topic, *action;
    bool man, markdown;
};

static const struct option_spec help_options[] = {
    OPT_FLAG("man", 0, offsetof(struct help_arguments, man), "print the whole manual page (man(7) source)"),
    OPT_FLAG("markdown", 0, offsetof(struct help_arguments, markdown),
             "print the whole reference as Markdown"),
    {0},
};
static const struct operand_spec help_operands[] = {
    {"COMMAND", offsetof(struct help_arguments, topic), true, NULL, COMPLETE_COMMAND,
     "a command, or \"config\""},
    {"ACTION", offsetof(struct help_arguments, action), true, NULL, COMPLETE_NOTHING,
     "the second word of a command"},
    {0},
};

static bool help_topic(const struct help_arguments *a, struct tmv_error *err)
{
    char topic[64], action[64];
    char *words[2] = {topic, action};
    int taken, count = a->action ? 2 : 1;

    text_copy(topic, sizeof topic, a->topic);
    text_copy(action, sizeof action, a->action ? a->action : "");
    const struct command *command = command_find(count, words, &taken);
    if (command && taken == count) {
        help_command(stdout, command, help_width());
        return true;
    }
    if (!a->action && strcmp(a->topic, "config") == 0) {
        help_configuration(stdout, help_width());
        return true;
    }
    if (!a->action && command_is_group(a->topic)) {
        help_group(stdout, a->topic, help_width());
        return true;
    }
    return command_unknown(count, words, err);
}

/* The verbs, and the keys of the console. */
static void print_reference(void)
{
    help_markdown(stdout);
    fputs("\n## Keys of the console\n\nMade from the console's own table of actions; `:` takes the same "
          "names.\n",
          stdout);
    action_markdown(stdout);
}

static bool run_help(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct help_arguments *a = arguments;

    if (cli->json)
        return err_set(err, TMV_ERR_USAGE, "help is text; there is no JSON of it");
    if (a->man)
        help_manual(stdout);
    else if (a->markdown)
        print_reference();
    else if (a->topic)
        return help_topic(a, err);
    else
        help_program(stdout, help_width());
    return true;
}

const struct command command_help = {
    .name = "help",
    .summary = "show help about a command, or about the configuration",
    .options = help_options,
    .operands = help_operands,
    .arguments_size = sizeof(struct help_arguments),
    .examples = "  tenantmv help start\n"
                "  tenantmv help config\n"
                "  tenantmv help --man | man -l -\n",
    .run = run_help,
};

struct completion_arguments {
    const char *shell;
    bool aliases, themes;
};

static const char *const shells[] = {"bash", "zsh", "fish", NULL};
static const struct option_spec completion_options[] = {
    OPT_FLAG("aliases", 0, offsetof(struct completion_arguments, aliases),
             "print the aliases of tenants instead, one a line; the scripts ask for them"),
    OPT_FLAG("themes", 0, offsetof(struct completion_arguments, themes),
             "print the names of the themes instead, one a line"),
    {0},
};
static const struct operand_spec completion_operands[] = {
    {"SHELL", offsetof(struct completion_arguments, shell), false, shells, COMPLETE_NOTHING,
     "bash, zsh or fish"},
    {0},
};

static bool run_completion(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct completion_arguments *a = arguments;

    if (cli->json)
        return err_set(err, TMV_ERR_USAGE, "a completion script is text; there is no JSON of it");
    if (a->aliases) {
        for (size_t i = 0; i < cli->config.alias_count; i++)
            puts(cli->config.aliases[i].name);
        return true;
    }
    if (a->themes) {
        theme_print_names();
        return true;
    }
    if (!help_completion(stdout, a->shell))
        return err_set(err, TMV_ERR_INTERNAL, "no completion for %s", a->shell);
    return true;
}

const struct command command_completion = {
    .name = "completion",
    .summary = "print a script that completes commands and options in a shell",
    .options = completion_options,
    .operands = completion_operands,
    .arguments_size = sizeof(struct completion_arguments),
    .examples = "  source <(tenantmv completion bash)\n"
                "  tenantmv completion zsh > \"${fpath[1]}/_tenantmv\"\n"
                "  tenantmv completion fish > ~/.config/fish/completions/tenantmv.fish\n",
    .run = run_completion,
};
