/* Settings of a migration as the JSON object that stands in tenant_migrations.config, where eventsource-py's
 * processes read their own keys. A value that means "none" or "default" here is left out, because theirs have
 * lowest values. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "control/migration/settings.h"

/* Integer settings: range, default, whether a value below `shown_from` is left out of the JSON, and whether
 * it may change while the migration runs. */
static const struct {
    const char *key;
    size_t offset;
    int64_t lowest, highest, fallback, shown_from;
    bool live;
} numbers[] = {
#define NUMBER(key, ...)                                                                                     \
    {                                                                                                        \
#key, offsetof(struct tmv_settings, key), __VA_ARGS__                                                \
    }
    NUMBER(batch_size, 0, 10000000, 0, 1, false),
    NUMBER(max_bulk_copy_rate, 0, 1000000000, 0, 1, true),
    NUMBER(cutover_max_lag_events, -1, 1000000000, -1, 0, false),
    NUMBER(cutover_timeout_ms, 100, 60000, 500, 0, false),
    NUMBER(cutover_max_lag_ms, 1, 3600000, 50, 0, false),
    NUMBER(lock_budget_ms, 1, 900, 20, 0, false), /* below the usual deadlock_timeout of 1 s */
    NUMBER(drain_budget_ms, 1, 60000, 60, 0, false),
    NUMBER(max_bulk_copy_bytes, 0, 1000000000000, 0, 1, true),
    NUMBER(throttle_replica_lag_ms, 0, 86400000, 0, 1, true),
    NUMBER(throttle_connections, 0, 1000000, 0, 1, true),
    NUMBER(hold_s, 0, 31622400, 0, 1, false), /* a leap year */
    NUMBER(throttle_query_limit, -1000000000000, 1000000000000, 0, INT64_MIN, true),
#undef NUMBER
};

/* Settings that are text; "" is none and left out. All may change while the migration runs. */
static const struct {
    const char *key;
    size_t offset, size;
} texts[] = {
    {"throttle_file", offsetof(struct tmv_settings, throttle_file), TMV_PATH_MAX},
    {"throttle_query", offsetof(struct tmv_settings, throttle_query), TMV_QUERY_MAX},
};
/* Settings that are a list of names; an empty one is left out. */
static const struct {
    const char *key;
    size_t offset;
} lists[] = {
    {"leave_columns", offsetof(struct tmv_settings, leave_columns)},
    {"without_tables", offsetof(struct tmv_settings, without_tables)},
};
#define WORKERS_KEY "copy_workers"
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

static char *text_at(struct tmv_settings *settings, size_t i)
{
    return (char *)settings + texts[i].offset;
}

static struct tmv_names *list_at(struct tmv_settings *settings, size_t i)
{
    return (struct tmv_names *)(void *)((char *)settings + lists[i].offset);
}

size_t tmv_names_count(const struct tmv_names *names)
{
    size_t count = 0;

    while (count < TMV_NAMES_MAX && names->name[count][0])
        count++;
    return count;
}

bool tmv_names_contain(const struct tmv_names *names, const char *name)
{
    for (size_t i = 0; i < tmv_names_count(names); i++)
        if (strcmp(names->name[i], name) == 0)
            return true;
    return false;
}

bool tmv_names_add(struct tmv_names *names, const char *name, struct tmv_error *err)
{
    size_t count = tmv_names_count(names);

    if (!*name || strlen(name) >= sizeof names->name[0])
        return err_set(err, TMV_ERR_USAGE, "\"%.80s\" is not a name of 1 to %zu bytes", name,
                       sizeof names->name[0] - 1);
    if (tmv_names_contain(names, name))
        return true;
    if (count == TMV_NAMES_MAX)
        return err_set(err, TMV_ERR_USAGE, "at most %d names can be listed", TMV_NAMES_MAX);
    return text_copy(names->name[count], sizeof names->name[0], name);
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
        return out_of_range(WORKERS_KEY, 1, COPY_WORKERS_MAX, err);
    if (settings->throttle_file[0] && settings->throttle_file[0] != '/')
        return err_set(err, TMV_ERR_USAGE, "throttle_file must be an absolute path: the engine looks for it");
    if (settings->lock_budget_ms + settings->drain_budget_ms > settings->cutover_timeout_ms) {
        err_set(err, TMV_ERR_USAGE,
                "lock_budget_ms (%lld) and drain_budget_ms (%lld) exceed cutover_timeout_ms (%lld)",
                (long long)settings->lock_budget_ms, (long long)settings->drain_budget_ms,
                (long long)settings->cutover_timeout_ms);
        return err_hint(err, "cutover_timeout_ms is the whole pause: raise it or lower its parts");
    }
    return true;
}

static void add_names(cJSON *root, const char *key, const struct tmv_names *names)
{
    if (tmv_names_count(names) == 0)
        return;
    cJSON *array = cJSON_AddArrayToObject(root, key);
    for (size_t i = 0; i < tmv_names_count(names); i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(names->name[i]));
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
    json_add_int64(root, WORKERS_KEY, settings->copy_workers);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        json_add_bool(root, flags[i].key, *flag_at(&copy, i));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (text_at(&copy, i)[0])
            json_add_text(root, texts[i].key, text_at(&copy, i));
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        add_names(root, lists[i].key, list_at(&copy, i));
    /* What eventsource-py's processes would assume otherwise: positions stay as they are, checkpoints are not
     * touched. */
    json_add_bool(root, "position_mapping_enabled", false);
    json_add_bool(root, "migrate_subscriptions", false);
    return json_print(root);
}

