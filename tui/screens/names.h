/* Names that people know tenants by. A tenant is a UUID; the configuration may give it an alias. */
#pragma once

#include "tenantmv/types.h"

struct tenant_alias {
    struct tmv_uuid tenant;
    const char *name; /* borrowed for as long as the console runs */
};
struct tenant_names {
    const struct tenant_alias *aliases; /* NULL: none */
    size_t count;
};

#define TENANT_NAME_MAX 128
/* What is shown, and typed to confirm: the alias, made safe; else the first eight digits of the UUID. */
const char *tenant_name(const struct tenant_names *names, const struct tmv_uuid *tenant,
                        char text[TENANT_NAME_MAX]);
