#include "tenantmv/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool tmv_uuid_parse(const char *text, struct tmv_uuid *ret_id)
{
    struct tmv_uuid id;
    const char *p = text;

    if (!text || strlen(text) != TMV_UUID_TEXT - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            if (*p++ != '-')
                return false;
        }
        int high = hex_digit(p[0]);
        int low = high < 0 ? -1 : hex_digit(p[1]);
        if (low < 0)
            return false;
        id.bytes[i] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    *ret_id = id;
    return true;
}

const char *tmv_uuid_format(const struct tmv_uuid *id, char buf[TMV_UUID_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    char *p = buf;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[id->bytes[i] >> 4];
        *p++ = digits[id->bytes[i] & 15];
    }
    *p = '\0';
    return buf;
}

struct tmv_uuid tmv_uuid_random(void)
{
    struct tmv_uuid id;
    size_t have = 0;

    while (have < sizeof id.bytes) {
        ssize_t n = getrandom(id.bytes + have, sizeof id.bytes - have, 0);
        if (n > 0)
            have += (size_t)n;
    }
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40); /* RFC 9562, section 5.4 */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

bool tmv_uuid_equal(const struct tmv_uuid *a, const struct tmv_uuid *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

bool tmv_uuid_is_nil(const struct tmv_uuid *id)
{
    static const struct tmv_uuid nil;

    return tmv_uuid_equal(id, &nil);
}
