#include "lib/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "lib/err.h"
#include "lib/text.h"

void json_add_int64(cJSON *object, const char *name, int64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, value);
    cJSON_AddRawToObject(object, name, text);
}

void json_add_decimal(cJSON *object, const char *name, double value, int digits)
{
    cJSON_AddRawToObject(object, name, DECIMAL(value, digits));
}

void json_add_text(cJSON *object, const char *name, const char *value)
{
    if (value)
        cJSON_AddStringToObject(object, name, value);
    else
        cJSON_AddNullToObject(object, name);
}

void json_add_bool(cJSON *object, const char *name, bool value)
{
    cJSON_AddBoolToObject(object, name, value);
}

int64_t json_get_int64(const cJSON *object, const char *name, int64_t fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    int64_t value;

    if (cJSON_IsNumber(item) && fabs(item->valuedouble) < 9007199254740992.0)
        return (int64_t)item->valuedouble;
    if (cJSON_IsString(item) && text_to_int64(item->valuestring, INT64_MIN, INT64_MAX, &value))
        return value;
    return fallback;
}

const char *json_get_text(const cJSON *object, const char *name, const char *fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsString(item) ? item->valuestring : fallback;
}

bool json_get_bool(const cJSON *object, const char *name, bool fallback)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsBool(item) ? cJSON_IsTrue(item) : fallback;
}

bool json_parse(const char *text, cJSON **ret_root, struct tmv_error *err)
{
    const char *end = NULL;

    *ret_root = cJSON_ParseWithOpts(text, &end, 1);
    if (!*ret_root)
        return err_set(err, TMV_ERR_USAGE, "not valid JSON at byte %td", end ? end - text : (ptrdiff_t)0);
    return true;
}

char *json_print(const cJSON *root)
{
    return cJSON_PrintUnformatted(root);
}
