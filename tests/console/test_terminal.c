/* The rules of the terminal, each on the real program in a pseudo-terminal. No database is needed: being
 * without one is a state on the screen. */
#include "test.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include "console_pty.h"
#include "lib/utf8.h"

#define NOWHERE "host=/nonexistent dbname=none"

static const char *program(void)
{
    const char *path = getenv("TENANTMV_PROGRAM");

    assert_non_null(path);
    return path;
}

static struct pty *start_with(const char *const *env, int cols, int rows)
{
    const char *argv[] = {program(), "watch", "--control", NOWHERE, NULL};
    struct pty_options options = {argv, env, cols, rows};

    return pty_start(&options);
}

static struct pty *start(int cols, int rows)
{
    struct pty *pty = start_with(NULL, cols, rows);

    pty_wait_text(pty, "OFFLINE");
    return pty;
}

static void quits_on_q_and_gives_the_terminal_back(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    assert_false(pty_is_cooked(pty));
    pty_wait_text(pty, "[READ-ONLY]");
    pty_send(pty, "q");
    pty_wait_bytes(pty, "\033[?1049l");
    pty_wait_bytes(pty, "\033[?2004l");
    pty_expect_exit(pty, 0);
    assert_true(pty_is_cooked(pty));
    pty_free(pty);
}

static void ends_on_signals_with_the_terminal_restored(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGQUIT};

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct pty *pty = start(80, 24);
        pty_signal(pty, signals[i]);
        pty_expect_exit(pty, 128 + signals[i]);
        pty_wait_bytes(pty, "\033[?1049l");
        assert_true(pty_is_cooked(pty));
        pty_free(pty);
    }
}

/* A core file is written by the default action, so the signal itself ends the program. */
static void a_crash_gives_the_terminal_back(void **state)
{
    static const int signals[] = {SIGSEGV, SIGABRT, SIGFPE};

    (void)state;
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct pty *pty = start(80, 24);
        int status;
        assert_false(pty_is_cooked(pty));
        pty_signal(pty, signals[i]);
        status = pty_wait_exit(pty);
        assert_true(status == -signals[i] || status == 1); /* 1: a sanitizer reports it */
        pty_wait_bytes(pty, "\033[?1049l\033[?25h\033[0m");
        assert_true(pty_is_cooked(pty));
        pty_free(pty);
    }
}

/* While the screen is up, stderr is a file in memory; what a failed assertion wrote there must be read after
 * it. */
static void a_crash_shows_what_was_held_back_from_stderr(void **state)
{
    struct pty *pty = start(80, 24);
    char path[64];
    FILE *held;

    (void)state;
    snprintf(path, sizeof path, "/proc/%d/fd/2", (int)pty_pid(pty));
    held = fopen(path, "w");
    assert_non_null(held);
    fputs("assertion failed in tailer_check\n", held);
    assert_int_equal(fclose(held), 0);
    pty_signal(pty, SIGABRT);
    assert_true(pty_wait_exit(pty) == -SIGABRT);
    pty_wait_bytes(pty, "\033[?1049l\033[?25h\033[0m\r\nassertion failed in tailer_check\r\n");
    pty_free(pty);
}

static void leaves_when_the_terminal_is_gone(void **state)
{
    struct pty *pty = start(80, 24);
    struct rusage before, after;
    int64_t cpu_ms;

    (void)state;
    getrusage(RUSAGE_CHILDREN, &before);
    pty_hang_up(pty);
    pty_expect_exit(pty, 128 + SIGHUP);
    getrusage(RUSAGE_CHILDREN, &after);
    /* a loop around a dead terminal would burn as much as it is given */
    cpu_ms = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000 +
             (after.ru_utime.tv_usec - before.ru_utime.tv_usec) / 1000;
    assert_in_range(cpu_ms, 0, 2000);
    pty_free(pty);
}

static void a_hang_up_with_sighup_ignored_ends_it_too(void **state)
{
    const char *argv[] = {"sh", "-c", "trap '' HUP; exec \"$0\" watch --control '" NOWHERE "'", program(),
                          NULL};
    struct pty_options options = {argv, NULL, 80, 24};
    struct pty *pty = pty_start(&options);

    (void)state;
    pty_wait_text(pty, "OFFLINE");
    pty_hang_up(pty);
    pty_expect_exit(pty, 128 + SIGHUP);
    pty_free(pty);
}

