/* The table of commands: their order here is the order of the help. */
#include "cli/cli.h"
#include "command/table.h"

// clang-format off
/* One row each. */
const struct command *const commands[] = {
    &command_console,
    &command_init,
    &command_store_add,
    &command_store_list,
    &command_store_check,
    &command_store_remove,
    &command_preflight,
    &command_start,
    &command_list,
    &command_status,
    &command_pause,
    &command_resume,
    &command_limit,
    &command_cutover,
    &command_rehearse,
    &command_abort,
    &command_withdraw,
    &command_finalize,
    &command_verify,
    &command_audit,
    &command_export,
    &command_routing,
    &command_worker,
    &command_watch,
    &command_theme_list,
    &command_theme_check,
    &command_theme_preview,
    &command_demo,
    &command_completion,
    &command_version,
    &command_help,
    NULL,
};
// clang-format on
