/* Events of one store: appends and reads, on one connection, used by one thread at a time.
 *
 * An append is one statement in its own transaction: it happened as a whole or not at all, and every error
 * but UNKNOWN says that it did not happen. Works for plain and partitioned stores, older ones without a
 * transaction id, and tables with more columns, as long as those have defaults.
 */
#pragma once

#include "store/shape.h"
#include "tenantmv/router.h"

#define STORE_APPEND_BYTES_MAX (256u * 1024 * 1024) /* of one append, as it travels */

struct store_append {
    const struct tmv_stream *stream;    /* a nil tenant stores events without tenant */
    int64_t expected;                   /* version, or TMV_EXPECT_… */
    const struct tmv_new_event *events; /* every id is set */
    size_t count;                       /* 0 does nothing but warms the server's caches up */
    int64_t epoch;                      /* placement epoch that the writer names to the guard; 0: none */
    bool want_copy;                     /* hand out the stored rows, for a mirror */
};
struct store_appended {
    int64_t version;  /* of the stream after the append */
    int64_t position; /* of the first event */
    char *copy;       /* JSON: an array of rows, each an array of the text of store_mirrored columns; owned by
                         caller */
};

/* Appends. Errors: VERSION (the expectation does not hold, or another writer won: constraint is set then),
 * DUPLICATE, MOVED and CLOSED (the guard's TM001 and TM002), USAGE (a payload is not JSON, a text is too
 * long), UNREACHABLE (nothing was sent), UNKNOWN (it was sent and the answer is lost), SQL. After UNREACHABLE
 * and UNKNOWN the connection is broken. */
TMV_NODISCARD bool store_append(struct pgx_conn *conn, const struct store_shape *shape,
                                const struct store_append *what, int64_t timeout_us,
                                struct store_appended *ret_appended, struct tmv_error *err);
/* What became of an append: *ret_found when all of its events are in the stream; then version and position
 * are theirs. Only an answer "not found" from a snapshot taken after the old transaction ended proves that it
 * did not happen. */
TMV_NODISCARD bool store_find_appended(struct pgx_conn *conn, const struct store_shape *shape,
                                       const struct store_append *what, bool *ret_found,
                                       struct store_appended *ret_appended, struct tmv_error *err);

/* Whether a column of the source is part of a copy handed out by store_append. */
bool store_is_mirrored(const struct store_column *column);

/* Reads; the caller frees the list with tmv_event_list_free. On failure it is empty. */
struct store_range {
    const struct tmv_stream *stream;
    int64_t after_version;
    int limit;
};
TMV_NODISCARD bool store_read_stream(struct pgx_conn *conn, const struct store_shape *shape,
                                     const struct store_range *range, struct tmv_event_list *ret_list,
                                     struct tmv_error *err);
TMV_NODISCARD bool store_read_feed(struct pgx_conn *conn, const struct store_shape *shape,
                                   const struct tmv_feed *feed, struct tmv_event_list *ret_list,
                                   struct tmv_error *err);
TMV_NODISCARD bool store_stream_version(struct pgx_conn *conn, const struct store_shape *shape,
                                        const struct tmv_stream *stream, int64_t *ret_version,
                                        struct tmv_error *err);
TMV_NODISCARD bool store_event_exists(struct pgx_conn *conn, const struct store_shape *shape,
                                      const struct tmv_uuid *tenant, const struct tmv_uuid *event_id,
                                      bool *ret_exists, struct tmv_error *err);

/* Slots of the statements that connections to stores keep (pg/query.h). */
enum {
    STORE_SLOT_APPEND,
    STORE_SLOT_APPEND_ONE,
    STORE_SLOT_APPEND_COPY,
    STORE_SLOT_STREAM,
    STORE_SLOT_FEED,
    STORE_SLOT_MIRROR
};
