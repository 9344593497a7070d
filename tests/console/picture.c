/* Shows the made-up fleet on a real terminal until q: to look at, and for tests of the terminal itself that
 * need no database. Keys work as in the console; requests
 * find no database. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../unit/sample_fleet.h"
#include "console/state.h"
#include "lib/clock.h"
#include "terminal/terminal.h"

static void turn(struct terminal *terminal, struct state *state, struct canvas *canvas)
{
    struct input input;
    struct outcome outcome;
    int cols, rows;

    state->model.now_us = clock_now_us();
    state->snapshot->taken_mono_us = state->model.now_us - 400000; /* always fresh */
    while (requests_take(state->requests, &outcome))
        state_outcome(state, &outcome);
    state_tick(state);
    terminal_size(terminal, &cols, &rows);
    canvas_release(canvas);
    if (!canvas_init(canvas, cols, rows))
        exit(1);
    state_draw(state, canvas);
    terminal_draw(terminal, canvas, state->model.now_us);
    state_shown(state, clock_now_us(), 0);
    while (terminal_read(terminal, clock_now_us(), &input))
        state_key(state, &input, canvas);
}

int main(int argc, char **argv)
{
    struct theme theme;
    struct terminal_options options = {&theme, argc > 1 && strcmp(argv[1], "--ascii") == 0,
                                       getenv("NO_COLOR") != NULL, false, 0};
    struct terminal *terminal;
    struct state state;
    struct canvas canvas = {0};
    struct tmv_error err;
    char why[200];

    theme_default(&theme);
    terminal = terminal_open(&options, why, sizeof why);
    if (terminal == NULL)
        return 1;
    state_init(&state);
    state.snapshot = sample_snapshot();
    sample_model(&state.model, state.snapshot);
    state.requests = requests_start("host=/nonexistent", &(struct tmv_actor){"amy", "here"},
                                    eventfd(0, EFD_NONBLOCK), &err);
    if (!state.requests)
        return 1;
    while (!state.quit) {
        struct pollfd fd = {terminal_fd(terminal), POLLIN, 0};
        turn(terminal, &state, &canvas);
        if (poll(&fd, 1, 100) > 0 && (fd.revents & (POLLHUP | POLLERR)))
            break;
    }
    requests_stop(state.requests);
    terminal_close(terminal, false);
    state_release(&state);
    canvas_release(&canvas);
    return 0;
}
