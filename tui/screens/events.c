#include "screens/events.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/text.h"
#include "widgets/format.h"

/* Types of the shared audit table; others show their own name. */
static const struct {
    const char *type, *words;
    enum role role;
} types[] = {
    {"migration_started", "started", ROLE_LOG_INFO},
    {"phase_changed", "phase", ROLE_LOG_INFO},
    {"migration_paused", "paused", ROLE_LOG_WARN},
    {"migration_resumed", "resumed", ROLE_LOG_OK},
    {"migration_aborted", "aborted", ROLE_LOG_WARN},
    {"migration_completed", "completed", ROLE_LOG_OK},
    {"migration_failed", "failed", ROLE_LOG_ERROR},
    {"error_occurred", "error", ROLE_LOG_ERROR},
    {"cutover_initiated", "cutover started", ROLE_LOG_INFO},
    {"cutover_completed", "cutover completed", ROLE_LOG_OK},
    {"cutover_rolled_back", "cutover rolled back", ROLE_LOG_WARN},
    {"verification_started", "verification started", ROLE_LOG_INFO},
    {"verification_completed", "verified", ROLE_LOG_OK},
    {"verification_failed", "verification FAILED", ROLE_LOG_ERROR},
    {"progress_checkpoint", "progress", ROLE_LOG_DEBUG},
};

/* Keys of the details that say nothing to a reader of the line, and those whose value speaks for itself. */
static const char *const silent_keys[] = {"from", "code", "hint"};
static const char *const bare_keys[] = {"reason", "message", "error", "outcome"};
/* Whose 0 is news. Else a 0 and a "no" are what was not asked for or did not happen: they stay in the record.
 */
static const char *const zero_keys[] = {"differences"};

static bool is_one_of(const char *key, const char *const *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

#define IS_ONE_OF(key, keys) is_one_of(key, keys, sizeof(keys) / sizeof *(keys))

static bool says_nothing(const cJSON *item)
{
    return cJSON_IsFalse(item) ||
           (cJSON_IsNumber(item) && item->valuedouble == 0 && !IS_ONE_OF(item->string, zero_keys));
}

/* A value as people read it; "" for what has no short form. */
static void value_words(const cJSON *item, char *text, size_t size)
{
    size_t length = strlen(item->string);
    char number[FORMAT_MAX];

    text[0] = '\0';
    if (cJSON_IsString(item))
        snprintf(text, size, "%.300s", item->valuestring);
    else if (cJSON_IsNumber(item) && length > 3 && strcmp(item->string + length - 3, "_us") == 0)
        text_copy(text, size, format_duration((int64_t)item->valuedouble, number));
    else if (cJSON_IsNumber(item))
        text_copy(text, size, format_grouped((int64_t)item->valuedouble, number));
    else if (cJSON_IsTrue(item))
        snprintf(text, size, "yes");
}

/* The details are a JSON object, cut when it is long. As words: "pause 4.6 ms, level hash". What was cut is
 * shown as it stands. */
static void json_words(const char *json, char *text, size_t size)
{
    AUTO(json) cJSON *object = cJSON_Parse(json);
    const cJSON *item;
    size_t used = 0;

    snprintf(text, size, "%.*s", (int)size - 1, !object ? json : "");
    cJSON_ArrayForEach(item, object)
    {
        char value[400], key[64];
        if (!item->string || IS_ONE_OF(item->string, silent_keys) || says_nothing(item))
            continue;
        value_words(item, value, sizeof value);
        if (value[0] == '\0' || used >= size)
            continue;
        snprintf(key, sizeof key, "%.50s ", item->string);
        if (strlen(key) > 4 && strcmp(key + strlen(key) - 4, "_us ") == 0)
            key[strlen(key) - 3] = '\0'; /* the "_" that stays becomes the blank */
        format_words(key);
        used += (size_t)snprintf(text + used, size - used, "%s%s%s", used > 0 ? ", " : "",
                                 IS_ONE_OF(item->string, bare_keys) ? "" : key, value);
    }
}

const char *event_type_words(const struct tmv_audit_entry *entry)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, entry->event_type) == 0)
            return types[i].words;
    return entry->event_type;
}

enum role event_words(const struct tmv_audit_entry *entry, char *text, size_t size)
{
    const char *words = event_type_words(entry);
    enum role role = ROLE_LOG_INFO;
    char details[400], phases[64] = "", by[TMV_NAME_MAX + 8] = "";

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, entry->event_type) == 0)
            role = types[i].role;
    json_words(entry->details, details, sizeof details);
    if (entry->new_phase[0] != '\0' && strcmp(entry->event_type, "phase_changed") == 0)
        snprintf(phases, sizeof phases, " %s → %s", entry->old_phase[0] ? entry->old_phase : "new",
                 entry->new_phase);
    format_words(phases);
    if (entry->operator_name[0] != '\0')
        snprintf(by, sizeof by, " by %s", entry->operator_name);
    snprintf(text, size, "%s%s%s%s%s", words, phases, by, details[0] ? ": " : "", details);
    return role;
}

static void event_draw(const struct model *model, const struct tmv_audit_entry *entry, struct line *line,
                       bool tenant)
{
    const struct tmv_migration *m = model_find(model, &entry->migration);
    char text[1024], name[TENANT_NAME_MAX], time[FORMAT_MAX];
    enum role role = event_words(entry, text, sizeof text);

    line_putf(line, ROLE_TEXT_DIM, " %s ", format_clock(entry->occurred_at_us, time));
    if (tenant) {
        struct rect name_rect = line->rest;
        name_rect.w = name_rect.w < 16 ? name_rect.w : 16;
        canvas_fit(line->canvas, name_rect, ROLE_TEXT_STRONG,
                   m ? tenant_name(&model->names, &m->tenant, name) : "—");
        line->rest.x += name_rect.w;
        line->rest.w -= name_rect.w;
        line_put(line, ROLE_TEXT, " ");
    }
    line_put(line, role, text);
}

void events_draw(const struct model *model, struct canvas *canvas, struct rect area,
                 const struct tmv_uuid *only)
{
    if (area.h < 2)
        return;
    canvas_separator(canvas, rect_top(&area, 1), "events", !only ? "4: all of them" : "newest first");
    for (size_t i = 0; i < model_event_count(model) && area.h > 0; i++) {
        const struct tmv_audit_entry *entry = model_event(model, i);
        struct line line;
        if (only && !tmv_uuid_equal(&entry->migration, only))
            continue;
        line = line_begin(canvas, rect_top(&area, 1));
        event_draw(model, entry, &line, !only);
    }
}
