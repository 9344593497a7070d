/* Names that people know tenants by. A tenant is a UUID; the configuration may give it an alias. Time-ordered
 * UUIDs of one minute begin alike: a tenant without an alias goes by the shortest beginning that no other
 * known tenant has. */
#pragma once

#include "tenantmv/types.h"

struct tenant_alias {
    struct tmv_uuid tenant;
    const char *name; /* borrowed for as long as the console runs */
};
struct tenant_names {
    const struct tenant_alias *aliases; /* NULL: none */
    size_t count;
    const struct tmv_uuid
        *known; /* tenants that have to be told apart, in order (tenant_compare); NULL: none */
    size_t known_count;
};

#define TENANT_NAME_MAX 128
#define TENANT_DIGITS 8 /* of a beginning at least */

/* The order of `known`, for qsort. */
int tenant_compare(const void *a, const void *b);
/* What is shown: the alias, made safe; else a beginning, "…" and the last four digits. */
const char *tenant_name(const struct tenant_names *names, const struct tmv_uuid *tenant,
                        char text[TENANT_NAME_MAX]);
/* What is typed to confirm, and fits where there is less room: the alias; else only the beginning. */
const char *tenant_typed(const struct tenant_names *names, const struct tmv_uuid *tenant,
                         char text[TENANT_NAME_MAX]);
bool tenant_has_alias(const struct tenant_names *names, const struct tmv_uuid *tenant);
/* What it is sorted and looked for by: the alias; else the whole UUID. */
const char *tenant_full(const struct tenant_names *names, const struct tmv_uuid *tenant,
                        char text[TENANT_NAME_MAX]);
