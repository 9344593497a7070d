/* What the commands with a screen share: the console's options from the configuration. */
#pragma once

#include "console/console.h"
#include "cli/cli.h"

/* Options of every command with a screen. */
struct screen_arguments {
    const char *theme, *script;
    bool ascii, plain, once, accessible;
};
#define SCREEN_OPTIONS(arguments)                                                                            \
    OPT_TEXT("theme", 0, offsetof(arguments, screen.theme), "THEME", 1000, COMPLETE_THEME,                   \
             "colour theme, by its name or file; otherwise as configured, or the built-in one"),             \
        OPT_FLAG("ascii", 0, offsetof(arguments, screen.ascii), "no characters beyond ASCII"),               \
        OPT_FLAG("a11y", 0, offsetof(arguments, screen.accessible),                                          \
                 "for screen readers: words for bars, the cursor on the selected row"),                      \
        OPT_FLAG("plain", 0, offsetof(arguments, screen.plain), "no screen: one line for each change"),      \
        OPT_TEXT("script", 0, offsetof(arguments, screen.script), "FILE", 1000, COMPLETE_FILE,               \
                 "keys to press and screens to save, instead of a terminal")

/* Fills the options; the result holds memory of its own until screen_release. */
TMV_NODISCARD bool screen_options(const struct cli *cli, const struct screen_arguments *arguments,
                                  struct console_options *ret_options, struct tmv_error *err);
void screen_release(struct console_options *options);
/* The badge's kind ("prod", "staging", "dev", "demo") of an environment's name: what it begins with. NULL:
 * none. */
const char *screen_environment_kind(const char *environment);
