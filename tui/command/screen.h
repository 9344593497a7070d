/* What the commands with a screen share: the console's options from the configuration. */
#pragma once

#include "app/console.h"
#include "cli/cli.h"

/* Options of every command with a screen. */
struct screen_arguments {
    const char *theme, *script;
    bool ascii, plain, once;
};
#define SCREEN_OPTIONS(arguments)                                                                            \
    {"theme",       0,                                                                                       \
     OPTION_TEXT,   offsetof(arguments, screen.theme),                                                       \
     "FILE",        1,                                                                                       \
     1000,          NULL,                                                                                    \
     COMPLETE_FILE, "colour theme; otherwise as configured, or the built-in one"},                           \
        {"ascii", 0,    OPTION_FLAG,      offsetof(arguments, screen.ascii), NULL, 0,                        \
         0,       NULL, COMPLETE_NOTHING, "no characters beyond ASCII"},                                     \
        {"plain", 0,    OPTION_FLAG,      offsetof(arguments, screen.plain),    NULL, 0,                     \
         0,       NULL, COMPLETE_NOTHING, "no screen: one line for each change"},                            \
    {                                                                                                        \
        "script", 0, OPTION_TEXT, offsetof(arguments, screen.script), "FILE", 1, 1000, NULL, COMPLETE_FILE,  \
            "keys to press and screens to save, instead of a terminal"                                       \
    }

/* Fills the options; the result holds memory of its own until screen_release. */
TMV_NODISCARD bool screen_options(const struct cli *cli, const struct screen_arguments *arguments,
                                  struct console_options *ret_options, struct tmv_error *err);
void screen_release(struct console_options *options);
/* The badge's kind ("prod", "staging", "dev", "demo") of an environment's name: what it begins with. NULL:
 * none. */
const char *screen_environment_kind(const char *environment);
