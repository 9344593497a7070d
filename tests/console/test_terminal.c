/* The rules of the terminal, each on the real program in a pseudo-terminal. No database is needed: being
 * without one is a state on the screen. */
#include "test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console_pty.h"

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
    assert_true(pty_shows(pty, "[READ-ONLY]"));
    pty_send(pty, "q");
    pty_wait_bytes(pty, "\033[?1049l");
    pty_wait_bytes(pty, "\033[?2004l");
    assert_int_equal(pty_wait_exit(pty), 0);
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
        assert_int_equal(pty_wait_exit(pty), 128 + signals[i]);
        pty_wait_bytes(pty, "\033[?1049l");
        assert_true(pty_is_cooked(pty));
        pty_free(pty);
    }
}

static void leaves_when_the_terminal_is_gone(void **state)
{
    struct pty *pty = start(80, 24);
    struct rusage before, after;
    int64_t cpu_ms;

    (void)state;
    getrusage(RUSAGE_CHILDREN, &before);
    pty_hang_up(pty);
    assert_int_equal(pty_wait_exit(pty), 128 + SIGHUP);
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
    assert_int_equal(pty_wait_exit(pty), 128 + SIGHUP);
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
    pty_wait_text(resized, "any key closes");
    pty_send(resized, "?");
    pty_wait_no_text(resized, "any key closes");
    body(fresh, 30, expected, sizeof expected);
    body(resized, 30, now, sizeof now);
    /* a screen may arrive in pieces: each wait reads one */
    for (int i = 0; i < 500 && strcmp(now, expected) != 0; i++) {
        pty_wait_text(resized, "? help");
        body(resized, 30, now, sizeof now);
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
        assert_int_equal(pty_wait_exit(pty), 0);
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
        assert_int_equal(pty_wait_exit(pty), 128 + SIGTERM);
        pty_free(pty);
    }
    /* without any terminal description: a screen or lines, but never an end */
    struct pty *pty = start_with(empty, 80, 24);
    pty_wait_text(pty, "OFFLINE");
    pty_signal(pty, SIGTERM);
    assert_int_equal(pty_wait_exit(pty), 128 + SIGTERM);
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
        pty_wait_text(pty, "any key closes");
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
    pty_wait_text(pty, "any key closes");
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
    pty_wait_text(pty, "any key closes");
    pty_free(pty);
}

static void drops_what_is_pasted(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    pty_send(pty, "\033[200~qqq\r?\033[201~");
    pty_wait_text(pty, "pasted text was dropped");
    assert_false(pty_shows(pty, "any key closes"));
    pty_send(pty, "?");
    pty_wait_text(pty, "any key closes");
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
    assert_int_equal(pty_wait_exit(pty), 0);
    pty_free(pty);
}

static void stops_and_comes_back_on_ctrl_z(void **state)
{
    struct pty *pty = start(80, 24);

    (void)state;
    pty_send(pty, "\032");
    pty_wait_stopped(pty);
    pty_forget_output(pty);
    pty_signal(pty, SIGCONT);
    pty_wait_bytes(pty, "OFFLINE");
    pty_send(pty, "q");
    assert_int_equal(pty_wait_exit(pty), 0);
    assert_true(pty_is_cooked(pty));
    pty_free(pty);
}

static void works_with_closed_standard_descriptors(void **state)
{
    const char *argv[] = {"sh", "-c", "exec \"$0\" watch --control '" NOWHERE "' 2>&-", program(), NULL};
    struct pty_options options = {argv, NULL, 80, 24};
    struct pty *pty = pty_start(&options);

    (void)state;
    pty_wait_text(pty, "OFFLINE");
    pty_send(pty, "q");
    assert_int_equal(pty_wait_exit(pty), 0);
    pty_free(pty);
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
        cmocka_unit_test(leaves_when_the_terminal_is_gone),
        cmocka_unit_test(a_hang_up_with_sighup_ignored_ends_it_too),
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
        cmocka_unit_test(prints_lines_into_a_pipe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