/* All rows but the first (its clock moves), as one text. */
static void body(struct pty *pty, int rows, char *text, size_t size)
{
    text[0] = '\0';
    for (int row = 1; row < rows; row++) {
        strncat(text, pty_row(pty, row), size - strlen(text) - 1);
        strncat(text, "\n", size - strlen(text) - 1);
    }
}

/* The C library may know another width, or none, of a character: then a "?" takes its place, and the text
 * behind it stays where it belongs. What both know is shown as it is. */
static void what_curses_measures_differently_pushes_nothing_aside(void **state)
{
    struct pty *pty;
    char odd[8] = "", typed[64];

    (void)state;
    for (int32_t point = 0x2000; odd[0] == '\0' && point < 0xd800; point++) {
        const char three[] = {(char)(0xe0 | point >> 12), (char)(0x80 | (point >> 6 & 0x3f)),
                              (char)(0x80 | (point & 0x3f)), '\0'};
        if (utf8_columns(point) == 1 && wcwidth((wchar_t)point) == 2)
            memcpy(odd, three, sizeof three);
    }
    if (odd[0] == '\0')
        skip(); /* both know the same Unicode */
    snprintf(typed, sizeof typed, "%sx%sy\u65e5z\u0995\u09be.", odd, odd);
    pty = start(80, 24);
    pty_send(pty, ":");
    pty_wait_text(pty, "─ do ─");
    pty_send_alone(pty, typed);
    pty_wait_text(pty, "?x?y\u65e5z\u0995\u09be.");
    pty_send(pty, "\033");
    pty_send_alone(pty, "q");
    pty_expect_exit(pty, 0);
    pty_free(pty);
}

static void after_any_resizing_the_screen_is_as_a_fresh_one(void **state)
{
    struct pty *resized = start(80, 24), *fresh;
    char now[20000], expected[20000];
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < 200; i++) {
        int cols, rows;
        seed = seed * 1103515245u + 12345u;
        cols = 1 + (int)(seed >> 16) % 200;
        seed = seed * 1103515245u + 12345u;
        rows = 1 + (int)(seed >> 16) % 60;
        pty_resize(resized, i % 50 == 0 ? 1 : cols, i % 50 == 0 ? 1 : rows);
        pty_signal(resized, SIGWINCH);
    }
    pty_resize(resized, 100, 30);
    pty_wait_text(resized, "? help");
    fresh = start(100, 30);
    pty_wait_text(fresh, "? help");
    pty_send(resized, "\014"); /* the sizes were drawn into an emulator that had another one already */
    pty_send(resized, "?");
    pty_wait_text(resized, "Esc closes");
    pty_send(resized, "?");
    pty_wait_no_text(resized, "Esc closes");
    body(fresh, 30, expected, sizeof expected);
    body(resized, 30, now, sizeof now);
    /* a screen may arrive in pieces: each wait reads one */
    for (int i = 0; i < 500 && strcmp(now, expected) != 0; i++) {
        pty_wait_text(resized, "? help");
        pty_wait_text(fresh, "? help");
        body(resized, 30, now, sizeof now);
        body(fresh, 30, expected, sizeof expected);
    }
    assert_string_equal(now, expected);
    pty_free(resized);
    pty_free(fresh);
}

static void exported_lines_and_columns_do_not_fix_the_size(void **state)
{
    static const char *const env[] = {"LINES=24", "COLUMNS=80", NULL};
    struct pty *pty = start_with(env, 120, 40);

    (void)state;
    pty_wait_text(pty, "OFFLINE");
    pty_wait_text(pty, "? help");
    assert_non_null(strstr(pty_row(pty, 39), "? help"));
    pty_resize(pty, 90, 20);
    for (int i = 0; i < 200 && strstr(pty_row(pty, 19), "? help") == NULL; i++)
        pty_wait_text(pty, "OFFLINE");
    pty_wait_text(pty, "? help");
    assert_non_null(strstr(pty_row(pty, 19), "? help"));
    pty_free(pty);
}

