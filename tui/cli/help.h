/* Texts made from the tables of commands and options: help, manual page, reference, shell completion. */
#pragma once

#include <stdio.h>

#include "cli/cli.h"

/* All commands, with the common options and the exit codes. */
void help_program(FILE *out, int width);
/* One command. */
void help_command(FILE *out, const struct command *command, int width);
/* The keys of the configuration, their variables and options. */
void help_configuration(FILE *out, int width);
/* The commands whose names begin with `group` and a blank ("store"). */
void help_group(FILE *out, const char *group, int width);
/* The manual page in man(7) macros. */
void help_manual(FILE *out);
/* The reference in Markdown. */
void help_markdown(FILE *out);
/* A completion script; false when there is none for this shell. */
bool help_completion(FILE *out, const char *shell);
/* The words before the first option, as in "tenantmv store add NAME CONNINFO". */
void help_usage_line(FILE *out, const struct command *command);
#define HELP_TEXT_MAX 700
/* The sentence about an option, with its choices or its range. */
void help_option_text(const struct option_spec *spec, char *text, size_t size);
/* Columns of standard output, 80 when it is not a terminal; within 50 … 110. */
int help_width(void);
/* Prints the words of `text` in lines of `width` that begin at column `indent`; on the first line `at`
 * columns are taken already. An empty line in the text begins a paragraph. */
void help_wrap(FILE *out, const char *text, int at, int indent, int width);
