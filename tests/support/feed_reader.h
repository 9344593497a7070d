/* A feed reader as eventsource-py's (interop.md "Feed read"): it asks for the horizon, then reads the
 * tenant's rows above its position that carry no transaction id or one below the horizon, and goes on from
 * the last one. What it passes over it never sees. */
#pragma once

#include "pg/query.h"

struct feed_reader {
    char tenant[TMV_UUID_TEXT];
    int64_t position;
    struct {
        int64_t *items; /* owned: positions in the order in which they were read */
        size_t count, cap;
    } seen;
};

void feed_reader_init(struct feed_reader *reader, const struct tmv_uuid *tenant, int64_t position);
void feed_reader_release(struct feed_reader *reader);
/* Makes the function that eventsource-py's readers ask for the horizon. */
void feed_reader_prepare(struct pgx_conn *store);
/* One read; returns how many events it brought. */
int feed_reader_read(struct feed_reader *reader, struct pgx_conn *store);
bool feed_reader_saw(const struct feed_reader *reader, int64_t position);
/* How many of the tenant's events above position `from` it has passed over in that store. */
int64_t feed_reader_missed(const struct feed_reader *reader, struct pgx_conn *store, int64_t from);
