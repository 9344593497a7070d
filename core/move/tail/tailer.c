#include "move/tail/tailer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/text.h"
#include "move/shared/position_plan.h"
#include "move/tail/tail_append.h"
#include "move/tail/tail_source.h"
#include "sql_embedded.h"

#define TICK_US (10 * US_PER_MS)      /* pg_locks is not read more often */
#define TICK_BACK_US (3 * US_PER_MS)  /* of a leg in append mode */
#define TICK_MAX_US (25 * US_PER_MS)  /* nor, on a busy machine, less often */
#define TICK_SHARE 3                  /* so many times as long as a turn takes are its ticks */
#define PATIENCE_US (100 * US_PER_MS) /* older transactions of the tenant do not hold the tail back */
#define TURN_MAX_US (250 * US_PER_MS) /* a turn begins nothing more then: commands wait for it */

static bool appends(const struct tailer *t)
{
    return t->endpoints->leg.mode == LEG_APPEND;
}

/* Readers of the store that a tenant has left are behind by it. */
static int64_t shortest_tick_us(const struct tailer *t)
{
    return appends(t) ? TICK_BACK_US : TICK_US;
}

void tailer_init(struct tailer *t, const struct endpoints *endpoints, const struct guard *guard)
{
    *t = (struct tailer){.endpoints = endpoints,
                         .guard = guard,
                         .columns = BUF_INIT(16 * 1024),
                         .filled = BUF_INIT(16 * 1024)};
    t->tick_us = shortest_tick_us(t);
    t->piece_positions = TAIL_PIECE_FIRST;
    t->read_sql = t->copy_in_sql = t->stage_in_sql = BUF_INIT(40000);
    t->next_sql = t->piece_sql = BUF_INIT(4000);
    horizon_init(&t->horizon, PATIENCE_US);
}

void tailer_release(struct tailer *t)
{
    pgx_close_gently(TAKE(t->source), t->endpoints->stop);
    pgx_close_gently(TAKE(t->target), t->endpoints->stop);
    buf_release(&t->columns);
    buf_release(&t->filled);
    buf_release(&t->read_sql);
    buf_release(&t->copy_in_sql);
    buf_release(&t->stage_in_sql);
    buf_release(&t->next_sql);
    buf_release(&t->piece_sql);
}

/* ---- connecting ---- */

/* The way back begins with the decision, so a store that forgot one forgot the other. */
static bool no_applied_row(const struct tailer *t, struct tmv_error *err)
{
    if (!appends(t))
        return err_set(err, TMV_ERR_INTERNAL, "the target has no applied row of this migration");
    err_set(err, TMV_ERR_REFUSED,
            "the old store has forgotten the way back (a failover, or a restored backup)");
    return err_hint(err, "it cannot be kept current: tenantmv finalize --abandon-source ends that");
}

static bool read_watermark(struct tailer *t, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(
            t->target, TAIL_TIMEOUT_US, sql_tail_applied_read,
            PGX_ARGS(PGX_UUID(&t->endpoints->owner.migration), PGX_INT(leg_number(&t->endpoints->leg))), &row,
            err))
        return false;
    if (pgx_rows(row) != 1)
        return no_applied_row(t, err);
    t->stored_watermark = t->watermark = pgx_int(row, 0, 2);
    t->copy_limit = pgx_int(row, 0, 1);
    if (t->watermark < t->copy_limit)
        t->watermark = t->copy_limit;
    t->reached = t->watermark;
    t->final_goal = t->soft_goal = (struct tail_goal){.position = -1};
    (void)!horizon_accepts(&t->horizon, t->watermark);
    return true;
}

static bool write_statements(struct tailer *t, struct tmv_error *err)
{
    buf_clear(&t->columns);
    buf_clear(&t->filled);
    buf_clear(&t->read_sql);
    buf_clear(&t->copy_in_sql);
    buf_clear(&t->stage_in_sql);
    buf_clear(&t->next_sql);
    buf_clear(&t->piece_sql);
    if (!tail_expand(t, sql_tail_next, &t->endpoints->source, &t->next_sql, err) ||
        !tail_expand(t, sql_tail_piece, &t->endpoints->source, &t->piece_sql, err))
        return false;
    if (appends(t))
        return tail_append_statements(t, err);
    store_copied_columns(&t->endpoints->source, &t->endpoints->target, NULL, &t->columns);
    store_filled_columns(&t->endpoints->source, &t->endpoints->target, &t->filled);
    return tail_expand(t, sql_tail_read, &t->endpoints->source, &t->read_sql, err) &&
           tail_expand(t, sql_tail_copy_in, &t->endpoints->target, &t->copy_in_sql, err) &&
           tail_expand(t, sql_tail_stage_in, &t->endpoints->target, &t->stage_in_sql, err);
}

