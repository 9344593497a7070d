#include "lib/stop.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"

bool stop_init(struct stop *s, struct tmv_error *err)
{
    s->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return s->fd >= 0 ? true : err_errno(err, "eventfd");
}

void stop_release(struct stop *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

void stop_raise(struct stop *s)
{
    int saved = errno;
    uint64_t one = 1;

    /* The counter can only be full, and then the flag is up already. */
    if (write(s->fd, &one, sizeof one) < 0)
        errno = saved;
    errno = saved;
}

void stop_clear(struct stop *s)
{
    uint64_t value;

    while (read(s->fd, &value, sizeof value) > 0)
        continue;
}

bool stop_is_raised(const struct stop *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLIN};

    return s->fd >= 0 && poll(&p, 1, 0) == 1;
}

bool stop_sleep(const struct stop *s, long long us)
{
    struct pollfd p = {.fd = s ? s->fd : -1, .events = POLLIN};
    int64_t end = clock_now_us() + us;

    for (;;) {
        int64_t left = end - clock_now_us();
        struct timespec ts = {.tv_sec = (time_t)(left / US_PER_S), .tv_nsec = (long)(left % US_PER_S) * 1000};

        if (left <= 0)
            return !(p.fd >= 0 && poll(&p, 1, 0) == 1);
        if (ppoll(&p, 1, &ts, NULL) == 1)
            return false;
    }
}
