#include "test.h"

#include "support/steady_writer.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "support/life.h"

static void *write_on(void *arg)
{
    const struct tmv_stream stream = {
        .tenant = l.tenant, .aggregate = tmv_uuid_random(), .aggregate_type = "Order"};
    const struct tmv_new_event event = {.type = "OrderPlaced", .payload = "{\"n\": 1}"};
    struct steady_writer *self = arg;

    while (!atomic_load(&self->stop)) {
        struct tmv_append_result result;
        struct tmv_error err;
        const struct tmv_append append = {.stream = &stream,
                                          .expected_version = atomic_load(&self->acknowledged),
                                          .events = &event,
                                          .count = 1};
        int64_t start = clock_now_us();

        if (tmv_router_append(self->router, &append, &result, &err)) {
            atomic_fetch_add(&self->acknowledged, 1);
        } else {
            self->refused++;
            self->last = err;
        }
        if (clock_now_us() - start > atomic_load(&self->longest_us))
            atomic_store(&self->longest_us, clock_now_us() - start);
        stop_sleep(NULL, 5 * US_PER_MS);
    }
    return NULL;
}

struct steady_writer *steady_writer_start(void)
{
    const struct tmv_router_options options = {.control_conninfo = l.control, .timeout_us = 60 * US_PER_S};
    struct steady_writer *writer = calloc(1, sizeof *writer);
    struct tmv_error err;

    assert_non_null(writer);
    assert_done(tmv_router_open(&options, &writer->router, &err), &err);
    assert_int_equal(pthread_create(&writer->thread, NULL, write_on, writer), 0);
    return writer;
}

int steady_writer_end(struct steady_writer *writer)
{
    atomic_store(&writer->stop, true);
    pthread_join(writer->thread, NULL);
    tmv_router_close(writer->router);
    if (writer->refused)
        fail_msg("%d writes failed, the last: %s", writer->refused, writer->last.message);
    assert_true(atomic_load(&writer->acknowledged) > 0);
    return atomic_load(&writer->acknowledged);
}

void steady_writer_await(struct steady_writer *writer, int count, bool (*holds)(pid_t pid), pid_t pid)
{
    int enough = atomic_load(&writer->acknowledged) + count;
    int64_t until = clock_now_us() + 60 * US_PER_S;

    while (atomic_load(&writer->acknowledged) < enough) {
        if (holds && !holds(pid))
            fail_msg("the process is not stopped any more");
        if (clock_now_us() > until)
            fail_msg("the writer does not go on: %s", writer->last.message);
        stop_sleep(NULL, 2 * US_PER_MS);
    }
}
