/* tenantmv worker: the engine without a screen. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/output.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"
#include "tenantmv/engine.h"
#include "tenantmv/log.h"

struct arguments {
    const char *name, *webhook, *level;
    bool log_json;
    int64_t max_migrations;
};
static const char *const levels[] = {"debug", "info", "warn", "error", NULL};
static const struct arguments defaults = {.level = "info"};
static const struct option_spec options[] = {
    OPT_TEXT("name", 0, offsetof(struct arguments, name), "NAME", 100, COMPLETE_NOTHING,
             "how this engine is shown; \"worker\" and the host otherwise"),
    OPT_INTEGER("max-migrations", 0, offsetof(struct arguments, max_migrations), "N", 1, 64,
                "run at most this many at the same time; otherwise as configured"),
    OPT_TEXT("webhook", 0, offsetof(struct arguments, webhook), "URL", 1000, COMPLETE_NOTHING,
             "POST phase changes, pauses and errors to this URL"),
    OPT_CHOICE("log-level", 0, offsetof(struct arguments, level), "LEVEL", levels,
               "lowest level of log lines; info otherwise"),
    OPT_FLAG("log-json", 0, offsetof(struct arguments, log_json), "log lines as JSON objects"),
    {0},
};

static void log_time(char text[40])
{
    int64_t now = clock_wall_us();
    time_t whole = (time_t)(now / US_PER_S);
    struct tm tm;
    size_t n;

    gmtime_r(&whole, &tm);
    n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text + n, 40 - n, ".%03ldZ", (long)(now % US_PER_S / US_PER_MS));
}

/* Log lines that could not be written, as on a full disk, and why; the sink is called by one thread at a
 * time. */
struct log_loss {
    long long lines;
    int cause;
};

/* The sink knows where it is: no line comes after it is gone. */
static void log_loss_auto(struct log_loss *loss)
{
    (void)loss;
    tmv_log_set_sink(NULL, NULL, TMV_LOG_ERROR);
}

/* One line of the log. What could not be written is counted, and said as soon as there is room again. */
static void write_log(struct log_loss *loss, const char *line)
{
    if (loss->lines > 0 &&
        fprintf(stderr, "%lld log lines were lost: %s\n", loss->lines, strerror(loss->cause)) > 0)
        loss->lines = 0;
    if (fprintf(stderr, "%s\n", line) >= 0)
        return;
    loss->cause = errno;
    loss->lines++;
}

static void log_text(void *user, enum tmv_log_level level, const char *line)
{
    char time[40], text[1700];

    log_time(time);
    snprintf(text, sizeof text, "%s %-5s %s", time, tmv_log_level_name(level), line);
    write_log(user, text);
}

static void log_object(void *user, enum tmv_log_level level, const char *line)
{
    AUTO(json) cJSON *object = cJSON_CreateObject();
    char time[40];

    log_time(time);
    cJSON_AddStringToObject(object, "time", time);
    cJSON_AddStringToObject(object, "level", tmv_log_level_name(level));
    cJSON_AddStringToObject(object, "message", line);
    AUTO_FREE char *text = cJSON_PrintUnformatted(object);
    write_log(user, text ? text : line);
}

static enum tmv_log_level level_of(const char *name)
{
    enum tmv_log_level level = TMV_LOG_DEBUG;

    for (size_t i = 0; levels[i]; i++)
        if (strcmp(levels[i], name) == 0)
            level = (enum tmv_log_level)i;
    return level;
}

/* One that cannot be reached right now is no reason to give up. */
static bool is_away(const struct tmv_error *err)
{
    enum tmv_error_class class = tmv_error_classify(err);

    return class == TMV_CLASS_RECONNECT || class == TMV_CLASS_RETRY;
}

/* Says what is missing, and ends: nobody would notice an engine that only tries. */
static bool check_rights(struct cli *cli, const char *conninfo, struct tmv_error *err)
{
    struct tmv_rights rights;

    if (!tmv_control_rights(conninfo, &rights, err)) /* one that is away is looked at by the engine itself */
        return is_away(err);
    if (tmv_rights_check(&rights, err))
        return true;
    if (cli->json)
        cJSON_AddStringToObject(cli_document(cli), "grants", rights.grants);
    char *rest = rights.grants;
    for (char *grant = strsep(&rest, "\n"); grant; grant = strsep(&rest, "\n"))
        cli_note(cli, "%s", grant);
    return err_hint(err, "as the owner of the tables run the GRANTs %s",
                    cli->json ? "in \"grants\"" : "above");
}

/* Fails early when the control database is misconfigured: retrying for ever would only hide it. */
static bool look_at_control(const char *conninfo, struct tmv_error *err)
{
    struct tmv_control *control = NULL;

    if (tmv_control_open(conninfo, &control, err)) {
        tmv_control_close(control);
        return true;
    }
    return is_away(err);
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct tmv_engine_options engine_options = {0};
    struct tmv_engine *engine = NULL;
    char host[100] = "", name[120];
    sigset_t signals;
    AUTO(log_loss) struct log_loss loss = {0};
    int received = 0;

    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "worker %s", *host ? host : "?");
    if (!cli_conninfo(cli, &engine_options.control_conninfo, err) ||
        !check_rights(cli, engine_options.control_conninfo, err) ||
        !look_at_control(engine_options.control_conninfo, err))
        return false;
    engine_options.name = a->name ? a->name : name;
    engine_options.max_migrations = (int)(a->max_migrations ? a->max_migrations : cli->config.max_migrations);
    engine_options.webhook_url = a->webhook ? a->webhook : cli->config.webhook;
    tmv_log_set_sink(a->log_json || cli->json ? log_object : log_text, &loss, level_of(a->level));

    /* Blocked before the engine's threads are made, so that only sigwait below receives them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!tmv_engine_start(&engine_options, &engine, err))
        return false;
    cli_note(cli, "the engine %s runs; SIGTERM or Ctrl-C stops it at a safe point", engine_options.name);
    sigwait(&signals, &received);
    cli_note(cli, "stopping at a safe point");
    tmv_engine_stop(engine);
    if (cli->json)
        cJSON_AddStringToObject(cli_document(cli), "stopped_by", strsignal(received));
    return true;
}

const struct command command_worker = {
    .name = "worker",
    .summary = "run the engine without a screen",
    .description =
        "Carries out migrations until SIGTERM, SIGINT or SIGHUP, and then stops at the next safe point of "
        "each. It "
        "may be killed at any moment: another engine, or the same started again, continues. Log lines go to "
        "standard error.",
    .options = options,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv worker --log-json --webhook https://hooks.example/tenantmv\n",
    .access = ACCESS_WRITE,
    .run = run,
};
