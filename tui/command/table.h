/* Every command's entry, each defined in the file of its name. */
#pragma once

#include "cli/cli.h"

extern const struct command command_abort, command_audit, command_completion, command_console,
    command_cutover, command_demo, command_export, command_finalize, command_help, command_init,
    command_limit, command_list, command_pause, command_preflight, command_rehearse, command_resume,
    command_routing, command_start, command_status, command_store_add, command_store_check,
    command_store_list, command_store_remove, command_theme_check, command_theme_list, command_theme_preview,
    command_verify, command_version, command_watch, command_withdraw, command_worker;
