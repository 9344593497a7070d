#include "view/names.h"

#include <stdio.h>
#include <string.h>

#include "lib/text.h"
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

static const char *alias_of(const struct tenant_names *names, const struct tmv_uuid *tenant,
                            char text[TENANT_NAME_MAX])
{
    for (size_t i = 0; i < names->count; i++) {
        if (!tmv_uuid_equal(&names->aliases[i].tenant, tenant))
            continue;
        copy_safe(text, TENANT_NAME_MAX, names->aliases[i].name);
        return text;
    }
    return NULL;
}

bool tenant_has_alias(const struct tenant_names *names, const struct tmv_uuid *tenant)
{
    char text[TENANT_NAME_MAX];

    return alias_of(names, tenant, text);
}

int tenant_compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct tmv_uuid));
}

/* Digits in which two tenants begin alike. */
static int digits_alike(const struct tmv_uuid *a, const struct tmv_uuid *b)
{
    int i = 0;

    while (i < (int)sizeof a->bytes && a->bytes[i] == b->bytes[i])
        i++;
    if (i == (int)sizeof a->bytes)
        return 2 * i;
    return 2 * i + (a->bytes[i] >> 4 == b->bytes[i] >> 4);
}

static int more_than(int needed, int alike)
{
    return alike + 1 > needed ? alike + 1 : needed;
}

/* Digits that no other known tenant begins with: its neighbours in the order are the most alike. */
static int digits_needed(const struct tenant_names *names, const struct tmv_uuid *tenant)
{
    int needed = TENANT_DIGITS;
    size_t low = 0, high = names->known_count;

    while (low < high) { /* the first that is not before it */
        size_t middle = low + (high - low) / 2;
        if (tenant_compare(&names->known[middle], tenant) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        needed = more_than(needed, digits_alike(&names->known[low - 1], tenant));
    while (low < names->known_count && tmv_uuid_equal(&names->known[low], tenant))
        low++; /* its other migrations */
    if (low < names->known_count)
        needed = more_than(needed, digits_alike(&names->known[low], tenant));
    return needed;
}

/* Characters of the text form that hold so many digits. */
static int characters(int digits)
{
    return digits + (digits > 8) + (digits > 12) + (digits > 16) + (digits > 20);
}

const char *tenant_typed(const struct tenant_names *names, const struct tmv_uuid *tenant,
                         char text[TENANT_NAME_MAX])
{
    char uuid[TMV_UUID_TEXT];

    if (!alias_of(names, tenant, text))
        snprintf(text, TENANT_NAME_MAX, "%.*s", characters(digits_needed(names, tenant)),
                 tmv_uuid_format(tenant, uuid));
    return text;
}

const char *tenant_full(const struct tenant_names *names, const struct tmv_uuid *tenant,
                        char text[TENANT_NAME_MAX])
{
    char uuid[TMV_UUID_TEXT];

    if (!alias_of(names, tenant, text))
        text_copy(text, TENANT_NAME_MAX, tmv_uuid_format(tenant, uuid));
    return text;
}

#define LAST_DIGITS 4

const char *tenant_name(const struct tenant_names *names, const struct tmv_uuid *tenant,
                        char text[TENANT_NAME_MAX])
{
    char uuid[TMV_UUID_TEXT];
    int digits;

    if (alias_of(names, tenant, text))
        return text;
    digits = digits_needed(names, tenant);
    tmv_uuid_format(tenant, uuid);
    if (digits + LAST_DIGITS >= 2 * (int)sizeof tenant->bytes)
        text_copy(text, TENANT_NAME_MAX, uuid);
    else
        snprintf(text, TENANT_NAME_MAX, "%.*s…%s", characters(digits), uuid,
                 uuid + TMV_UUID_TEXT - 1 - LAST_DIGITS);
    return text;
}
