/* Settings of a migration as the JSON object that stands in tenant_migrations.config, where eventsource-py's
 * processes read their own keys. A value that means "none" or "default" here is left out, because theirs have
 * lowest values. */
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "control/settings.h"

/* Integer settings: range, default, and whether a value below `shown_from` is left out of the JSON. */
static const struct {
    const char *key;
    size_t offset;
    int64_t lowest, highest, fallback, shown_from;
} numbers[] = {
#define NUMBER(key, ...)                                                                                     \
    {                                                                                                        \
#key, offsetof(struct tmv_settings, key), __VA_ARGS__                                                \
    }
    NUMBER(batch_size, 0, 10000000, 0, 1),
    NUMBER(max_bulk_copy_rate, 0, 1000000000, 0, 1),
    NUMBER(cutover_max_lag_events, -1, 1000000000, -1, 0),
    NUMBER(cutover_timeout_ms, 100, 60000, 500, 0),
    NUMBER(cutover_max_lag_ms, 1, 3600000, 50, 0),
    NUMBER(lock_budget_ms, 1, 900, 20, 0), /* below the usual deadlock_timeout of 1 s */
    NUMBER(drain_budget_ms, 1, 60000, 60, 0),
#undef NUMBER
};
#define COPY_WORKERS_MAX 16
#define COPY_WORKERS 2

static const struct {
    const char *key;
    size_t offset;
    bool fallback;
} flags[] = {
    {"verify_consistency", offsetof(struct tmv_settings, verify_consistency), true},
    {"keep_indexes", offsetof(struct tmv_settings, keep_indexes), false},
    {"auto_cutover", offsetof(struct tmv_settings, auto_cutover), false},
};

/* Names that older documents of eventsource-py promise and no version reads. */
static const struct {
    const char *key, *instead;
} old_names[] = {
    {"sync_lag_threshold", "use cutover_max_lag_events (events) or cutover_max_lag_ms (milliseconds)"},
    {"sync_check_interval", "leave it out: changes are followed as they happen"},
    {"cutover_timeout_seconds", "use cutover_timeout_ms (milliseconds)"},
    {"verification_level", "use verify_consistency: the gate always compares hashes"},
    {"sample_percentage", "leave it out: the gate compares every event"},
    {"enable_tracing", "leave it out: tracing belongs to the program, not to a migration"},
    {"enable_metrics", "leave it out: metrics belong to the program, not to a migration"},
};

static int64_t *number_at(struct tmv_settings *settings, size_t i)
{
    return (int64_t *)(void *)((char *)settings + numbers[i].offset);
}

static bool *flag_at(struct tmv_settings *settings, size_t i)
{
    return (bool *)(void *)((char *)settings + flags[i].offset);
}

void tmv_settings_default(struct tmv_settings *ret_settings)
{
    memset(ret_settings, 0, sizeof *ret_settings);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *number_at(ret_settings, i) = numbers[i].fallback;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        *flag_at(ret_settings, i) = flags[i].fallback;
    ret_settings->copy_workers = COPY_WORKERS;
}

static bool out_of_range(const char *key, int64_t lowest, int64_t highest, struct tmv_error *err)
{
    return err_set(err, TMV_ERR_USAGE, "%s must be a whole number from %lld to %lld", key, (long long)lowest,
                   (long long)highest);
}

bool settings_check(const struct tmv_settings *settings, struct tmv_error *err)
{
    struct tmv_settings copy = *settings;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (*number_at(&copy, i) < numbers[i].lowest || *number_at(&copy, i) > numbers[i].highest)
            return out_of_range(numbers[i].key, numbers[i].lowest, numbers[i].highest, err);
    if (settings->copy_workers < 1 || settings->copy_workers > COPY_WORKERS_MAX)
        return out_of_range("copy_workers", 1, COPY_WORKERS_MAX, err);
    if (settings->lock_budget_ms + settings->drain_budget_ms > settings->cutover_timeout_ms) {
        err_set(err, TMV_ERR_USAGE,
                "lock_budget_ms (%lld) and drain_budget_ms (%lld) exceed cutover_timeout_ms (%lld)",
                (long long)settings->lock_budget_ms, (long long)settings->drain_budget_ms,
                (long long)settings->cutover_timeout_ms);
        return err_hint(err, "cutover_timeout_ms is the whole pause: raise it or lower its parts");
    }
    return true;
}

char *tmv_settings_to_json(const struct tmv_settings *settings)
{
    AUTO(json) cJSON *root = cJSON_CreateObject();
    struct tmv_settings copy = *settings;

    if (!root)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (*number_at(&copy, i) >= numbers[i].shown_from)
            json_add_int64(root, numbers[i].key, *number_at(&copy, i));
    json_add_int64(root, "copy_workers", settings->copy_workers);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        json_add_bool(root, flags[i].key, *flag_at(&copy, i));
    /* What eventsource-py's processes would assume otherwise: positions stay as they are, checkpoints are not
     * touched. */
    json_add_bool(root, "position_mapping_enabled", false);
    json_add_bool(root, "migrate_subscriptions", false);
    return json_print(root);
}

static bool read_number(const cJSON *root, const char *key, int64_t lowest, int64_t highest, int64_t *value,
                        struct tmv_error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);

    if (!item)
        return true;
    if (!cJSON_IsNumber(item) || item->valuedouble != trunc(item->valuedouble) ||
        item->valuedouble < (double)lowest || item->valuedouble > (double)highest)
        return out_of_range(key, lowest, highest, err);
    *value = (int64_t)item->valuedouble;
    return true;
}

static bool read_flag(const cJSON *root, const char *key, bool *value, struct tmv_error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);

    if (!item)
        return true;
    if (!cJSON_IsBool(item))
        return err_set(err, TMV_ERR_USAGE, "%s must be true or false", key);
    *value = cJSON_IsTrue(item);
    return true;
}

static bool refuse_old_names(const cJSON *root, struct tmv_error *err)
{
    for (size_t i = 0; i < ARRAY_LEN(old_names); i++) {
        if (!cJSON_GetObjectItemCaseSensitive(root, old_names[i].key))
            continue;
        err_set(err, TMV_ERR_USAGE, "%s is a name of older documents that nothing reads", old_names[i].key);
        return err_hint(err, "%s", old_names[i].instead);
    }
    return true;
}

bool tmv_settings_from_json(const char *json, struct tmv_settings *ret_settings, struct tmv_error *err)
{
    AUTO(json) cJSON *root = NULL;
    struct tmv_settings settings;
    int64_t workers = COPY_WORKERS;

    tmv_settings_default(&settings);
    if (!json_parse(json, &root, err))
        return err_wrap(err, "settings");
    if (!cJSON_IsObject(root))
        return err_set(err, TMV_ERR_USAGE, "settings must be a JSON object");
    if (!refuse_old_names(root, err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (!read_number(root, numbers[i].key, numbers[i].lowest, numbers[i].highest, number_at(&settings, i),
                         err))
            return false;
    if (!read_number(root, "copy_workers", 1, COPY_WORKERS_MAX, &workers, err))
        return false;
    settings.copy_workers = (int)workers;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (!read_flag(root, flags[i].key, flag_at(&settings, i), err))
            return false;
    if (!settings_check(&settings, err))
        return false;
    *ret_settings = settings;
    return true;
}
