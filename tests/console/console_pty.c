#include "test.h"

#include "console_pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#define WAIT_MS 30000
#define STEP_MS 50
#define AGAIN_MS 1000

struct pty {
    pid_t pid;
    int master;
    int status; /* of waitpid, once `ended` */
    bool ended;
    VTerm *vterm;
    VTermScreen *screen;
    int cols, rows;
    char *output;
    size_t size, room;
    char row[4096];
};

static void set_environment(const char *const *env)
{
    setenv("TERM", "xterm-256color", 1);
    const char *locale = getenv("TENANTMV_TEST_LOCALE");

    setenv("LC_ALL", locale != NULL ? locale : "C.UTF-8", 1);
    unsetenv("SSH_CONNECTION");
    unsetenv("SSH_TTY");
    unsetenv("NO_COLOR");
    unsetenv("LINES");
    unsetenv("COLUMNS");
    unsetenv("COLORFGBG");
    unsetenv("TENANTMV_THEME");
    for (; env != NULL && *env != NULL; env++) {
        const char *equals = strchr(*env, '=');
        char name[64];
        if (equals == NULL) {
            unsetenv(*env);
            continue;
        }
        snprintf(name, sizeof name, "%.*s", (int)(equals - *env), *env);
        setenv(name, equals + 1, 1);
    }
}

struct pty *pty_start(const struct pty_options *options)
{
    struct pty *pty = calloc(1, sizeof *pty);
    struct winsize size = {.ws_col = (unsigned short)options->cols, .ws_row = (unsigned short)options->rows};

    assert_non_null(pty);
    pty->cols = options->cols;
    pty->rows = options->rows;
    pty->vterm = vterm_new(options->rows, options->cols);
    vterm_set_utf8(pty->vterm, 1);
    pty->screen = vterm_obtain_screen(pty->vterm);
    vterm_screen_enable_altscreen(pty->screen, 1);
    vterm_screen_reset(pty->screen, 1);
    pty->pid = forkpty(&pty->master, NULL, NULL, &size);
    assert_true(pty->pid >= 0);
    if (pty->pid == 0) {
        set_environment(options->env);
        execvp(options->argv[0], (char *const *)(uintptr_t)options->argv);
        _exit(127);
    }
    fcntl(pty->master, F_SETFD, FD_CLOEXEC);
    fcntl(pty->master, F_SETFL, O_NONBLOCK);
    return pty;
}

void pty_free(struct pty *pty)
{
    if (!pty->ended) {
        kill(pty->pid, SIGKILL);
        kill(pty->pid, SIGCONT);
        waitpid(pty->pid, NULL, 0);
    }
    if (pty->master >= 0)
        close(pty->master);
    vterm_free(pty->vterm);
    free(pty->output);
    free(pty);
}

static void take(struct pty *pty, const char *bytes, size_t n)
{
    if (pty->size + n + 1 > pty->room) {
        pty->room = (pty->size + n + 1) * 2;
        pty->output = realloc(pty->output, pty->room);
        assert_non_null(pty->output);
    }
    memcpy(pty->output + pty->size, bytes, n);
    pty->size += n;
    pty->output[pty->size] = '\0';
    vterm_input_write(pty->vterm, bytes, n);
}

/* Reads what is there, waiting a step for it. False: the other side is gone. */
static bool pump(struct pty *pty)
{
    struct pollfd fd = {pty->master, POLLIN, 0};
    char buffer[16384];
    ssize_t n;

    if (pty->master < 0)
        return false;
    poll(&fd, 1, STEP_MS);
    while ((n = read(pty->master, buffer, sizeof buffer)) > 0)
        take(pty, buffer, (size_t)n);
    return n < 0 && errno == EAGAIN;
}

static bool row_text(struct pty *pty, int row, char *text, size_t size)
{
    VTermRect rect = {.start_row = row, .end_row = row + 1, .start_col = 0, .end_col = pty->cols};
    size_t n;

    if (row >= pty->rows)
        return false;
    n = vterm_screen_get_text(pty->screen, text, size - 1, rect);
    while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n'))
        n--;
    text[n] = '\0';
    return true;
}

const char *pty_row(struct pty *pty, int row)
{
    pty->row[0] = '\0';
    row_text(pty, row, pty->row, sizeof pty->row);
    return pty->row;
}

bool pty_shows(struct pty *pty, const char *text)
{
    for (int row = 0; row < pty->rows; row++)
        if (strstr(pty_row(pty, row), text) != NULL)
            return true;
    return false;
}

static void fail_with_screen(struct pty *pty, const char *what, const char *text)
{
    fprintf(stderr, "%s \"%s\"; the screen:\n", what, text);
    for (int row = 0; row < pty->rows; row++)
        fprintf(stderr, "|%s\n", pty_row(pty, row));
    pty_free(pty);
    fail();
}

static void wait_for(struct pty *pty, const char *text, bool shown)
{
    for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
        bool more = pump(pty);
        if (pty_shows(pty, text) == shown)
            return;
        if (!more)
            break;
    }
    fail_with_screen(pty, shown ? "waited in vain for" : "still there:", text);
}

void pty_wait_text(struct pty *pty, const char *text)
{
    wait_for(pty, text, true);
}

