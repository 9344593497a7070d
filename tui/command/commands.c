/* The table of commands: their order here is the order of the help. */
#include "cli/cli.h"
#include "command/table.h"

const struct command *const commands[] = {
    &command_init,
    &command_version,
    &command_completion,
    &command_help,
    NULL,
};
