#include "move/tail/tail_append.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "move/tail/append_rows.h"
#include "move/verify/consistency_verifier.h"
#include "pg/copy.h"
#include "sql_embedded.h"

/* While a batch is open, no feed of the target's server moves on. */
#define BATCH_SHORT_US (25 * US_PER_MS)
#define BATCH_LONG_US (50 * US_PER_MS)
#define ALONE_TRIES 3
#define BATCH_BYTES ((size_t)1 << 30) /* one event ends before that: PostgreSQL's limit of a field */
#define ANCHOR_EVERY_US US_PER_S
#define ANCHOR_EVENTS 10000
#define POSITION_TEXT 24

/* Some events on their way. */
struct batch {
    struct buf rows; /* tuples, without header and trailer */
    size_t count;
    int64_t last; /* position of the last one on the source */
    int64_t positions[APPEND_EVENTS_MAX];
    bool alone;    /* nobody can have overtaken them */
    bool anchored; /* their last pair of positions is written, too */
};

static void batch_auto(struct batch *b)
{
    buf_release(&b->rows);
}

int64_t tail_append_next(int64_t events, int64_t took_us)
{
    if (took_us < BATCH_SHORT_US)
        events *= 2;
    else if (took_us > BATCH_LONG_US)
        events /= 2;
    return events < 1 ? 1 : events > APPEND_EVENTS_MAX ? APPEND_EVENTS_MAX : events;
}

bool tail_append_statements(struct tailer *t, struct tmv_error *err)
{
    store_appended_columns(&t->endpoints->source, &t->endpoints->target, &t->columns);
    store_appended_columns(&t->endpoints->source, &t->endpoints->target, &t->filled);
    return tail_expand(t, sql_tail_append_read, &t->endpoints->source, &t->read_sql, err) &&
           tail_expand(t, sql_tail_append_in, &t->endpoints->target, &t->copy_in_sql, err);
}

bool tail_append_connect(struct tailer *t, struct tmv_error *err)
{
    t->batch_events = APPEND_EVENTS_FIRST;
    t->anchored_us = 0;
    return pgx_script(t->target, TAIL_TIMEOUT_US, sql_tail_append_session, 0, NULL, err);
}

/* ---- reading ---- */

/* What changed before the rows were read is seen now. */
static bool columns_are_the_same(struct tailer *t, const struct tail_piece *p, struct tmv_error *err)
{
    static const struct pgx_kept columns = {.slot = TAIL_SLOT_COLUMNS, .sql = sql_tail_append_columns};
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query_kept(t->source, tail_left_us(p), &columns,
                        PGX_ARGS(PGX_INT(t->endpoints->source.relation_oid)), &row, err))
        return err_wrap(err, "looking at the columns of the source");
    return strcmp(pgx_text(row, 0, 0), t->endpoints->source.columns_version) == 0 ||
           err_set(err, TMV_ERR_CONFLICT, "the columns of the events table in %s were changed",
                   pgx_place(t->source));
}

static bool read_batch(struct tailer *t, const struct tail_piece *p, int64_t limit, struct batch *b,
                       struct tmv_error *err)
{
    const struct pgx_kept read = {.slot = TAIL_SLOT_READ, .sql = buf_text(&t->read_sql)};
    bool ended = false;

    buf_clear(&b->rows);
    if (!pgx_rows_start(t->source, tail_left_us(p), &read,
                        PGX_ARGS(PGX_INT(p->low), PGX_INT(p->high), PGX_UUID(&t->endpoints->owner.tenant),
                                 PGX_INT(limit)),
                        err) ||
        !pgx_rows_read(t->source, tail_left_us(p), BATCH_BYTES, &b->rows, &ended, err))
        return err_wrap(err, "reading new events");
    if (!ended || !append_rows_count(b->rows.data, b->rows.len, &b->count, &b->last) ||
        b->count > ARRAY_LEN(b->positions))
        return err_set(err, TMV_ERR_INTERNAL, "the rows to append are not in the form of COPY");
    return b->count == 0 || columns_are_the_same(t, p, err);
}

/* ---- positions ---- */

