#include "test.h"

#include "support/feed_reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/support.h"

void feed_reader_init(struct feed_reader *reader, const struct tmv_uuid *tenant, int64_t position)
{
    memset(reader, 0, sizeof *reader);
    tmv_uuid_format(tenant, reader->tenant);
    reader->position = position;
}

void feed_reader_release(struct feed_reader *reader)
{
    free(reader->seen.items);
    memset(reader, 0, sizeof *reader);
}

void feed_reader_prepare(struct pgx_conn *store)
{
    support_sql(store,
                "CREATE OR REPLACE FUNCTION public.eventsource_feed_horizon() RETURNS text LANGUAGE sql "
                "STABLE AS 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text'");
}

static void note(struct feed_reader *reader, int64_t position)
{
    if (reader->seen.count == reader->seen.cap) {
        reader->seen.cap = reader->seen.cap ? reader->seen.cap * 2 : 1024;
        reader->seen.items = realloc(reader->seen.items, reader->seen.cap * sizeof *reader->seen.items);
        assert_non_null(reader->seen.items);
    }
    reader->seen.items[reader->seen.count++] = position;
    reader->position = position;
}

int feed_reader_read(struct feed_reader *reader, struct pgx_conn *store)
{
    static const char read[] =
        "SELECT global_position FROM public.events WHERE (txid IS NULL OR txid < $1::xid8)"
        " AND global_position > $2::bigint AND tenant_id = $3::uuid ORDER BY global_position LIMIT 1000";
    AUTO_FREE char *horizon = support_text(store, "SELECT public.eventsource_feed_horizon()");
    AUTO_RESULT struct pgx_result *rows = NULL;
    struct tmv_error err;

    assert_done(pgx_query(store, SUPPORT_TIMEOUT_US, read,
                          PGX_ARGS(PGX_TEXT(horizon), PGX_INT(reader->position), PGX_TEXT(reader->tenant)),
                          &rows, &err),
                &err);
    for (int i = 0; i < pgx_rows(rows); i++)
        note(reader, pgx_int(rows, i, 0));
    return pgx_rows(rows);
}

static int by_position(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Positions rise while it reads, so that what was seen is in order. */
bool feed_reader_saw(const struct feed_reader *reader, int64_t position)
{
    return reader->seen.count > 0 && bsearch(&position, reader->seen.items, reader->seen.count,
                                             sizeof *reader->seen.items, by_position) != NULL;
}

int64_t feed_reader_missed(const struct feed_reader *reader, struct pgx_conn *store, int64_t from)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    int64_t missed = 0;
    struct tmv_error err;

    assert_done(pgx_query(store, SUPPORT_TIMEOUT_US,
                          "SELECT global_position FROM public.events WHERE tenant_id = $1::uuid"
                          " AND global_position > $2::bigint",
                          PGX_ARGS(PGX_TEXT(reader->tenant), PGX_INT(from)), &rows, &err),
                &err);
    for (int i = 0; i < pgx_rows(rows); i++)
        missed += !feed_reader_saw(reader, pgx_int(rows, i, 0));
    return missed;
}
