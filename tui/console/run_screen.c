/* The console on a terminal: one poll over the terminal, the threads, signals and time. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "console/session.h"
#include "lib/clock.h"
#include "terminal/terminal.h"

#define TICK_US INT64_C(1000000) /* the clock and the ages move */
#define GAP_US INT64_C(100000)   /* between two drawings that nobody asked for by a key */
#define GAP_SSH_US INT64_C(1000000)
#define HEADER_US INT64_C(950000)      /* ages and clock move once a second when nothing else does */
#define HEADER_SSH_US INT64_C(1900000) /* every second turn of the clock */
#define COUNT_US INT64_C(500000)       /* a countdown is drawn, however slow the rest is */
#define EMPTY_READS 3                  /* readable without a byte: the terminal is gone */

struct screen_run {
    struct session *session;
    struct terminal *terminal;
    int64_t gap_us;
    int64_t drawn_us; /* last drawing */
    bool dirty;       /* something came that nobody asked for */
    bool asked;       /* a key or a resize: draw at once */
    bool blind;       /* what waits to be read was typed while the screen did not move */
    bool gone;
    int empty_reads;
    int64_t page_at_us; /* when the next page is shown; INT64_MAX: a person turns the pages */
};

static bool fit_canvas(struct screen_run *run)
{
    struct canvas *canvas = &run->session->canvas;
    int cols, rows;

    terminal_size(run->terminal, &cols, &rows);
    if (cols != canvas->cols || rows != canvas->rows) {
        canvas_release(canvas);
        if (!canvas_init(canvas, cols, rows))
            return false;
    }
    canvas->words = run->session->options->accessible;
    return true;
}

/* One with mistakes is shown as far as it goes, and complained about. */
static void load_wanted_theme(struct session *session)
{
    struct state *state = &session->state;
    char problem[200];

    if (state->theme_wanted[0] == '\0')
        return;
    if (!theme_load(state->theme_wanted, &session->theme, problem, sizeof problem))
        state_toast(state, ROLE_LEVEL_WARN, "theme: %s", problem);
    state->theme_wanted[0] = '\0';
    state->redraw = true;
}

static void read_keys(struct screen_run *run)
{
    struct state *state = &run->session->state;
    struct input input;

    while (!state->quit && terminal_read(run->terminal, state->model.now_us, &input)) {
        if (state->model.no_keys && input.kind != INPUT_RESIZE) {
            state->quit = input.kind == INPUT_CTRL && input.text[0] == 'c';
            continue;
        }
        run->asked = true;
        input.blind = run->blind;
        if (input.kind == INPUT_RESIZE && !fit_canvas(run))
            return;
        state_key(state, &input, &run->session->canvas);
    }
    run->blind = false;
    load_wanted_theme(run->session);
    if (state->redraw)
        terminal_redraw(run->terminal);
    state->redraw = false;
    if (state->suspend)
        terminal_suspend(run->terminal);
    state->suspend = false;
    if (state->copied)
        terminal_copy(run->terminal, state->copied);
    free(state->copied);
    state->copied = NULL;
}

static void draw(struct screen_run *run)
{
    struct session *session = run->session;
    int64_t began_us = clock_now_us();

    if (!fit_canvas(run))
        return;
    state_draw(&session->state, &session->canvas);
    terminal_draw(run->terminal, &session->canvas, began_us);
    run->drawn_us = clock_now_us();
    run->dirty = run->asked = false;
    run->blind = run->drawn_us - began_us > STALL_US;
    state_shown(&session->state, run->drawn_us, run->drawn_us - began_us);
}

/* + and - make the least time longer. */
static int64_t gap_us(const struct screen_run *run)
{
    int64_t asked_us = state_refresh_us(&run->session->state);

    return asked_us > run->gap_us ? asked_us : run->gap_us;
}

static int64_t tick_us(const struct screen_run *run)
{
    if (run->session->state.confirm.armed_until_us > 0)
        return COUNT_US;
    return gap_us(run) > TICK_US ? gap_us(run) : TICK_US;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void wait_for_something(struct screen_run *run)
{
    int64_t deadline = run->drawn_us + (run->dirty ? gap_us(run) : tick_us(run));
    int events;

    deadline = earlier(deadline, terminal_deadline_us(run->terminal));
    deadline = earlier(deadline, run->page_at_us);
    deadline = earlier(deadline, state_deadline_us(&run->session->state));
    events = session_wait(run->session, terminal_fd(run->terminal), deadline);
    if (events & (POLLHUP | POLLERR | POLLNVAL))
        run->gone = true;
    run->empty_reads = (events & POLLIN) && !terminal_has_input(run->terminal) ? run->empty_reads + 1 : 0;
    if (run->empty_reads >= EMPTY_READS)
        run->gone = true;
}

static struct terminal *open_terminal(const struct session *session, char *why, size_t why_size)
{
    const struct console_options *asked = session->options;
    struct terminal_options options = {&session->theme, asked->ascii, asked->no_color, asked->accessible, 0};
    const char *no_color = getenv("NO_COLOR");

    options.header_us = asked->accessible ? INT64_MAX : getenv("SSH_CONNECTION") ? HEADER_SSH_US : HEADER_US;
    options.no_color = options.no_color || (no_color && no_color[0] != '\0');
    return terminal_open(&options, why, why_size);
}

/* The next page of the list, and after the last one the first again. */
static void turn_page(struct screen_run *run)
{
    struct state *state = &run->session->state;
    struct fleet_state *fleet = &state->model.fleet;
    struct input input = {.kind = INPUT_PAGE_DOWN, .at_us = state->model.now_us};

    if (state->model.now_us < run->page_at_us)
        return;
    run->page_at_us = state->model.now_us + run->session->options->page_us;
    if (fleet->selected_row >= fleet->shown - 1)
        input.kind = INPUT_HOME;
    state_key(state, &input, &run->session->canvas);
    run->asked = true;
}

/* One round: what happened elsewhere, the keys, and a picture when there is something new to see. */
static void do_round(struct screen_run *run)
{
    struct state *state = &run->session->state;
    int64_t since_us;

    run->dirty = session_turn(run->session) || run->dirty;
    read_keys(run);
    turn_page(run);
    since_us = state->model.now_us - run->drawn_us;
    if (!state->quit && (run->asked || (run->dirty && since_us >= gap_us(run)) || since_us >= tick_us(run)))
        draw(run);
    if (!state->quit)
        wait_for_something(run);
}

int run_screen(struct session *session, char *why, size_t why_size, bool *ret_no_terminal)
{
    struct state *state = &session->state;
    struct screen_run run = {.session = session, .gap_us = getenv("SSH_CONNECTION") ? GAP_SSH_US : GAP_US};

    run.terminal = open_terminal(session, why, why_size);
    *ret_no_terminal = !run.terminal;
    if (!run.terminal)
        return 1;
    if (why[0] != '\0')
        state_toast(state, ROLE_LEVEL_WARN, "%s", why);
    run.asked = true;
    run.page_at_us = session->options->page_us > 0 ? clock_now_us() + session->options->page_us : INT64_MAX;
    while (!state->quit && !run.gone && session_signal(session) == 0)
        do_round(&run);
    confirm_void(&state->confirm); /* nobody is there any more to see what it would do */
    run.gone = run.gone || session_signal(session) == SIGHUP;
    terminal_close(run.terminal, run.gone);
    if (session_signal(session) != 0)
        return 128 + session_signal(session);
    return run.gone ? 128 + SIGHUP : 0;
}
