/* A failed assertion ends the process and leaves what it saw behind; each runs in a child. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/assert.h"
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/log.h"

/* Runs `body` in a child whose stderr is read to its end; the signal that ended it, or 0. */
static int in_a_child(void (*body)(void), struct buf *ret_stderr)
{
    char bytes[512];
    ssize_t n;
    int pipe_fds[2], status;
    pid_t child;

    assert_int_equal(pipe(pipe_fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGABRT, SIG_DFL); /* cmocka has a handler of its own */
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        dup2(pipe_fds[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    close(pipe_fds[1]);
    while ((n = read(pipe_fds[0], bytes, sizeof bytes)) > 0)
        buf_add(ret_stderr, bytes, (size_t)n);
    close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void breaks_with_a_state(void)
{
    int reached = 41, watermark = 42;

    TMV_ASSERT(reached >= watermark, "reached %d, watermark %d", reached, watermark);
}

static void names_place_condition_and_state(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    (void)state;
    assert_int_equal(in_a_child(breaks_with_a_state, &text), SIGABRT);
    assert_non_null(
        strstr(buf_text(&text), "assertion failed in breaks_with_a_state, tests/unit/test_assert.c:"));
    assert_non_null(strstr(buf_text(&text), ": reached >= watermark; reached 41, watermark 42\n"));
}

static void breaks_without_a_state(void)
{
    TMV_ASSERT(getpid() < 0);
}

static void the_state_may_be_left_out(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    (void)state;
    assert_int_equal(in_a_child(breaks_without_a_state, &text), SIGABRT);
    assert_non_null(strstr(buf_text(&text), ": getpid() < 0;"));
}

static void holds(void)
{
    int evaluated = 0;

    TMV_ASSERT(++evaluated == 1, "evaluated %d times", evaluated);
    TMV_ASSERT(evaluated == 1, "evaluated %d times", evaluated);
}

static void what_holds_goes_on_and_is_looked_at_once(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    (void)state;
    assert_int_equal(in_a_child(holds, &text), 0);
    assert_string_equal(buf_text(&text), "");
}

static void to_stderr(void *user, enum tmv_log_level level, const char *line)
{
    (void)user;
    dprintf(STDERR_FILENO, "%s: %s\n", tmv_log_level_name(level), line);
}

static void breaks_with_a_log(void)
{
    tmv_log_set_sink(to_stderr, NULL, TMV_LOG_ERROR);
    breaks_with_a_state();
}

static void the_log_has_it_too(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    (void)state;
    assert_int_equal(in_a_child(breaks_with_a_log, &text), SIGABRT);
    assert_non_null(strstr(buf_text(&text), "error: assertion failed in breaks_with_a_state"));
}

static void breaking_sink(void *user, enum tmv_log_level level, const char *line)
{
    (void)user;
    TMV_ASSERT(!line, "level %d, line %s", level, line);
}

/* The log's lock is held then: an assertion that waited for it would hang instead of ending the process. */
static void breaks_inside_the_log(void)
{
    alarm(10);
    tmv_log_set_sink(breaking_sink, NULL, TMV_LOG_DEBUG);
    log_info("first line");
}

static void never_waits_for_the_log(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    (void)state;
    assert_int_equal(in_a_child(breaks_inside_the_log, &text), SIGABRT);
    assert_non_null(strstr(buf_text(&text), "level 1, line first line\n"));
}

static void breaks_with_a_long_foreign_state(void)
{
    char name[3000];

    memset(name, 'x', sizeof name - 1);
    name[0] = '\033';
    name[sizeof name - 1] = '\0';
    TMV_ASSERT(!name[0], "name %s", name);
}

static void a_foreign_state_is_cut_and_made_safe(void **state)
{
    AUTO(buf) struct buf text = BUF_INIT(4000);

    (void)state;
    assert_int_equal(in_a_child(breaks_with_a_long_foreign_state, &text), SIGABRT);
    assert_non_null(strstr(buf_text(&text), "name ?xxx"));
    assert_in_range(text.len, 900, 1500);
    assert_int_equal(buf_text(&text)[text.len - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_place_condition_and_state),
        cmocka_unit_test(the_state_may_be_left_out),
        cmocka_unit_test(what_holds_goes_on_and_is_looked_at_once),
        cmocka_unit_test(the_log_has_it_too),
        cmocka_unit_test(never_waits_for_the_log),
        cmocka_unit_test(a_foreign_state_is_cut_and_made_safe),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
