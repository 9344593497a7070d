#include "demo/cancel.h"

#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define SIGNALS (sizeof signals / sizeof *signals)

/* A handler can be given nothing else than globals. */
static struct {
    int fd;
    volatile sig_atomic_t asked;
    struct sigaction before[SIGNALS];
} state = {.fd = -1};

static void on_signal(int number)
{
    const uint64_t one = 1;

    if (state.asked)
        _exit(128 + number);
    state.asked = 1;
    if (write(state.fd, &one, sizeof one) < 0)
        _exit(128 + number);
}

bool cancel_begin(int *ret_fd, struct tmv_error *err)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    state.asked = 0;
    state.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (state.fd < 0)
        return err_errno(err, "eventfd");
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &state.before[i]);
    *ret_fd = state.fd;
    return true;
}

void cancel_end(void)
{
    for (size_t i = 0; state.fd >= 0 && i < SIGNALS; i++)
        sigaction(signals[i], &state.before[i], NULL);
    if (state.fd >= 0)
        close(state.fd);
    state.fd = -1;
}

bool cancel_asked(void)
{
    return state.asked != 0;
}