static void works_on_every_kind_of_terminal(void **state)
{
    static const char *const terms[] = {
        "xterm-256color",
        "xterm",
        "xterm-kitty",
        "alacritty",
        "tmux-256color",
        "screen",
        "screen-256color",
        "linux",
        "vt100",
        "vt220",
        "rxvt-unicode",
        "foot",
        "ghostty",
        "wezterm",
        "putty",
        "konsole",
        "iterm2",
        "no-such-thing",
        "ansi",
        "xterm-direct",
    };

    (void)state;
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++) {
        char term[64];
        const char *env[] = {term, NULL};
        struct pty *pty;
        snprintf(term, sizeof term, "TERM=%s", terms[i]);
        pty = start_with(env, 80, 24);
        pty_wait_text(pty, "OFFLINE");
        pty_send(pty, "q");
        pty_expect_exit(pty, 0);
        pty_free(pty);
    }
}

static void falls_back_to_lines_where_no_cursor_can_be_placed(void **state)
{
    static const char *const dumb[] = {"TERM=dumb", NULL}, *const unset[] = {"TERM", NULL},
                             *const empty[] = {"TERM=xterm", "TERMINFO=/nonexistent",
                                               "TERMINFO_DIRS=/nonexistent", "HOME=/nonexistent", NULL};
    const char *const *environments[] = {dumb, unset};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pty *pty = start_with(environments[i], 80, 24);
        pty_wait_text(pty, "one line per change");
        pty_wait_text(pty, "OFFLINE");
        pty_signal(pty, SIGTERM);
        pty_expect_exit(pty, 128 + SIGTERM);
        pty_free(pty);
    }
    /* without any terminal description: a screen or lines, but never an end */
    struct pty *pty = start_with(empty, 80, 24);
    pty_wait_text(pty, "OFFLINE");
    pty_signal(pty, SIGTERM);
    pty_expect_exit(pty, 128 + SIGTERM);
    pty_free(pty);
}

static void assert_ascii(struct pty *pty)
{
    size_t size;
    const char *output = pty_output(pty, &size);

    for (size_t i = 0; i < size; i++)
        assert_in_range((unsigned char)output[i], 0, 0x7e);
}

static void prints_only_ascii_without_utf8(void **state)
{
    static const char *const locale_c[] = {"LC_ALL=C", NULL}, *const posix[] = {"LC_ALL=POSIX", NULL};
    const char *const *environments[] = {locale_c, posix};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pty *pty = start_with(environments[i], 80, 24);
        pty_wait_text(pty, "OFFLINE");
        pty_send(pty, "?");
        pty_wait_text(pty, "Esc closes");
        assert_ascii(pty);
        pty_free(pty);
    }
}

static void finds_utf8_where_the_environment_says_nothing(void **state)
{
    static const char *const none[] = {"LC_ALL", "LC_CTYPE", "LANG", NULL}, *const missing[] = {
                                                                                "LC_ALL=xx_YY.UTF-8", NULL};
    const char *const *environments[] = {none, missing};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct pty *pty = start_with(environments[i], 80, 24);
        pty_wait_text(pty, "OFFLINE");
        pty_send(pty, "?");
        pty_wait_text(pty, "┌");
        pty_free(pty);
    }
}

static void uses_no_colour_when_asked(void **state)
{
    static const char *const env[] = {"NO_COLOR=1", NULL};
    struct pty *pty = start_with(env, 80, 24);
    size_t size;
    const char *output;

    (void)state;
    pty_wait_text(pty, "OFFLINE");
    output = pty_output(pty, &size);
    assert_null(strstr(output, "38;5;"));
    assert_null(strstr(output, "48;5;"));
    pty_free(pty);
}

static void asks_the_terminal_nothing(void **state)
{
    static const char *const queries[] = {"\033[c",   "\033[>c",  "\033[0c",      "\033[6n", "\033[5n",
                                          "\033]11;", "\033]10;", "\033[?2026$p", "\033[?u", "\033P+q",
                                          "\033[18t", "\033[14t", "\033Z"};
    struct pty *pty = start(80, 24);
    size_t size;
    const char *output;

    (void)state;
    pty_send(pty, "?");
    pty_wait_text(pty, "Esc closes");
    output = pty_output(pty, &size);
    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        assert_null(memmem(output, size, queries[i], strlen(queries[i])));
    pty_free(pty);
}