void pty_wait_text_while(struct pty *pty, const char *text, void (*again)(void *user), void *user)
{
    for (int waited = 0; waited < WAIT_MS && !pty_shows(pty, text); waited += STEP_MS) {
        if (waited % AGAIN_MS == 0)
            again(user);
        if (!pump(pty))
            break;
    }
    if (!pty_shows(pty, text))
        fail_with_screen(pty, "waited in vain for", text);
}

void pty_wait_no_text(struct pty *pty, const char *text)
{
    wait_for(pty, text, false);
}

void pty_wait_bytes(struct pty *pty, const char *bytes)
{
    for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
        bool more = pump(pty);
        if (pty->output != NULL && memmem(pty->output, pty->size, bytes, strlen(bytes)) != NULL)
            return;
        if (!more)
            break;
    }
    fail_with_screen(pty, "never wrote", bytes);
}

const char *pty_output(const struct pty *pty, size_t *ret_size)
{
    *ret_size = pty->size;
    return pty->output != NULL ? pty->output : "";
}

void pty_forget_output(struct pty *pty)
{
    pty->size = 0;
}

void pty_send(struct pty *pty, const char *bytes)
{
    assert_int_equal(write(pty->master, bytes, strlen(bytes)), strlen(bytes));
}

void pty_send_alone(struct pty *pty, const char *bytes)
{
    pty_settle(pty, 100); /* the program wants 50 ms, by its own clock */
    pty_send(pty, bytes);
}

void pty_resize(struct pty *pty, int cols, int rows)
{
    struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};

    pty->cols = cols;
    pty->rows = rows;
    vterm_set_size(pty->vterm, rows, cols);
    assert_int_equal(ioctl(pty->master, TIOCSWINSZ, &size), 0);
}

int pty_wait_exit(struct pty *pty)
{
    for (int waited = 0; waited < WAIT_MS && !pty->ended; waited += STEP_MS) {
        if (!pump(pty))
            nanosleep(&(struct timespec){0, STEP_MS * 1000000},
                      NULL); /* between two looks at a bounded wait */
        pty->ended = waitpid(pty->pid, &pty->status, WNOHANG) == pty->pid;
    }
    if (!pty->ended)
        fail_with_screen(pty, "still runs:", "the program");
    pump(pty);
    return WIFEXITED(pty->status) ? WEXITSTATUS(pty->status) : -WTERMSIG(pty->status);
}

void pty_expect_exit(struct pty *pty, int status)
{
    int ended = pty_wait_exit(pty);
    size_t size, shown = 4000;
    const char *output = pty_output(pty, &size);

    if (ended == status)
        return;
    fprintf(stderr, "ended with %d, not %d; wrote last:\n", ended, status);
    for (size_t i = size > shown ? size - shown : 0; i < size; i++)
        fputc(output[i] == '\033' ? '^' : output[i], stderr);
    fputc('\n', stderr);
    pty_free(pty);
    fail();
}

void pty_wait_stopped(struct pty *pty)
{
    int status = 0;

    for (int waited = 0; waited < WAIT_MS; waited += STEP_MS) {
        pump(pty);
        if (waitpid(pty->pid, &status, WNOHANG | WUNTRACED) == pty->pid) {
            assert_true(WIFSTOPPED(status));
            return;
        }
    }
    fail_with_screen(pty, "did not stop:", "the program");
}

/* The thread sanitizer puts a signal off that does not arrive in a wait, and now and then for ever (clang 14;
 * in a few of some hundred runs the handler never ran, and a second signal came through): there the program
 * gets the time to be in a wait again. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define SETTLE_US 200000
#endif
#endif
#ifndef SETTLE_US
#define SETTLE_US 0
#endif

pid_t pty_pid(const struct pty *pty)
{
    return pty->pid;
}

void pty_signal(struct pty *pty, int number)
{
    usleep(SETTLE_US);
    assert_int_equal(kill(pty->pid, number), 0);
}

void pty_hang_up(struct pty *pty)
{
    close(pty->master);
    pty->master = -1;
}

int pty_master(const struct pty *pty)
{
    return pty->master;
}

void pty_look_away(int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}

/* It hangs when it no longer takes what is typed: bytes stay in the terminal's input, as its side tells. */
void pty_stall(struct pty *pty, const char *key)
{
    int side = open(ptsname(pty->master), O_RDONLY | O_NOCTTY | O_CLOEXEC), waiting = 0, stuck = 0;

    assert_true(side >= 0);
    for (int i = 0; i < WAIT_MS / STEP_MS && stuck < 10; i++) {
        if (stuck == 0)
            assert_int_equal(write(pty->master, key, strlen(key)), strlen(key));
        pty_look_away(STEP_MS);
        assert_int_equal(ioctl(side, FIONREAD, &waiting), 0);
        stuck = waiting > 0 ? stuck + 1 : 0;
    }
    close(side);
    assert_true(stuck >= 10);
}

void pty_settle(struct pty *pty, int ms)
{
    size_t before = SIZE_MAX;

    for (int quiet = 0, waited = 0; quiet < ms && waited < WAIT_MS; waited += STEP_MS) {
        before = pty->size;
        if (!pump(pty))
            return;
        quiet = pty->size == before ? quiet + STEP_MS : 0;
    }
}

bool pty_is_cooked(const struct pty *pty)
{
    struct termios modes;

    return tcgetattr(pty->master, &modes) == 0 && (modes.c_lflag & (ECHO | ICANON)) == (ECHO | ICANON);
}
