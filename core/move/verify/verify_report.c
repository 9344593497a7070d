#include "move/verify/verify_report.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/row.h"

/* The report's numbers by name; both ways go through this table. */
static const struct number {
    const char *name;
    size_t offset;
} numbers[] = {
#define NUMBER(name)                                                                                         \
    {                                                                                                        \
#name, offsetof(struct tmv_verify_report, name)                                                      \
    }
    NUMBER(from_position), NUMBER(to_position), NUMBER(equal_to),    NUMBER(events_source),
    NUMBER(events_target), NUMBER(differences), NUMBER(duration_us), NUMBER(sample_seed),
    NUMBER(to_remove),     NUMBER(to_copy),
#undef NUMBER
};

static cJSON *difference_to_json(const struct tmv_difference *d)
{
    cJSON *o = cJSON_CreateObject();
    char id[TMV_UUID_TEXT];

    json_add_text(o, "kind", d->kind);
    json_add_text(o, "event_id", tmv_uuid_format(&d->event_id, id));
    json_add_text(o, "aggregate", tmv_uuid_format(&d->aggregate, id));
    json_add_int64(o, "position", d->position);
    json_add_int64(o, "target_position", d->target_position);
    json_add_int64(o, "version", d->version);
    json_add_text(o, "columns", d->columns);
    return o;
}

char *verify_report_to_json(const struct tmv_verify_report *r)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *list = cJSON_AddArrayToObject(o, "found");
    char *text;

    json_add_text(o, "level", tmv_verify_level_name(r->level));
    json_add_bool(o, "consistent", r->consistent);
    json_add_bool(o, "repaired", r->repaired);
    cJSON_AddNumberToObject(o, "sample_percent", r->sample_percent);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        json_add_int64(o, numbers[i].name, *(const int64_t *)((const char *)r + numbers[i].offset));
    for (int64_t i = 0; i < r->differences && i < TMV_DIFFERENCES_MAX; i++)
        cJSON_AddItemToArray(list, difference_to_json(&r->found[i]));
    text = json_print(o);
    cJSON_Delete(o);
    return text;
}

static void safe_copy(char *dst, size_t size, const cJSON *o, const char *name)
{
    text_copy(dst, size, json_get_text(o, name, ""));
    text_sanitize(dst);
}

static void difference_from_json(const cJSON *o, struct tmv_difference *d)
{
    safe_copy(d->kind, sizeof d->kind, o, "kind");
    safe_copy(d->columns, sizeof d->columns, o, "columns");
    tmv_uuid_parse(json_get_text(o, "event_id", ""), &d->event_id);
    tmv_uuid_parse(json_get_text(o, "aggregate", ""), &d->aggregate);
    d->position = json_get_int64(o, "position", 0);
    d->target_position = json_get_int64(o, "target_position", 0);
    d->version = json_get_int64(o, "version", 0);
}

void verify_report_from_json(const cJSON *json, struct tmv_verify_report *r)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "found");
    const cJSON *percent = cJSON_GetObjectItemCaseSensitive(json, "sample_percent");
    const char *level = json_get_text(json, "level", "hash");
    const cJSON *item;
    int64_t count = 0;

    memset(r, 0, sizeof *r);
    r->level = TMV_VERIFY_HASH;
    for (int i = 0; i < TMV_VERIFY_LEVELS; i++)
        if (strcmp(level, tmv_verify_level_name((enum tmv_verify_level)i)) == 0)
            r->level = (enum tmv_verify_level)i;
    r->consistent = json_get_bool(json, "consistent", false);
    r->repaired = json_get_bool(json, "repaired", false);
    r->sample_percent = cJSON_IsNumber(percent) ? percent->valuedouble : 0;
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        *(int64_t *)((char *)r + numbers[i].offset) = json_get_int64(json, numbers[i].name, 0);
    cJSON_ArrayForEach(item, list)
    {
        if (count < TMV_DIFFERENCES_MAX)
            difference_from_json(item, &r->found[count++]);
    }
    /* What is counted but not named must not be looked for. */
    if (r->differences < TMV_DIFFERENCES_MAX)
        r->differences = count;
}

/* ---- reports that are kept ---- */

bool tmv_verify_keep(struct tmv_control *control, const struct tmv_uuid *migration,
                     const struct tmv_verify_report *report, struct tmv_error *err)
{
    AUTO_FREE char *json = verify_report_to_json(report);

    if (!json)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    return control_check_writable(control, err) &&
           control_verification_keep(control->conn, migration, tmv_verify_level_name(report->level),
                                     report->consistent, json, err);
}

bool tmv_verify_reports(struct tmv_control *control, const struct tmv_uuid *migration, int limit,
                        struct tmv_kept_report **ret_reports, size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *rows = NULL;

    *ret_reports = NULL;
    *ret_count = 0;
    if (!control_verification_list(control->conn, migration, limit, &rows, err))
        return false;
    size_t count = (size_t)pgx_rows(rows);
    struct tmv_kept_report *list = calloc(count ? count : 1, sizeof *list);
    if (!list)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        AUTO(json) cJSON *json = NULL;
        struct tmv_error ignored;

        if (json_parse(pgx_text(rows, (int)i, 4), &json, &ignored))
            verify_report_from_json(json, &list[i].report);
        list[i].id = pgx_int(rows, (int)i, 0);
        list[i].made_at_us = pgx_int(rows, (int)i, 1);
        list[i].report.consistent = pgx_bool(rows, (int)i, 3);
    }
    *ret_reports = list;
    *ret_count = count;
    return true;
}