static bool take_sql(const struct tailer *t, size_t count, struct buf *ret_sql, struct tmv_error *err)
{
    const struct endpoints *endpoints = t->endpoints;
    char pass[TMV_UUID_TEXT + 30], migration[TMV_UUID_TEXT + 2], leg[12], epoch[24], number[24];

    snprintf(pass, sizeof pass, "'%s/%" PRId64 "'", endpoints->migration, endpoints->owner.epoch);
    snprintf(migration, sizeof migration, "'%s'", endpoints->migration);
    snprintf(leg, sizeof leg, "%d", leg_number(&endpoints->leg));
    snprintf(epoch, sizeof epoch, "%" PRId64, endpoints->owner.epoch);
    snprintf(number, sizeof number, "%zu", count);
    const struct pgx_var vars[] = {
        {"pass", pass},
        {"migration", migration},
        {"leg", leg},
        {"owner_epoch", epoch},
        {"count", number},
        {"tenant_id", endpoints->tenant},
        {"write_path", pgx_write_path(t->target)},
    };
    return store_sql(ret_sql, sql_tail_append_take, &endpoints->target, vars, ARRAY_LEN(vars), err);
}

/* "{7,8,9}" */
static bool parse_positions(const char *text, struct batch *b)
{
    size_t n = 0;

    for (const char *at = text; *at == '{' || *at == ',';) {
        char *end = NULL;

        if (n == b->count)
            return false;
        b->positions[n] = strtoll(at + 1, &end, 10);
        if (end == at + 1 || (n > 0 && b->positions[n] <= b->positions[n - 1]))
            return false;
        n++;
        at = end;
    }
    return n == b->count;
}

/* Begins the target's transaction; a batch must not be empty. */
static bool take_positions(struct tailer *t, const struct tail_piece *p, struct batch *b,
                           struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!take_sql(t, b->count, &sql, err))
        return false;
    if (!pgx_script(t->target, tail_left_us(p), buf_text(&sql), 1, &row, err)) {
        if (err_is_sqlstate(err, "TM010"))
            err->code = TMV_ERR_OWNERSHIP;
        else if (err_is_sqlstate(err, "TM160"))
            err->code = TMV_ERR_DIVERGED;
        return err_wrap(err, "taking positions on the target");
    }
    b->alone = pgx_bool(row, 0, 1);
    return parse_positions(pgx_text(row, 0, 0), b) ||
           err_set(err, TMV_ERR_INTERNAL, "the target gave other positions than were asked for: %.100s",
                   pgx_text(row, 0, 0));
}

/* ---- writing ---- */

/* A batch without events says nothing new of both positions. */
static bool is_anchor_due(const struct tailer *t, const struct tail_piece *p, const struct batch *b)
{
    if (b->count == 0)
        return false;
    return p->finish || t->anchored_us == 0 || clock_now_us() - t->anchored_us >= ANCHOR_EVERY_US ||
           t->events - t->anchored_events >= ANCHOR_EVENTS;
}

static bool advance_sql(const struct tailer *t, const struct tail_piece *p, const struct batch *b,
                        struct buf *ret_sql, struct tmv_error *err)
{
    char leg[12], watermark[POSITION_TEXT], count[POSITION_TEXT], high[POSITION_TEXT] = "NULL",
                                                                  migration[TMV_UUID_TEXT + 2];

    snprintf(migration, sizeof migration, "'%s'", t->endpoints->migration);
    snprintf(leg, sizeof leg, "%d", leg_number(&t->endpoints->leg));
    snprintf(watermark, sizeof watermark, "%" PRId64, p->high);
    snprintf(count, sizeof count, "%zu", b->count);
    if (b->count > 0)
        snprintf(high, sizeof high, "%" PRId64, b->positions[b->count - 1]);
    const struct pgx_var vars[] = {
        {"migration", migration}, {"leg", leg},   {"watermark", watermark},
        {"rows", count},          {"high", high}, {"anchor", b->anchored ? "true" : "false"},
    };
    return pgx_expand(ret_sql, sql_tail_append_advance, vars, ARRAY_LEN(vars), err);
}

