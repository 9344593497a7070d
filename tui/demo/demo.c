#include "demo/demo.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo/cancel.h"
#include "demo/headless.h"
#include "demo/interactive.h"
#include "demo/stage.h"
#include "lib/clock.h"
#include "lib/outfile.h"
#include "tenantmv/log.h"

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

/* What the library says goes to a file: useful with --keep, gone otherwise. */
static void write_log(void *user, enum tmv_log_level level, const char *line)
{
    int64_t now = clock_wall_us();
    time_t whole = (time_t)(now / US_PER_S);
    struct tm tm;
    char seconds[32];

    gmtime_r(&whole, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    struct outfile *log = user;

    fprintf(log->stream, "%s.%03ldZ %-5s %s\n", seconds, (long)(now % US_PER_S / US_PER_MS),
            tmv_log_level_name(level), line);
    outfile_flush(log);
}

static void open_log(const struct stage *stage, void (*say)(const char *fmt, ...), struct outfile *ret_log)
{
    char path[300];

    snprintf(path, sizeof path, "%s/log", workspace_path(stage->workspace));
    if (outfile_create(ret_log, path, false))
        tmv_log_set_sink(write_log, ret_log, TMV_LOG_INFO);
    else
        say("cannot open the log %s: %s", path, strerror(errno));
}

static void close_log(struct outfile *log, void (*say)(const char *fmt, ...))
{
    int cause;

    tmv_log_set_sink(NULL, NULL, TMV_LOG_ERROR);
    cause = outfile_close(log);
    if (cause != 0)
        say("the log is incomplete: %s", strerror(cause));
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
    struct outfile log = {0};
    int cancel_fd = -1;
    bool ok;

    *ret_clean = false;
    if (!demo_options_check(options, err) || !cancel_begin(&cancel_fd, err))
        return false;
    ok = stage_open(options, cancel_fd, say, &stage, err);
    if (ok)
        open_log(&stage, say, &log);
    if (ok && options->headless)
        ok = run_headless(&stage, options, say, object, ret_clean, err);
    else if (ok)
        ok = *ret_clean = interactive_run(&stage, options, err);
    close_log(&log, say);
    if (options->keep && ok)
        say("kept in %s; start a server again with postgres -D %s/shared/data", options->keep, options->keep);
    stage_close(&stage);
    cancel_end();
    return ok;
}
