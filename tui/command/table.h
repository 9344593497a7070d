/* Every command's entry, each defined in the file of its name. */
#pragma once

#include "cli/cli.h"

extern const struct command command_help, command_completion, command_version;
