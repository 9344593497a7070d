#include "demo/demo.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/failure.h"
#include "demo/cancel.h"
#include "demo/headless.h"
#include "demo/interactive.h"
#include "demo/stage.h"

void demo_options_default(bool headless, struct demo_options *ret_options)
{
    memset(ret_options, 0, sizeof *ret_options);
    ret_options->headless = headless;
    ret_options->events = headless ? 100000 : 150000;
    ret_options->tenants = headless ? 5 : 8;
    ret_options->writers = 8;
    ret_options->rate = headless ? 1000 : 400;
    ret_options->cutovers = headless ? 5 : 0;
}

static bool check_options(const struct demo_options *o, struct tmv_error *err)
{
    if (o->tenants < 1 || o->tenants > DEMO_TENANTS_MAX)
        return failure(err, TMV_ERR_USAGE, "tenants: %d is not within 1 … %d", o->tenants, DEMO_TENANTS_MAX);
    if (o->events < 0 || o->events > DEMO_EVENTS_MAX)
        return failure(err, TMV_ERR_USAGE, "events: %" PRId64 " is not within 0 … %" PRId64, o->events,
                       DEMO_EVENTS_MAX);
    if (o->writers < 0 || o->writers > DEMO_WRITERS_MAX)
        return failure(err, TMV_ERR_USAGE, "writers: %d is not within 0 … %d", o->writers, DEMO_WRITERS_MAX);
    if (o->rate < 0)
        return failure(err, TMV_ERR_USAGE, "rate: %" PRId64 " is negative", o->rate);
    if (o->cutovers < 0 || o->cutovers > o->tenants)
        return failure(err, TMV_ERR_USAGE, "cutovers: %d is not within 0 … %d, the number of tenants",
                       o->cutovers, o->tenants);
    return true;
}

static void say_aloud(const char *fmt, ...) TMV_PRINTF(1, 2);
static void say_aloud(const char *fmt, ...)
{
    va_list args;

    fputs("demo: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

static void say_nothing(const char *fmt, ...)
{
    (void)fmt;
}

static bool run_headless(const struct stage *stage, const struct demo_options *options,
                         void (*say)(const char *fmt, ...), cJSON *object, bool *ret_clean,
                         struct tmv_error *err)
{
    struct demo_report report = {0};
    bool ok = headless_run(stage, options, say, &report, err);

    *ret_clean = ok && report_is_clean(&report);
    if (ok && options->json)
        report_to_json(&report, object);
    else if (ok)
        report_print(&report);
    report_release(&report);
    return ok;
}

bool demo_run(const struct demo_options *options, cJSON *object, bool *ret_clean, struct tmv_error *err)
{
    void (*say)(const char *fmt, ...) = options->json && !isatty(STDERR_FILENO) ? say_nothing : say_aloud;
    struct stage stage = {0};
    int cancel_fd = -1;
    bool ok;

    *ret_clean = false;
    if (!check_options(options, err) || !cancel_begin(&cancel_fd, err))
        return false;
    ok = stage_open(options, cancel_fd, say, &stage, err);
    if (ok && options->headless)
        ok = run_headless(&stage, options, say, object, ret_clean, err);
    else if (ok)
        ok = *ret_clean = interactive_run(&stage, options, err);
    if (options->keep && ok)
        say("kept in %s; start a server again with postgres -D %s/shared/data", options->keep, options->keep);
    stage_close(&stage);
    cancel_end();
    return ok;
}
