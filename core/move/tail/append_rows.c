#include "move/tail/append_rows.h"

#define TUPLE_HEAD 2 /* number of fields */
#define FIELD_HEAD 4 /* length of a field; all ones: NULL, and no bytes follow */
#define POSITION_BYTES 8

static uint64_t get(const char *at, int bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

static void put(char *at, uint64_t value)
{
    for (int i = POSITION_BYTES - 1; i >= 0; i--, value >>= 8)
        at[i] = (char)(value & 0xff);
}

/* Bytes of the tuple at `at`; 0: it does not end within `size`. */
static size_t tuple_size(const char *at, size_t size)
{
    size_t used = TUPLE_HEAD;

    if (size < TUPLE_HEAD)
        return 0;
    for (uint64_t fields = get(at, TUPLE_HEAD); fields > 0; fields--) {
        if (size - used < FIELD_HEAD)
            return 0;
        uint64_t length = get(at + used, FIELD_HEAD);
        used += FIELD_HEAD;
        length = length == UINT32_MAX ? 0 : length;
        if (size - used < length)
            return 0;
        used += length;
    }
    return used;
}

static bool has_position(const char *at, size_t size)
{
    return size >= TUPLE_HEAD + FIELD_HEAD + POSITION_BYTES && get(at, TUPLE_HEAD) > 0 &&
           get(at + TUPLE_HEAD, FIELD_HEAD) == POSITION_BYTES;
}

bool append_rows_count(const char *data, size_t size, size_t *ret_count, int64_t *ret_last)
{
    size_t count = 0;

    for (size_t at = 0; at < size; count++) {
        size_t tuple = tuple_size(data + at, size - at);

        if (tuple == 0 || !has_position(data + at, tuple))
            return false;
        *ret_last = (int64_t)get(data + at + TUPLE_HEAD + FIELD_HEAD, POSITION_BYTES);
        at += tuple;
    }
    *ret_count = count;
    return true;
}

void append_rows_set(char *data, size_t size, const int64_t *positions)
{
    for (size_t at = 0, i = 0; at < size; i++) {
        put(data + at + TUPLE_HEAD + FIELD_HEAD, (uint64_t)positions[i]);
        at += tuple_size(data + at, size - at);
    }
}
