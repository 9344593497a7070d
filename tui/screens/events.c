#include "screens/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* "pause_us: 4600" that ends at `used` becomes "pause 4.6 ms". Returns the new end. */
static size_t humanize_us(char *text, size_t used)
{
    char duration[FORMAT_MAX];
    size_t digits = used;

    while (digits > 0 && text[digits - 1] >= '0' && text[digits - 1] <= '9')
        digits--;
    if (digits == used || digits < 6 || memcmp(text + digits - 5, "_us: ", 5) != 0)
        return used;
    text[used] = '\0';
    format_duration(strtoll(text + digits, NULL, 10), duration);
    text[digits - 5] = ' ';
    memcpy(text + digits - 4, duration, strlen(duration)); /* the caller leaves room for it */
    return digits - 4 + strlen(duration);
}

/* The details are a JSON object; as words: without braces and quotes, ": " and ", " kept, microseconds as
 * durations. Good enough to read, and never fails on a cut text. */
static void json_words(const char *json, char *text, size_t size)
{
    size_t used = 0;

    for (; *json != '\0' && used + FORMAT_MAX < size; json++) {
        if (*json == ',' || *json == '}')
            used = humanize_us(text, used);
        if (strchr("{}\"\\[]", *json) != NULL)
            continue;
        if (*json == ' ' && (used == 0 || text[used - 1] == ' '))
            continue;
        text[used++] = *json;
        if ((*json == ',' || *json == ':') && json[1] != ' ')
            text[used++] = ' ';
    }
    text[used] = '\0';
}

enum role event_words(const struct tmv_audit_entry *entry, char *text, size_t size)
{
    const char *words = entry->event_type;
    enum role role = ROLE_LOG_INFO;
    char details[400], phases[64] = "", by[TMV_NAME_MAX + 8] = "";

    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(types[i].type, entry->event_type) == 0) {
            words = types[i].words;
            role = types[i].role;
        }
    }
    json_words(entry->details, details, sizeof details);
    if (entry->new_phase[0] != '\0' && strcmp(entry->event_type, "phase_changed") == 0)
        snprintf(phases, sizeof phases, " %s → %s", entry->old_phase[0] ? entry->old_phase : "new",
                 entry->new_phase);
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
    canvas_separator(canvas, rect_top(&area, 1), "events", "newest first");
    for (size_t i = 0; model->snapshot != NULL && i < model->snapshot->event_count && area.h > 0; i++) {
        const struct tmv_audit_entry *entry = &model->snapshot->events[i];
        struct line line;
        if (only != NULL && !tmv_uuid_equal(&entry->migration, only))
            continue;
        line = line_begin(canvas, rect_top(&area, 1));
        event_draw(model, entry, &line, only == NULL);
    }
}