/* A unique key was met: an event that this leg did not write. Names both, as far as they are found. */
static bool stray(struct tailer *t, const struct tmv_error *met, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(2000);
    AUTO_RESULT struct pgx_result *row = NULL;
    char found[120] = "";
    struct tmv_error ignored;

    pgx_rollback(t->target, TAIL_TIMEOUT_US);
    if (tail_expand(t, sql_tail_append_stray, &t->endpoints->target, &sql, &ignored) &&
        pgx_query(t->target, TAIL_TIMEOUT_US, buf_text(&sql),
                  PGX_ARGS(PGX_UUID(&t->endpoints->owner.migration), PGX_INT(leg_number(&t->endpoints->leg)),
                           PGX_UUID(&t->endpoints->owner.tenant)),
                  &row, &ignored) &&
        pgx_rows(row) == 1)
        snprintf(found, sizeof found, ": event %s at position %s was not written by this leg",
                 pgx_text(row, 0, 0), pgx_text(row, 0, 1));
    err_set(err, TMV_ERR_DIVERGED,
            "an event cannot be carried to %s: another event is in its place there (%s)%s",
            pgx_place(t->target), met->detail[0] ? met->detail : met->constraint, found);
    snprintf(err->sqlstate, sizeof err->sqlstate, "TM142");
    return err_hint(
        err, "find out who wrote to that store after the tenant had left it; mirroring continues when the "
             "other event is removed or its stream is renamed");
}

static bool write_rows(struct tailer *t, const struct tail_piece *p, struct batch *b, int64_t *ret_rows,
                       struct tmv_error *err)
{
    AUTO(buf) struct buf frame = BUF_INIT(100);

    append_rows_set(b->rows.data, b->rows.len, b->positions);
    pgx_copy_header(&frame);
    if (!buf_ok(&frame, err) || !pgx_copy_in(t->target, tail_left_us(p), buf_text(&t->copy_in_sql), err) ||
        !pgx_copy_write(t->target, tail_left_us(p), frame.data, frame.len, err) ||
        !pgx_copy_write(t->target, tail_left_us(p), b->rows.data, b->rows.len, err))
        return false;
    buf_clear(&frame);
    pgx_copy_trailer(&frame);
    if (!buf_ok(&frame, err) || !pgx_copy_write(t->target, tail_left_us(p), frame.data, frame.len, err) ||
        (p->finish && !fault_hit("cutover.sending", err)) ||
        !pgx_copy_finish(t->target, tail_left_us(p), ret_rows, err))
        return false;
    return *ret_rows == (int64_t)b->count ||
           err_set(err, TMV_ERR_DIVERGED,
                   "the target took %" PRId64 " of %zu events: a trigger or rule of it "
                   "turns some away",
                   *ret_rows, b->count);
}

/* From the target's open transaction to its end. */
static bool write_batch(struct tailer *t, const struct tail_piece *p, struct batch *b, int64_t *ret_rows,
                        struct tmv_error *err)
{
    AUTO(buf) struct buf commit = BUF_INIT(8000);

    b->anchored = is_anchor_due(t, p, b);
    if ((b->count > 0 && !write_rows(t, p, b, ret_rows, err)) ||
        !tail_wait_durable(t, tail_left_us(p), err) || !advance_sql(t, p, b, &commit, err) ||
        (p->finish && !p->finish->run(p->finish->user, t, &commit, err)))
        return false;
    return tail_commit_piece(t, p, buf_text(&commit), err);
}

/* Positions for the batch, in a transaction of the target. *ret_again: others got ids in between, so the
 * transaction is over, and fewer events should be tried. */
static bool begin_batch(struct tailer *t, const struct tail_piece *p, struct batch *b, bool may_repeat,
                        bool *ret_again, struct tmv_error *err)
{
    *ret_again = false;
    if (b->count == 0)
        return p->begun || endpoints_begin_target(t->endpoints, t->target, "mirroring", false, err);
    if (!take_positions(t, p, b, err))
        return false;
    if (b->alone)
        return true;
    if (!may_repeat) {
        t->overtakable += (int64_t)b->count;
        return true;
    }
    *ret_again = true;
    pgx_rollback(t->target, TAIL_TIMEOUT_US);
    return true;
}

static void account(struct tailer *t, const struct tail_piece *p, const struct batch *b)
{
    tail_account(t, p, (int64_t)b->count, true);
    t->last_store_us = clock_now_us();
    if (b->anchored) {
        t->anchored_us = t->last_store_us;
        t->anchored_events = t->events;
    }
}

/* Reads, and takes positions that nobody can have overtaken, or what is to be had after some tries. */
static bool prepare_batch(struct tailer *t, struct tail_piece *p, struct batch *b, struct tmv_error *err)
{
    int64_t limit = p->finish ? APPEND_EVENTS_MAX : t->batch_events;
    const int64_t high = p->high;
    bool again = true;

    for (int i = 0; again; i++) {
        p->high = high;
        if (!read_batch(t, p, limit, b, err))
            return false;
        if ((int64_t)b->count == limit && p->finish)
            return err_set(err, TMV_ERR_TIMEOUT, "more than %d events came since the last turn of the tail",
                           APPEND_EVENTS_MAX - 1);
        if ((int64_t)b->count == limit)
            p->high = b->last;
        if (b->count == 0 && tail_passes_over(t, p))
            return true;
        if (!begin_batch(t, p, b, !p->begun && i < ALONE_TRIES, &again, err))
            return false;
        limit = limit > 1 ? limit / 2 : 1;
    }
    return true;
}