/* Only where positions are kept can a row be there already. */
static bool make_stage(struct tailer *t, struct tmv_error *err)
{
    AUTO(buf) struct buf stage = BUF_INIT(20000);

    return (tail_expand(t, sql_tail_stage, &t->endpoints->target, &stage, err) &&
            pgx_script(t->target, TAIL_TIMEOUT_US, buf_text(&stage), 0, NULL, err)) ||
           err_wrap(err, "making the stage on the target");
}

bool tailer_connect(struct tailer *t, struct tmv_error *err)
{

    pgx_close(TAKE(t->source));
    pgx_close(TAKE(t->target));
    horizon_reset(&t->horizon);
    t->server_start[0] = '\0';
    t->settled = false;
    t->durable_asked_us = 0;
    if (!write_statements(t, err) || !endpoints_connect_source(t->endpoints, "tail", &t->source, err) ||
        !endpoints_connect_target(t->endpoints, "tail", &t->target, err))
        return false;
    if (!pgx_script(t->source, TAIL_TIMEOUT_US, sql_tail_session, 0, NULL, err) ||
        !pgx_script(t->target, TAIL_TIMEOUT_US, sql_tail_session, 0, NULL, err))
        return err_wrap(err, "preparing the tail's sessions");
    return (appends(t) ? tail_append_connect(t, err) : make_stage(t, err)) && read_watermark(t, err);
}

/* ---- turns ---- */

/* "3/17,5/2" cut into its names; *ret_count may be more than fit. */
static void cut_names(char *text, const char *names[HORIZON_HOLDERS_MAX], size_t *ret_count)
{
    char *rest = NULL;

    *ret_count = 0;
    for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        if (*ret_count < HORIZON_HOLDERS_MAX)
            names[*ret_count] = name;
        (*ret_count)++;
    }
}

static bool observe(struct tailer *t, struct tmv_error *err)
{
    static const struct pgx_kept observation = {.slot = TAIL_SLOT_OBSERVE, .sql = sql_tail_observe};
    AUTO_RESULT struct pgx_result *row = NULL;
    AUTO_FREE char *holders = NULL;
    const char *names[HORIZON_HOLDERS_MAX];
    size_t count = 0;
    int64_t now = clock_now_us();

    if (!pgx_query_kept(t->source, TAIL_TIMEOUT_US, &observation,
                        PGX_ARGS(PGX_INT(t->guard->lock_key), PGX_INT(t->endpoints->source.sequence_oid)),
                        &row, err))
        return err_wrap(err, "reading the position sequence and the tenant's lock");
    if (t->server_start[0] && strcmp(t->server_start, pgx_text(row, 0, 1)) != 0) {
        horizon_reset(&t->horizon);
        return err_set(err, TMV_ERR_UNREACHABLE, "the source was restarted");
    }
    text_copy(t->server_start, sizeof t->server_start, pgx_text(row, 0, 1));
    if (!tail_see_value(t, pgx_int(row, 0, 0), err))
        return false;
    holders = strdup(pgx_text(row, 0, 2));
    if (!holders)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    cut_names(holders, names, &count);
    if (count > HORIZON_HOLDERS_MAX)
        return true; /* the reading is dropped: it only delays */
    if (fault_is_mutant("tail.no_holders"))
        count = 0;
    horizon_observe(&t->horizon, now, t->value, names, count);
    return true;
}

/* ---- goals ---- */

static void take_goals(struct tailer *t, const struct horizon_answer *a)
{
    if (a->final_position >= 0)
        t->final_goal = (struct tail_goal){a->final_position, a->final_taken_us};
    if (a->soft_position >= 0)
        t->soft_goal = (struct tail_goal){a->soft_position, a->soft_taken_us};
}

/* Goals that were reached say what is known to be applied, and as of when. */
static void note_reached(struct tailer *t)
{
    int64_t reached = t->reached > t->watermark ? t->reached : t->watermark;

    if (t->final_goal.taken_us && t->watermark >= t->final_goal.position &&
        t->final_goal.taken_us > t->known_us)
        t->known_us = t->final_goal.taken_us;
    if (!appends(t) && t->soft_goal.taken_us && reached >= t->soft_goal.position &&
        t->soft_goal.taken_us > t->known_us)
        t->known_us = t->soft_goal.taken_us;
}

int64_t tailer_lag_us(const struct tailer *t)
{
    return t->known_us ? clock_now_us() - t->known_us : -1;
}

/* An empty piece may lie in a gap of the sequence, which can be wider than all pieces of a lifetime. */
static bool pass_gap(struct tailer *t, struct tail_piece *p, int64_t high, struct tmv_error *err)
{
    if (!tail_end_of_gap(t, p->high, high, &p->high, err))
        return false;
    tail_account(t, p, 0, false);
    return true;
}