char *settings_given_up(const struct tmv_settings *settings)
{
    AUTO(json) cJSON *root = cJSON_CreateObject();
    struct tmv_settings copy = *settings;

    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        add_names(root, lists[i].key, list_at(&copy, i));
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

static bool read_text(const cJSON *root, size_t i, char *value, struct tmv_error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, texts[i].key);

    if (!item)
        return true;
    if (!cJSON_IsString(item) || strlen(item->valuestring) >= texts[i].size)
        return err_set(err, TMV_ERR_USAGE, "%s must be text of at most %zu bytes", texts[i].key,
                       texts[i].size - 1);
    text_copy(value, texts[i].size, item->valuestring);
    return true;
}

static bool read_names(const cJSON *root, const char *key, struct tmv_names *names, struct tmv_error *err)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(root, key);
    const cJSON *item;

    if (!array)
        return true;
    memset(names, 0, sizeof *names);
    if (!cJSON_IsArray(array))
        return err_set(err, TMV_ERR_USAGE, "%s must be a list of names", key);
    cJSON_ArrayForEach(item, array)
    {
        if (!cJSON_IsString(item))
            return err_set(err, TMV_ERR_USAGE, "%s must be a list of names", key);
        if (!tmv_names_add(names, item->valuestring, err))
            return err_wrap(err, "%s", key);
    }
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

/* Every key of the object into *settings; what the object lacks stays as it is. */
static bool read_all(const cJSON *root, struct tmv_settings *settings, struct tmv_error *err)
{
    int64_t workers = settings->copy_workers;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (!read_number(root, numbers[i].key, numbers[i].lowest, numbers[i].highest, number_at(settings, i),
                         err))
            return false;
    if (!read_number(root, WORKERS_KEY, 1, COPY_WORKERS_MAX, &workers, err))
        return false;
    settings->copy_workers = (int)workers;
    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (!read_flag(root, flags[i].key, flag_at(settings, i), err))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (!read_text(root, i, text_at(settings, i), err))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++)
        if (!read_names(root, lists[i].key, list_at(settings, i), err))
            return false;
    return settings_check(settings, err);
}

static bool parse_object(const char *json, cJSON **ret_root, struct tmv_error *err)
{
    if (!json_parse(json, ret_root, err))
        return err_wrap(err, "settings");
    if (!cJSON_IsObject(*ret_root))
        return err_set(err, TMV_ERR_USAGE, "settings must be a JSON object");
    return refuse_old_names(*ret_root, err);
}

bool tmv_settings_from_json(const char *json, struct tmv_settings *ret_settings, struct tmv_error *err)
{
    AUTO(json) cJSON *root = NULL;
    struct tmv_settings settings;

    tmv_settings_default(&settings);
    if (!parse_object(json, &root, err) || !read_all(root, &settings, err))
        return false;
    *ret_settings = settings;
    return true;
}

/* ---- changes while it runs ---- */

static bool is_live(const char *key)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (strcmp(key, numbers[i].key) == 0)
            return numbers[i].live;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        if (strcmp(key, texts[i].key) == 0)
            return true;
    return strcmp(key, WORKERS_KEY) == 0;
}

/* A change must not bring a key into the JSON whose value there means none or default. */
static bool is_left_out(const cJSON *item)
{
    if (cJSON_IsNull(item) || (cJSON_IsString(item) && !item->valuestring[0]))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(numbers) && cJSON_IsNumber(item); i++)
        if (strcmp(item->string, numbers[i].key) == 0)
            return item->valuedouble >= (double)numbers[i].lowest &&
                   item->valuedouble < (double)numbers[i].shown_from;
    return false;
}

bool settings_changes(const char *json, char **ret_set, char **ret_removed, struct tmv_error *err)
{
    AUTO(json) cJSON *root = NULL;
    AUTO(json) cJSON *set = cJSON_CreateObject();
    AUTO(json) cJSON *removed = cJSON_CreateArray();
    struct tmv_settings checked;
    const cJSON *item;

    if (!parse_object(json, &root, err))
        return false;
    cJSON_ArrayForEach(item, root)
    {
        if (!is_live(item->string)) {
            err_set(err, TMV_ERR_USAGE, "%.60s cannot be changed while a migration runs", item->string);
            return err_hint(err, "what can: events and bytes per second, workers, and what holds the copy");
        }
        if (is_left_out(item))
            cJSON_AddItemToArray(removed, cJSON_CreateString(item->string));
        else
            cJSON_AddItemToObject(set, item->string, cJSON_Duplicate(item, false));
    }
    tmv_settings_default(&checked);
    if (!read_all(set, &checked, err))
        return false;
    *ret_set = json_print(set);
    *ret_removed = json_print(removed);
    if (*ret_set && *ret_removed)
        return true;
    free(TAKE(*ret_set));
    free(TAKE(*ret_removed));
    return err_set(err, TMV_ERR_NOMEM, "out of memory");
}