bool tail_append_piece(struct tailer *t, struct tail_piece *p, int64_t *ret_rows, struct tmv_error *err)
{
    AUTO(batch) struct batch b = {.rows = BUF_INIT(BATCH_BYTES)};
    struct tmv_error met;
    int64_t start = clock_now_us();

    *ret_rows = 0;
    if (!prepare_batch(t, p, &b, err)) {
        pgx_rollback(t->target, TAIL_TIMEOUT_US);
        return err_wrap(err, "carrying events back");
    }
    if (b.count == 0 && !pgx_in_transaction(t->target))
        return true;
    int64_t begun = clock_now_us();
    if (!tail_ask_durable(t, p, err) || !write_batch(t, p, &b, ret_rows, err)) {
        struct tmv_error ignored;

        met = *err;
        (void)!tail_wait_durable(t, tail_left_us(p), &ignored);
        if (err_is_sqlstate(&met, "23505"))
            (void)!stray(t, &met, err);
        pgx_rollback(t->target, TAIL_TIMEOUT_US);
        return err_wrap(err, "carrying events back");
    }
    account(t, p, &b);
    if (b.count > 0) {
        tail_learn_apply(t, clock_now_us() - start);
        t->batch_events = tail_append_next(t->batch_events, clock_now_us() - begun);
    }
    return true;
}

/* ---- what was carried already ---- */

static bool digests(struct tailer *t, const struct pgx_result *from, struct range_digest *ret_source,
                    struct range_digest *ret_target, struct tmv_error *err)
{
    const struct store_shape *source = &t->endpoints->source, *target = &t->endpoints->target;
    AUTO(buf) struct buf source_sql = BUF_INIT(64 * 1024);
    AUTO(buf) struct buf target_sql = BUF_INIT(64 * 1024);
    AUTO_RESULT struct pgx_result *there = NULL;
    AUTO_RESULT struct pgx_result *here = NULL;
    const struct tmv_uuid *tenant = &t->endpoints->owner.tenant;

    if (!verifier_ordinal_digest_sql(source, target, source, &source_sql, err) ||
        !verifier_ordinal_digest_sql(source, target, target, &target_sql, err) ||
        !pgx_send(t->source, buf_text(&source_sql),
                  PGX_ARGS(PGX_INT(pgx_int(from, 0, 0)), PGX_INT(t->watermark), PGX_UUID(tenant)), err) ||
        !pgx_query(t->target, TAIL_WORK_US, buf_text(&target_sql),
                   PGX_ARGS(PGX_INT(pgx_int(from, 0, 1)), PGX_INT(pgx_int(from, 0, 2)), PGX_UUID(tenant)),
                   &here, err) ||
        !pgx_receive(t->source, TAIL_WORK_US, &there, err))
        return err_wrap(err, "comparing the latest events");
    verifier_read_digest(there, ret_source);
    verifier_read_digest(here, ret_target);
    return true;
}

bool tail_append_compare(struct tailer *t, int64_t events, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *anchor = NULL;
    struct range_digest source, target;

    if (!pgx_query(t->target, TAIL_TIMEOUT_US, sql_tail_append_anchor,
                   PGX_ARGS(PGX_UUID(&t->endpoints->owner.migration), PGX_INT(leg_number(&t->endpoints->leg)),
                            PGX_INT(events)),
                   &anchor, err))
        return err_wrap(err, "looking for an anchor");
    if (pgx_rows(anchor) == 0)
        return true;
    if (!digests(t, anchor, &source, &target, err))
        return false;
    if (range_digest_equal(&source, &target))
        return true;
    err_set(err, TMV_ERR_DIVERGED,
            "the two stores disagree about events that were carried back: %s has %" PRId64
            " above position %s, %s has %" PRId64 " above %s",
            pgx_place(t->source), source.events, pgx_text(anchor, 0, 0), pgx_place(t->target), target.events,
            pgx_text(anchor, 0, 1));
    return err_hint(err, "find out who changed events of the tenant in one of the stores, or whether one of "
                         "them lost commits (a failover, a restored backup)");
}
