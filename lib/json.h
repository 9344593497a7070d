/* Thin help around cJSON. Its numbers are doubles, so positions and counters travel as decimal strings or
 * through the int64 accessors here. Whoever holds a root frees it (AUTO(json)).
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "tenantmv/error.h"

static inline void json_auto(cJSON **root)
{
    cJSON_Delete(*root);
}

/* Adds an integer exactly: as a raw JSON number, whatever its size. */
void json_add_int64(cJSON *object, const char *name, int64_t value);
/* A number with `digits` places, whatever the locale. */
void json_add_decimal(cJSON *object, const char *name, double value, int digits);
void json_add_text(cJSON *object, const char *name, const char *value); /* NULL becomes null */
void json_add_bool(cJSON *object, const char *name, bool value);
/* Member `name` as an integer, from a number or a decimal string; `fallback` if it is missing or neither. */
int64_t json_get_int64(const cJSON *object, const char *name, int64_t fallback);
const char *json_get_text(const cJSON *object, const char *name, const char *fallback);
bool json_get_bool(const cJSON *object, const char *name, bool fallback);
/* Parses; on failure the error names the byte offset. The caller frees *ret_root. */
TMV_NODISCARD bool json_parse(const char *text, cJSON **ret_root, struct tmv_error *err);
/* Text without white space; the caller frees it. NULL only when memory is out. */
char *json_print(const cJSON *root);
