/* tenantmv limit */
#include "command/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "tenantmv/snapshot.h"
#include "widgets/format.h"

#define MEGABYTE INT64_C(1000000)

struct arguments {
    const char *what;
    bool none;
    struct limit_arguments limits;
};
static const struct arguments defaults = {.limits = LIMIT_DEFAULTS};
static const struct option_spec options[] = {
    OPT_FLAG("none", 0, offsetof(struct arguments, none),
             "take back what limits and holds the copy, before the other options count; workers stay"),
    LIMIT_OPTIONS(offsetof(struct arguments, limits)),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

/* Numbers by option: the key, and how the option's unit becomes the key's. */
static const struct {
    const char *key;
    size_t offset;
    int64_t times, per;
} numbers[] = {
    {"max_bulk_copy_rate", offsetof(struct limit_arguments, max_rate), 1, 1},
    {"max_bulk_copy_bytes", offsetof(struct limit_arguments, max_mb), MEGABYTE, 1},
    {"copy_workers", offsetof(struct limit_arguments, workers), 1, 1},
    {"throttle_replica_lag_ms", offsetof(struct limit_arguments, throttle_lag_us), 1, 1000},
    {"throttle_connections", offsetof(struct limit_arguments, throttle_connections), 1, 1},
    {"throttle_query_limit", offsetof(struct limit_arguments, throttle_above), 1, 1},
};
static const struct {
    const char *key;
    size_t offset;
} texts[] = {
    {"throttle_file", offsetof(struct limit_arguments, throttle_file)},
    {"throttle_query", offsetof(struct limit_arguments, throttle_query)},
};
#define COUNT(array) (sizeof(array) / sizeof *(array))

cJSON *limit_changes(const struct limit_arguments *arguments)
{
    cJSON *changes = cJSON_CreateObject();

    for (size_t i = 0; i < COUNT(numbers); i++) {
        int64_t given = *(const int64_t *)(const void *)((const char *)arguments + numbers[i].offset);

        if (given != LIMIT_NOT_GIVEN)
            json_add_int64(changes, numbers[i].key, given * numbers[i].times / numbers[i].per);
    }
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *given = *(const char *const *)(const void *)((const char *)arguments + texts[i].offset);

        if (given)
            json_text(changes, texts[i].key, strcmp(given, "none") == 0 ? "" : given);
    }
    return changes;
}

/* --none first, then what was given. */
static cJSON *all_changes(const struct arguments *a)
{
    AUTO(json) cJSON *given = limit_changes(&a->limits);
    cJSON *changes = a->none ? cJSON_Parse(TMV_NO_LIMITS) : cJSON_CreateObject();

    for (cJSON *item; (item = cJSON_DetachItemFromArray(given, 0));) {
        cJSON_DeleteItemFromObject(changes, item->string);
        cJSON_AddItemToObject(changes, item->string, item);
    }
    return changes;
}

/* ---- what they are ---- */

static void print_number(const struct cli *cli, const char *label, int64_t value, const char *unit)
{
    char number[FORMAT_MAX];

    if (value > 0)
        print_line(cli, label, TONE_PLAIN, "%s%s", format_grouped(value, number), unit);
    else
        print_line(cli, label, TONE_FAINT, "none");
}

static void print_settings(const struct cli *cli, const struct tmv_settings *s)
{
    char lag[FORMAT_MAX];

    print_number(cli, "events", s->max_bulk_copy_rate, "/s");
    print_number(cli, "bytes", s->max_bulk_copy_bytes, "/s");
    print_number(cli, "workers", s->copy_workers, "");
    if (s->throttle_replica_lag_ms > 0)
        print_line(cli, "standby's lag", TONE_PLAIN, "held above %s",
                   format_duration(s->throttle_replica_lag_ms * 1000, lag));
    if (s->throttle_connections > 0)
        print_line(cli, "active sessions", TONE_PLAIN, "held above %lld", (long long)s->throttle_connections);
    if (*s->throttle_file)
        print_line(cli, "flag file", TONE_PLAIN, "held while %s exists", s->throttle_file);
    if (*s->throttle_query)
        print_line(cli, "query", TONE_PLAIN, "held while true or above %lld: %s",
                   (long long)s->throttle_query_limit, s->throttle_query);
}

static bool print_json(struct cli *cli, const struct tmv_migration *m, const struct tmv_settings *s,
                       struct tmv_error *err)
{
    cJSON *document = cli_document(cli);
    AUTO_FREE char *text = tmv_settings_to_json(s);
    cJSON *settings = text ? cJSON_Parse(text) : NULL;

    if (!settings)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    json_id(document, "migration", &m->id);
    cJSON_AddItemToObject(document, "settings", settings);
    json_text(document, "throttle", m->throttle);
    json_add_int64(document, "throttled_us", m->throttled_us);
    return true;
}

static bool show(struct cli *cli, const struct tmv_migration *m, const struct tmv_settings *s,
                 struct tmv_error *err)
{
    char held[FORMAT_MAX];

    if (cli->json)
        return print_json(cli, m, s, err);
    print_settings(cli, s);
    print_line(cli, "throttled now", TONE_WARN, "%s", m->throttle);
    if (m->throttled_us > 0)
        print_line(cli, "throttled", TONE_PLAIN, "%s in all", format_duration(m->throttled_us, held));
    return true;
}

static bool change_and_show(struct cli *cli, const struct arguments *a, const struct tmv_migration *m,
                            struct tmv_error *err)
{
    AUTO(json) cJSON *changes = all_changes(a);
    AUTO_FREE char *text = cJSON_PrintUnformatted(changes);
    struct tmv_control *control;
    struct tmv_settings settings;
    struct tmv_actor actor;
    bool asks = cJSON_GetArraySize(changes) > 0;
    bool ok = cli_control(cli, &control, err);

    cli_actor(cli, &actor);
    if (ok && !text)
        ok = err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (ok)
        ok = asks ? tmv_settings_change(control, &m->id, text, &actor, &settings, err)
                  : tmv_settings_read(control, &m->id, &settings, err);
    return ok && show(cli, m, &settings, err);
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return change_and_show(cli, a, migration, err);
}

const struct command command_limit = {
    .name = "limit",
    .summary = "show or change how fast a migration copies, and what holds it",
    .description =
        "Changes the limits of a migration that runs; the engine follows within a second, and the audit says "
        "who changed what. Without options it shows them.\n\n"
        "The copy is held, at the end of the chunks that run, while a standby of the source is too far "
        "behind, "
        "too many sessions are active there, a query says so, or a file exists; `tenantmv status` and the "
        "console say which, and how long it was held in all. What cannot be looked at holds it too. "
        "The query runs read-only on the source as the engine's role, two seconds at most. "
        "Nothing holds the mirroring of new events or a cutover.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv limit acme --max-rate 5000 --workers 1\n"
                "  tenantmv limit acme --throttle-lag 10s --throttle-file /run/tenantmv.hold\n"
                "  tenantmv limit acme --throttle-query \"SELECT count(*) FROM jobs WHERE late\" "
                "--throttle-above 100\n"
                "  tenantmv limit acme --none\n",
    .access = ACCESS_WRITE,
    .run = run,
};
