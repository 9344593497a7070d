/* The terminal: the only part of the program that knows curses. Shows canvases, reads keys, and always leaves
 * the terminal as it found it.
 *
 * One terminal at a time, used by one thread. The terminal is asked nothing, so nothing it answers can look
 * like a key.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "terminal/keys.h"
#include "theme/theme.h"
#include "widgets/canvas.h"

struct terminal;

struct terminal_options {
    const struct theme *theme; /* borrowed until the terminal is closed */
    bool ascii;                /* no byte above 0x7e */
    bool no_color;             /* the mono tier */
    bool accessible;           /* the cursor stands on the selected row */
    int64_t header_us;         /* digits of the first line move at most so often when nothing else does */
};

/* Opens /dev/null on those of the descriptors 0 … 2 that are closed, so that no socket of ours becomes one of
 * them. */
void terminal_fill_standard_fds(void);
/* Opens the terminal on stdin and stdout. NULL with the reason in `why` when there is none, or one without
 * cursor addressing: then only plain lines are possible. A TERM that is not known is replaced by one that
 * nearly fits, and `why` says so. */
struct terminal *terminal_open(const struct terminal_options *options, char *why, size_t why_size);
/* Gives the terminal back. With `gone` it is no longer there: nothing is written. NULL is fine. */
void terminal_close(struct terminal *terminal, bool gone);

int terminal_fd(const struct terminal *terminal); /* to poll for input */
void terminal_size(const struct terminal *terminal, int *ret_cols, int *ret_rows);
/* The next input that is complete at `now_us`; false: none yet. */
bool terminal_read(struct terminal *terminal, int64_t now_us, struct input *ret_input);
/* When terminal_read has to be called again without new bytes; INT64_MAX: not at all. */
int64_t terminal_deadline_us(const struct terminal *terminal);
/* Bytes wait to be read; after a poll that said so, none means that the terminal is gone. */
bool terminal_has_input(const struct terminal *terminal);
/* Shows the canvas: writes what changed. May block for as long as the terminal does not read. */
void terminal_draw(struct terminal *terminal, const struct canvas *canvas, int64_t now_us);
/* Forgets what the screen shows; the next drawing writes everything. */
void terminal_redraw(struct terminal *terminal);
/* Hands text to the terminal's clipboard (OSC 52); a terminal that has none ignores it. Long text is cut. */
void terminal_copy(struct terminal *terminal, const char *text);
/* Gives the terminal back, stops the process as Ctrl-Z does, and takes it again afterwards. */
void terminal_suspend(struct terminal *terminal);