/* Applies (low, high] in pieces until it is done or `until_us` is over: commands are heard between turns. A
 * piece takes about PIECE_AIM_US, whatever the size of the events. */
static bool apply_up_to(struct tailer *t, int64_t low, int64_t high, bool final, int64_t until_us,
                        struct tmv_error *err)
{
    while (low < high && clock_now_us() < until_us) {
        int64_t began = clock_now_us();
        struct tail_piece p = {
            .low = low,
            .high = position_step(low, high, t->piece_positions),
            .moves_watermark = final,
            .staged = final && t->reached > low,
            .deadline_us = began + TAIL_WORK_US,
        };
        int64_t rows;

        if (!tail_end_of_piece(t, low, &p.high, err) || !tail_apply_piece(t, &p, &rows, err))
            return false;
        bool whole = p.high < high;
        if (whole)
            t->piece_positions = tail_piece_positions(t->piece_positions, clock_now_us() - began);
        if (whole && rows == 0 && !pass_gap(t, &p, high, err))
            return false;
        low = p.high;
    }
    return true;
}

/* Before the watermark moves for the first time: every writer that was in flight at the first reading has
 * left now, and later positions are higher. */
static bool settle(struct tailer *t, struct tmv_error *err)
{
    t->settled = t->settled || tailer_check_not_ahead(t, err);
    return t->settled;
}

static bool pursue_final(struct tailer *t, int64_t until_us, struct tmv_error *err)
{
    if (!t->final_goal.taken_us)
        return true;
    if (!settle(t, err))
        return false;
    /* From the watermark, not from what was reached: the last read, with a snapshot of now. */
    int64_t low = fault_is_mutant("tail.no_last_read") ? t->reached : t->watermark;
    return apply_up_to(t, low, t->final_goal.position, true, until_us, err);
}

static bool pursue_soft(struct tailer *t, int64_t until_us, struct tmv_error *err)
{
    int64_t from = t->reached > t->watermark ? t->reached : t->watermark;

    /* In order: nothing passes an event that may still come. */
    return appends(t) || !t->soft_goal.taken_us ||
           apply_up_to(t, from, t->soft_goal.position, false, until_us, err);
}

static bool is_behind(const struct tailer *t)
{
    int64_t reached = t->reached > t->watermark ? t->reached : t->watermark;

    return t->watermark < t->final_goal.position || (!appends(t) && reached < t->soft_goal.position);
}

bool tailer_turn(struct tailer *t, bool *ret_behind, struct tmv_error *err)
{
    int64_t since = clock_now_us() - t->last_tick_us;

    if (since < t->tick_us && !stop_sleep(t->endpoints->stop, t->tick_us - since))
        return err_set(err, TMV_ERR_CANCELLED, "stopped");
    t->last_tick_us = clock_now_us();
    int64_t until = t->last_tick_us + TURN_MAX_US;
    int64_t events = t->events;
    if (!observe(t, err))
        return false;
    struct horizon_answer a = horizon_advance(&t->horizon, clock_now_us());
    t->oldest_writer_us = a.oldest_holder_us;
    take_goals(t, &a);
    if (!pursue_final(t, until, err) || !pursue_soft(t, until, err))
        return false;
    note_reached(t);
    if (t->events == events && !is_behind(t) && !tail_rest(t, err))
        return false;
    int64_t took = clock_now_us() - t->last_tick_us;
    *ret_behind = is_behind(t) || took > 5 * TICK_US;
    /* The tail takes a bounded share of a busy machine: the writers need the rest. */
    t->tick_us = TICK_SHARE * took;
    int64_t least = shortest_tick_us(t);
    t->tick_us = t->tick_us < least ? least : t->tick_us > TICK_MAX_US ? TICK_MAX_US : t->tick_us;
    return true;
}

void tailer_hurry(struct tailer *t)
{
    t->tick_us = shortest_tick_us(t);
}

bool tailer_begin_drain(struct tailer *t, struct tmv_error *err)
{
    return endpoints_begin_target(t->endpoints, t->target, "mirroring", false, err);
}

bool tailer_drain(struct tailer *t, int64_t value, int64_t deadline_us, const struct tailer_finish *finish,
                  int64_t *ret_events, struct tmv_error *err)
{
    struct tail_piece p = {
        .low = t->watermark,
        .high = value,
        .moves_watermark = true,
        .staged = t->reached > t->watermark,
        .begun = true,
        .deadline_us = deadline_us,
        .finish = finish,
    };

    /* Below the watermark the range would be empty, and hide what was written there. */
    if (!tail_see_value(t, value, err)) {
        pgx_rollback(t->target, TAIL_TIMEOUT_US);
        return false;
    }
    horizon_reset(&t->horizon);
    return tail_apply_piece(t, &p, ret_events, err);
}