static void ctrl_s_does_not_stop_the_screen(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    pty_send(pty, "\023");
    pty_send(pty, "?");
    pty_wait_text(pty, "Esc closes");
    pty_free(pty);
}

static void drops_what_is_pasted(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    pty_send(pty, "\033[200~qqq\r?\033[201~");
    pty_wait_text(pty, "pasted text was dropped");
    assert_false(pty_shows(pty, "Esc closes"));
    pty_send(pty, "?");
    pty_wait_text(pty, "Esc closes");
    pty_free(pty);
}

static void escape_never_quits_and_ctrl_c_quits_twice(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    pty_send(pty, "\033");
    pty_send(pty, "\003");
    pty_wait_text(pty, "Ctrl-C again quits");
    pty_send(pty, "\003");
    pty_expect_exit(pty, 0);
    pty_free(pty);
}

static void stops_and_comes_back_on_ctrl_z(void **state)
{
    struct pty *pty = start(80, 24);
    struct termios modes;

    (void)state;
    pty_send(pty, "\032");
    pty_wait_stopped(pty);
    pty_settle(pty, 200);
    assert_true(pty_is_cooked(pty));
    assert_int_equal(tcgetattr(pty_master(pty), &modes), 0); /* stty erase '^H' */
    modes.c_cc[VERASE] = '\b';
    assert_int_equal(tcsetattr(pty_master(pty), TCSANOW, &modes), 0);
    pty_forget_output(pty);
    pty_signal(pty, SIGCONT);
    pty_wait_bytes(pty, "OFFLINE");
    pty_wait_bytes(pty, "help"); /* the whole picture, not only what moved */
    assert_false(pty_is_cooked(pty));
    pty_send(pty, "\023?"); /* raw again: neither is eaten by the line */
    pty_wait_text(pty, "Esc closes");
    pty_send(pty, "?");
    pty_wait_no_text(pty, "Esc closes");
    pty_send(pty, "q");
    pty_expect_exit(pty, 0);
    assert_true(pty_is_cooked(pty));
    assert_int_equal(tcgetattr(pty_master(pty), &modes), 0);
    assert_int_equal(modes.c_cc[VERASE], '\b');
    pty_free(pty);
}

/* No socket of ours becomes descriptor 0, 1 or 2: the program shows a screen, or lines, or nothing, and ends
 * when it is told to. */
