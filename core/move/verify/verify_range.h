/* The parts of a verification: one pair of sessions that compares ranges of positions on both ends, and names
 * what differs there. Used by consistency_verifier.c, which cuts a span into ranges and puts the parts
 * together. Reads only; memory does not grow with a range. */
#pragma once

#include "move/verify/consistency_verifier.h"
#include "move/shared/row_stream.h"

#define VERIFY_SQL_MAX (32 * 1024)
#define VERIFY_RECORD_MAX (16 * 1024) /* text of one expression per column */
#define VERIFY_RANGE_TIMEOUT_US (3600 * INT64_C(1000000))
#define VERIFY_STEP_TIMEOUT_US (60 * INT64_C(1000000))

enum verify_side { SOURCE, TARGET, SIDES };

/* A pair of sessions at work on one range. */
struct range_check {
    const struct endpoints *endpoints;
    struct pgx_conn *conn[SIDES]; /* borrowed */
    const struct store_shape *shape[SIDES];
    const char *digest[SIDES];        /* statements of HASH; borrowed */
    bool dense[SIDES];                /* read by ranges of the primary key */
    struct tmv_verify_report *part;   /* what this range comes to: counts and differences */
    size_t named;                     /* differences in part->found */
    const struct verifier_hook *hook; /* is told every difference; NULL: nobody */
};

/* Expands a statement of a side for a range: {{record}} {{barrier}} {{low}} {{high}} {{tenant_id}}. */
TMV_NODISCARD bool range_sql(const struct range_check *v, enum verify_side side, const char *template,
                             const struct position_span *span, struct buf *ret_sql, struct tmv_error *err);
/* Counts a difference and returns its place in the report, or NULL when the report is full. */
struct tmv_difference *range_note(struct range_check *v, const char *kind, int64_t position);

/* Both servers compute the digest of a range at the same time; a difference is narrowed to its events. */
TMV_NODISCARD bool range_hash(struct range_check *v, const struct position_span *span, struct tmv_error *err);
/* Both sides stream the range, and the bytes are compared field by field. */
TMV_NODISCARD bool range_full(struct range_check *v, const struct position_span *span, struct tmv_error *err);
/* Events and last version of each stream in a span. */
TMV_NODISCARD bool range_count(struct range_check *v, const struct position_span *span,
                               struct tmv_error *err);
/* The columns in which the events at a position differ, separated by ", ", as many as fit. */
TMV_NODISCARD bool range_columns(struct range_check *v, struct tmv_difference *d, struct tmv_error *err);
/* Looks for the source's event elsewhere on the target: then the difference becomes "moved". */
TMV_NODISCARD bool range_find_moved(struct range_check *v, struct tmv_difference *d, struct tmv_error *err);

/* Starts a COPY in text form of a range on both sides and reads the first rows. */
TMV_NODISCARD bool range_streams(struct range_check *v, const char *template,
                                 const struct position_span *span, struct row_stream streams[SIDES],
                                 struct tmv_error *err);
/* Which side's current row comes first when one has ended: negative the source's, positive the target's, 0
 * when neither or both have ended. */
int range_compare_ends(const struct row_stream streams[SIDES]);
int64_t range_field_int(const struct row_stream *s, int field);
