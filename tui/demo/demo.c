#include "demo/demo.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/failure.h"
#include "demo/cancel.h"
#include "demo/headless.h"
#include "demo/interactive.h"
#include "demo/stage.h"
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
    struct timespec now;
    struct tm tm;
    char seconds[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(user, "%s.%03ldZ %-5s %s\n", seconds, now.tv_nsec / 1000000, tmv_log_level_name(level), line);
    fflush(user);
}

static FILE *open_log(const struct stage *stage)
{
    char path[300];
    FILE *log;

    snprintf(path, sizeof path, "%s/log", workspace_path(stage->workspace));
    log = fopen(path, "we");
    if (log)
        tmv_log_set_sink(write_log, log, TMV_LOG_INFO);
    return log;
}

static void close_log(FILE *log)
{
    tmv_log_set_sink(NULL, NULL, TMV_LOG_ERROR);
    if (log)
        fclose(log);
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
    FILE *log = NULL;
    int cancel_fd = -1;
    bool ok;

    *ret_clean = false;
    if (!demo_options_check(options, err) || !cancel_begin(&cancel_fd, err))
        return false;
    ok = stage_open(options, cancel_fd, say, &stage, err);
    if (ok)
        log = open_log(&stage);
    if (ok && options->headless)
        ok = run_headless(&stage, options, say, object, ret_clean, err);
    else if (ok)
        ok = *ret_clean = interactive_run(&stage, options, err);
    close_log(log);
    if (options->keep && ok)
        say("kept in %s; start a server again with postgres -D %s/shared/data", options->keep, options->keep);
    stage_close(&stage);
    cancel_end();
    return ok;
}