static void works_with_closed_standard_descriptors(void **state)
{
    static const struct {
        const char *closed, *shown;
    } cases[] = {
        {"2>&-", "OFFLINE"},
        {"<&-", "OFFLINE"},             /* no keyboard: lines */
        {">&-", "one line per change"}, /* said on stderr */
        {"<&- 2>&-", "OFFLINE"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char command[300];
        const char *argv[] = {"sh", "-c", command, program(), NULL};
        struct pty_options options = {argv, NULL, 80, 24};
        struct pty *pty;
        snprintf(command, sizeof command, "exec \"$0\" watch --control '" NOWHERE "' %s", cases[i].closed);
        pty = pty_start(&options);
        pty_wait_text(pty, cases[i].shown);
        pty_signal(pty, SIGTERM);
        pty_expect_exit(pty, 128 + SIGTERM);
        pty_free(pty);
    }
}

static size_t occurrences(const char *output, size_t size, const char *what)
{
    size_t count = 0, length = strlen(what);

    for (size_t i = 0; i + length <= size; i++)
        count += memcmp(output + i, what, length) == 0;
    return count;
}

static void marks_where_a_picture_begins_and_ends(void **state)
{
    struct pty *pty = start(80, 24);
    size_t size, begins, ends;
    const char *output;

    (void)state;
    pty_send(pty, "?");
    pty_wait_text(pty, "Esc closes");
    pty_send(pty, "q");
    pty_send(pty, "q");
    pty_expect_exit(pty, 0);
    output = pty_output(pty, &size);
    begins = occurrences(output, size, "\033[?2026h");
    ends = occurrences(output, size, "\033[?2026l");
    assert_true(begins >= 2);
    assert_int_equal(begins, ends);
    assert_true((const char *)memmem(output, size, "OFFLINE", 7) > strstr(output, "\033[?2026h"));
    pty_free(pty);
}

/* With UTF-8 lines are characters of their own; without, they are ASCII. Never the alternate character set,
 * which PuTTY and others show as letters. */
static void draws_lines_in_every_locale_on_every_terminal(void **state)
{
    static const char *const locales[] = {"LC_ALL=C.UTF-8", "LC_ALL=C", "LC_ALL=POSIX",
                                          "LC_ALL=xx_YY.ISO-8859-1", "LC_ALL"};
    static const char *const terms[] = {"TERM=xterm",  "TERM=linux",         "TERM=vt100",
                                        "TERM=screen", "TERM=tmux-256color", "TERM=ansi"};

    (void)state;
    for (size_t l = 0; l < sizeof locales / sizeof *locales; l++) {
        for (size_t t = 0; t < sizeof terms / sizeof *terms; t++) {
            const char *env[] = {locales[l], "LC_CTYPE", "LANG", terms[t], NULL};
            struct pty *pty = start_with(env, 80, 24);
            size_t size;
            const char *output;
            pty_wait_text(pty, "OFFLINE");
            pty_send(pty, "?");
            pty_wait_text(pty, "Esc closes");
            output = pty_output(pty, &size);
            /* what terminfo itself sends to set the terminal up may name a set, but nothing is drawn in it */
            for (size_t i = 0; i < size; i++)
                assert_true(output[i] != '\016' || memchr(output + i, '\017', size - i) == output + i + 1);
            assert_false(pty_shows(pty, "lqq"));
            assert_false(pty_shows(pty, "qqq"));
            assert_int_equal(l == 0 || l == 4, pty_shows(pty, "┌") || pty_shows(pty, "─"));
            if (l == 1 || l == 2)
                assert_ascii(pty);
            pty_free(pty);
        }
    }
}

static void what_was_typed_at_a_stalled_screen_is_not_lost(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    pty_stall(pty, "\014"); /* redraw everything, until nobody takes it any more */
    pty_look_away(1500);    /* a stall is what lasts longer than a second */
    pty_send(pty, "?");
    pty_wait_text(pty, "Esc closes");
    pty_free(pty);
}

static int seconds_offline(struct pty *pty)
{
    const char *words;

    pty_wait_text(pty, "OFFLINE ");
    words = strstr(pty_row(pty, 0), "OFFLINE ");
    assert_non_null(words);
    return atoi(words + 8) * 60 + atoi(words + 11);
}

/* Until the seconds on the screen are at least this many; how many they are. */
static int pass_until(struct pty *pty, int seconds)
{
    int now;

    while ((now = seconds_offline(pty)) < seconds)
        pty_settle(pty, 50);
    return now;
}

/* Bytes while the clock on the screen advances by some seconds, however long that takes here. */
static void an_idle_screen_writes_little(void **state)
{
    static const char *const env[] = {"SSH_CONNECTION=10.0.0.1 1 10.0.0.2 22", NULL};
    struct pty *pty = start_with(env, 80, 24);
    size_t size;
    int first, last;

    (void)state;
    /* What a first picture shows depends on who is faster; the header moves alone when all others were drawn.
     */
    first = pass_until(pty, seconds_offline(pty) + 1);
    pty_forget_output(pty);
    last = pass_until(pty, first + 8);
    pty_output(pty, &size);
    assert_in_range(size / (size_t)(last - first), 1, 100);
    pty_free(pty);
}

static void moves_nothing_but_what_says_something_new_for_a_screen_reader(void **state)
{
    const char *argv[] = {program(), "watch", "--a11y", "--control", NOWHERE, NULL};
    struct pty_options options = {argv, NULL, 80, 24};
    struct pty *pty = pty_start(&options);
    size_t size;

    (void)state;
    pty_wait_text(pty, "OFFLINE 00:0");
    pty_settle(pty, 300);
    pty_forget_output(pty);
    pty_look_away(2500); /* two seconds of the clock */
    pty_settle(pty, 100);
    pty_output(pty, &size);
    assert_int_equal(size, 0);
    pty_send(pty, "?");
    pty_wait_text(pty, "Esc closes");
    pty_free(pty);
}

static void the_theme_is_what_was_asked_for(void **state)
{
    static const struct {
        const char *env[4], *bytes, *not ;
    } cases[] = {
        {{"TENANTMV_THEME", "COLORFGBG", NULL}, "48;5;236", "48;5;253"},      /* default-dark's header */
        {{"TENANTMV_THEME", "COLORFGBG=0;15", NULL}, "48;5;253", "48;5;236"}, /* light background */
        {{"TENANTMV_THEME", "COLORFGBG=15;0", NULL}, "48;5;236", "48;5;253"}, /* dark background */
        {{"TENANTMV_THEME=default-light", "COLORFGBG=15;0", NULL}, "48;5;253", "48;5;236"},
        {{"TENANTMV_THEME=default-light", "NO_COLOR=1", NULL}, "OFFLINE", "48;5;"},
        {{"TENANTMV_THEME=nobody", NULL}, "no theme \"nobody\"", "48;5;253"},
        {{"TENANTMV_THEME=/dev/null", NULL}, "OFFLINE", "48;5;253"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pty *pty = start_with(cases[i].env, 100, 24);
        size_t size;
        const char *output;
        pty_wait_text(pty, "OFFLINE");
        pty_wait_bytes(pty, cases[i].bytes);
        output = pty_output(pty, &size);
        assert_null(memmem(output, size, cases[i].not, strlen(cases[i].not )));
        pty_free(pty);
    }
}

static void prints_lines_into_a_pipe(void **state)
{
    char command[1000], line[1000] = "";
    FILE *out;

    (void)state;
    snprintf(command, sizeof command, "'%s' watch --once --control '%s'", program(), NOWHERE);
    out = popen(command, "r");
    assert_non_null(out);
    assert_non_null(fgets(line, sizeof line, out));
    assert_non_null(strstr(line, "OFFLINE"));
    assert_null(strchr(line, '\033'));
    assert_int_equal(WEXITSTATUS(pclose(out)), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quits_on_q_and_gives_the_terminal_back),
        cmocka_unit_test(ends_on_signals_with_the_terminal_restored),
        cmocka_unit_test(a_crash_gives_the_terminal_back),
        cmocka_unit_test(a_crash_shows_what_was_held_back_from_stderr),
        cmocka_unit_test(leaves_when_the_terminal_is_gone),
        cmocka_unit_test(a_hang_up_with_sighup_ignored_ends_it_too),
        cmocka_unit_test(what_curses_measures_differently_pushes_nothing_aside),
        cmocka_unit_test(after_any_resizing_the_screen_is_as_a_fresh_one),
        cmocka_unit_test(exported_lines_and_columns_do_not_fix_the_size),
        cmocka_unit_test(works_on_every_kind_of_terminal),
        cmocka_unit_test(falls_back_to_lines_where_no_cursor_can_be_placed),
        cmocka_unit_test(prints_only_ascii_without_utf8),
        cmocka_unit_test(finds_utf8_where_the_environment_says_nothing),
        cmocka_unit_test(uses_no_colour_when_asked),
        cmocka_unit_test(asks_the_terminal_nothing),
        cmocka_unit_test(ctrl_s_does_not_stop_the_screen),
        cmocka_unit_test(drops_what_is_pasted),
        cmocka_unit_test(escape_never_quits_and_ctrl_c_quits_twice),
        cmocka_unit_test(stops_and_comes_back_on_ctrl_z),
        cmocka_unit_test(works_with_closed_standard_descriptors),
        cmocka_unit_test(marks_where_a_picture_begins_and_ends),
        cmocka_unit_test(draws_lines_in_every_locale_on_every_terminal),
        cmocka_unit_test(what_was_typed_at_a_stalled_screen_is_not_lost),
        cmocka_unit_test(an_idle_screen_writes_little),
        cmocka_unit_test(moves_nothing_but_what_says_something_new_for_a_screen_reader),
        cmocka_unit_test(the_theme_is_what_was_asked_for),
        cmocka_unit_test(prints_lines_into_a_pipe),
    };

    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
