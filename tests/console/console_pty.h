/* The program in a pseudo-terminal: bytes in, and what a terminal emulator (libvterm) makes of what comes
 * out. Every wait is bounded and fails the test with the screen as it is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pty;

struct pty_options {
    const char *const *argv; /* ends in NULL */
    const char *const *env;  /* NAME=VALUE (NAME alone: unset), ends in NULL; NULL: none. TERM=xterm-256color,
                                LC_ALL=C.UTF-8 unless given */
    int cols, rows;
};

struct pty *pty_start(const struct pty_options *options);
/* Ends the program if it still runs, and frees. */
void pty_free(struct pty *pty);
void pty_send(struct pty *pty, const char *bytes);
/* The same after a moment of silence, as a person presses a key that does something. */
void pty_send_alone(struct pty *pty, const char *bytes);
void pty_resize(struct pty *pty, int cols, int rows);
/* Reads until the screen shows `text` (or no longer does). */
void pty_wait_text(struct pty *pty, const char *text);
void pty_wait_no_text(struct pty *pty, const char *text);
/* The same, and calls `again` now and every second: for what is shown only while it is fresh. */
void pty_wait_text_while(struct pty *pty, const char *text, void (*again)(void *user), void *user);
/* Until the raw output contains these bytes. */
void pty_wait_bytes(struct pty *pty, const char *bytes);
/* Whether the screen shows it now. The program's picture arrives in pieces: assert only with pty_wait_text.
 */
bool pty_shows(struct pty *pty, const char *text);
/* Everything that was written so far. */
const char *pty_output(const struct pty *pty, size_t *ret_size);
void pty_forget_output(struct pty *pty);
/* One row of the screen as text without trailing blanks; valid until the next call. */
const char *pty_row(struct pty *pty, int row);
/* Waits for the end: the exit code, or -signal. */
int pty_wait_exit(struct pty *pty);
/* The same; fails with what the program wrote last if it ended in another way. */
void pty_expect_exit(struct pty *pty, int status);
/* Waits until the program has stopped itself. */
void pty_wait_stopped(struct pty *pty);
void pty_signal(struct pty *pty, int number);
/* Writes `key` again and again without reading, until the program hangs in a write to the full terminal. */
void pty_stall(struct pty *pty, const char *key);
/* Lets this much time pass without reading. */
void pty_look_away(int ms);
/* Closes the terminal's side: what a lost connection does. */
void pty_hang_up(struct pty *pty);
/* Reads until nothing has come for this long. */
void pty_settle(struct pty *pty, int ms);
/* The terminal as the program's other side has it. */
int pty_master(const struct pty *pty);
pid_t pty_pid(const struct pty *pty);
/* Whether the terminal echoes and reads lines, as a shell expects it. */
bool pty_is_cooked(const struct pty *pty);
