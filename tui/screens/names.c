#include "screens/names.h"

#include <stdio.h>
#include <string.h>

#include "widgets/width.h"

/* An alias is input: copied grapheme by grapheme, so that what is typed to confirm is what is seen. */
static void copy_safe(char *text, size_t size, const char *from)
{
    char grapheme[CELL_BYTES];
    size_t used = 0;
    int width;

    for (size_t n; (n = grapheme_next(from, grapheme, &width)) > 0; from += n) {
        size_t length = strlen(grapheme);
        if (used + length >= size)
            break;
        memcpy(text + used, grapheme, length);
        used += length;
    }
    text[used] = '\0';
}

const char *tenant_name(const struct tenant_names *names, const struct tmv_uuid *tenant,
                        char text[TENANT_NAME_MAX])
{
    char uuid[TMV_UUID_TEXT];

    for (size_t i = 0; i < names->count; i++) {
        if (tmv_uuid_equal(&names->aliases[i].tenant, tenant)) {
            copy_safe(text, TENANT_NAME_MAX, names->aliases[i].name);
            return text;
        }
    }
    snprintf(text, TENANT_NAME_MAX, "%.8s", tmv_uuid_format(tenant, uuid));
    return text;
}
