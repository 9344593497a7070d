#include "move/cutover/cutover_manager.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define STEP_TIMEOUT_US (10 * US_PER_S)
#define DECIDE_BUDGET_MS 40
#define BEGUN_IDLE_MS INT64_C(1000) /* between the decision's first statements: nobody is held */
#define COUNTED_US US_PER_S         /* for the number of writers that were held, once they are not */
#define LOCK_TRIES 3
#define CATCH_UP_TURNS 6
#define CATCH_UP_US (20 * US_PER_MS)
#define WRITERS_FIRST_US (20 * US_PER_MS)

const char cutover_alone[] =
    "the decision is on the source alone: its synchronous standby did not answer within the "
    "budget and was not waited for";

void cutover_manager_init(struct cutover_manager *m, const struct endpoints *endpoints, struct tailer *tailer)
{
    *m = (struct cutover_manager){
        .endpoints = endpoints,
        .tailer = tailer,
        .digest_source_sql = BUF_INIT(64 * 1024),
        .digest_target_sql = BUF_INIT(64 * 1024),
    };
}

void cutover_manager_release(struct cutover_manager *m)
{
    pgx_close_gently(TAKE(m->lock), m->endpoints->stop);
    standby_release(&m->standby);
    buf_release(&m->digest_source_sql);
    buf_release(&m->digest_target_sql);
}

static bool read_place(struct pgx_conn *conn, char place[64], struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(conn, STEP_TIMEOUT_US, sql_cutover_place, PGX_NONE, &row, err))
        return false;
    text_copy(place, 64, pgx_text(row, 0, 0));
    return true;
}

bool cutover_manager_connect(struct cutover_manager *m, struct tmv_error *err)
{
    const struct endpoints *endpoints = m->endpoints;
    char control_place[64], source_place[64];

    pgx_close(TAKE(m->lock));
    standby_release(&m->standby);
    buf_clear(&m->digest_source_sql);
    buf_clear(&m->digest_target_sql);
    if (!endpoints_connect_source(endpoints, "cutover", &m->lock, err) ||
        !endpoints_connect_source(endpoints, "standby", &m->standby.conn, err) ||
        !read_place(m->lock, source_place, err) || !read_place(m->control, control_place, err))
        return false;
    m->control_here = strcmp(control_place, source_place) == 0;
    if (!pgx_script(m->lock, STEP_TIMEOUT_US, sql_cutover_session, 0, NULL, err))
        return false;
    return verifier_digest_sql(&endpoints->source, &endpoints->target, &endpoints->source,
                               &m->digest_source_sql, err) &&
           verifier_digest_sql(&endpoints->source, &endpoints->target, &endpoints->target,
                               &m->digest_target_sql, err);
}

/* ---- the pause ---- */

int64_t cutover_pause_budget_ms(const struct tmv_settings *s)
{
    return s->drain_budget_ms + DECIDE_BUDGET_MS;
}

/* State of one attempt. */
struct pause {
    struct cutover_manager *m;
    const struct cutover_request *request;
    struct tmv_attempt *attempt;
    int64_t asked_us;                           /* the lock was requested (monotonic) */
    int64_t deadline_us;                        /* the database ends the pause then */
    int64_t value;                              /* V, read under the lock */
    int64_t from_epoch;                         /* placement epoch of the source */
    int64_t to_epoch;                           /* a number new for this attempt */
    bool armed;                                 /* the target's commit with "armed" was sent */
    bool counting;                              /* the source owes the number of writers that wait */
    char glance[SIDE_COUNT][FACTS_DIGEST_SIZE]; /* at the facts, as compared before the lock; "" not yet */
};

static bool describe_holders(struct pause *p, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    struct tmv_error ignored;

    if (!pgx_query(p->m->lock, STEP_TIMEOUT_US, sql_cutover_lock_holders,
                   PGX_ARGS(PGX_INT(p->m->source_guard->lock_key)), &rows, &ignored) ||
        pgx_rows(rows) == 0)
        return err_set(err, TMV_ERR_TIMEOUT, "the tenant's writers did not leave the lock in time");
    return err_set(err, TMV_ERR_TIMEOUT,
                   "a transaction of the tenant is in the way: pid %s (%s, %s) for %s ms",
                   pgx_text(rows, 0, 0), pgx_text(rows, 0, 1), pgx_text(rows, 0, 2), pgx_text(rows, 0, 3));
}

/* What the audit keeps of the decision; the attempt's row has its times. Owned by the caller. */
static char *decision_details(const struct pause *p)
{
    AUTO_FREE char *text = NULL;
    cJSON *o = cJSON_CreateObject();

    json_add_text(o, "target_store", p->m->endpoints->target_store.id);
    json_add_int64(o, "placement_epoch", p->to_epoch);
    json_add_int64(o, "mirrored_to", p->m->tailer->watermark);
    text = json_print(o);
    cJSON_Delete(o);
    return TAKE(text);
}

/* What the facts on a side are now must be what was noted, word by word. */
static bool compare_facts(const struct fact_side *side, const struct facts *now, struct pgx_conn *conn,
                          struct tmv_error *err)
{
    AUTO(facts_diff) struct facts_diff diff = {0};
    char words[300] = "what an older version noted no longer holds";

    if (strcmp(now->digest, side->noted.digest) == 0)
        return true;
    if (side->noted.list) {
        if (!facts_compare(side->noted.list, now->list, &diff, err))
            return false;
        facts_diff_words(&diff, words, sizeof words);
    }
    err_set(err, TMV_ERR_REFUSED, "%s was changed: %s", pgx_place(conn), words);
    return err_hint(err, diff.count && diff.worst < FACT_MOVE
                             ? "ask for the cutover again once the gates are green"
                             : "abort the migration and start again");
}

/* In a transaction that keeps most of them as they are: whether the facts are the noted ones. They are read
 * only when a row of theirs was touched since they were compared. */
static bool compare_held(struct pause *p, enum store_side side, struct pgx_conn *conn,
                         const struct guard *guard, struct tmv_error *err)
{
    const struct fact_side *noted = &p->m->facts->sides[side];
    AUTO(facts) struct facts now = {0};

    if (!facts_glance(conn, guard, p->glance[side], err))
        return false;
    if (noted->glance[0] && strcmp(p->glance[side], noted->glance) == 0)
        return true;
    if (!facts_read(conn, guard, noted->noted.list ? noted->noted.digest : NULL, &now, err))
        return false;
    text_copy(p->glance[side], sizeof p->glance[side], now.glance);
    return compare_facts(noted, &now, conn, err);
}

/* In a transaction of a store: keeps the guard's triggers as they are, and compares the facts. What can still
 * change is compared again when the transaction ends. No writer is held. */
static bool hold_guard(struct pause *p, enum store_side side, struct pgx_conn *conn,
                       const struct guard *guard, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    char lock_ms[24];
    const struct pgx_var vars[] = {{"lock_ms", lock_ms}};

    snprintf(lock_ms, sizeof lock_ms, "%" PRId64, p->request->settings->lock_budget_ms);
    if (!store_sql(&sql, sql_cutover_hold_guard, guard->shape, vars, ARRAY_LEN(vars), err))
        return false;
    if (!pgx_script(conn, STEP_TIMEOUT_US, buf_text(&sql), 0, NULL, err)) {
        if (!err_is_sqlstate(err, "55P03"))
            return err_wrap(err, "keeping the guard as it is");
        err_set(err, TMV_ERR_REFUSED, "another session is changing the events table in %s", pgx_place(conn));
        return err_hint(err, "let that transaction end, then ask for the cutover again");
    }
    return compare_held(p, side, conn, guard, err);
}

static bool hold_source(struct pause *p, struct tmv_error *err)
{
    return hold_guard(p, SIDE_SOURCE, p->m->lock, p->m->source_guard, err);
}

static bool hold_target(struct pause *p, struct tmv_error *err)
{
    return hold_guard(p, SIDE_TARGET, p->m->tailer->target, p->m->target_guard, err);
}

/* Where control is elsewhere, no transaction of its can be held for as long as the decision takes: the
 * registry is compared as late as nobody waits for it. What is replaced in the pause itself is not noticed by
 * the decision. */
static bool compare_registry(const struct pause *p, struct tmv_error *err)
{
    const struct cutover_manager *m = p->m;

    return m->control_here || p->request->rehearsal ||
           control_stores_hold(m->control, &m->endpoints->source_store, &m->endpoints->target_store, err);
}

/* The transaction that will decide, up to the tenant's lock: what the decision changes in the control tables
 * is written first, where they are in this database. Nobody is held by that. */
static bool begin_decision(struct pause *p, struct tmv_error *err)
{
    struct cutover_manager *m = p->m;
    const struct tmv_settings *s = p->request->settings;
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_FREE char *details = NULL;
    char lock_ms[24], idle_ms[24];

    snprintf(lock_ms, sizeof lock_ms, "%" PRId64, s->lock_budget_ms);
    snprintf(idle_ms, sizeof idle_ms, "%" PRId64, BEGUN_IDLE_MS);
    const struct pgx_var vars[] = {{"lock_ms", lock_ms}, {"idle_ms", idle_ms}};
    if (!compare_registry(p, err) || !pgx_expand(&sql, sql_cutover_begin, vars, ARRAY_LEN(vars), err) ||
        !pgx_script(m->lock, STEP_TIMEOUT_US, buf_text(&sql), 0, NULL, err))
        return false;
    if (!m->control_here || p->request->rehearsal)
        return true;
    details = decision_details(p);
    return (control_stores_hold(m->lock, &m->endpoints->source_store, &m->endpoints->target_store, err) &&
            control_complete_cutover(m->lock, &m->endpoints->owner, m->endpoints->target_store.id, details,
                                     p->request->requested_by, err)) ||
           err_wrap(err, "writing the decision to the control tables");
}

static bool ask_for_lock(struct pause *p, struct tmv_error *err)
{
    struct cutover_manager *m = p->m;
    const struct tmv_settings *s = p->request->settings;
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    struct pgx_result *results[2] = {NULL, NULL};
    char key[24], idle_ms[24];

    snprintf(key, sizeof key, "%" PRId64, m->source_guard->lock_key);
    snprintf(idle_ms, sizeof idle_ms, "%" PRId64, cutover_pause_budget_ms(s));
    const struct pgx_var vars[] = {{"key", key}, {"idle_ms", idle_ms}};
    if (!store_sql(&sql, sql_cutover_lock, &m->endpoints->source, vars, ARRAY_LEN(vars), err))
        return false;
    p->asked_us = clock_now_us();
    if (!pgx_script(m->lock, STEP_TIMEOUT_US, buf_text(&sql), 2, results, err))
        return false;
    AUTO_RESULT struct pgx_result *locked = results[0];
    AUTO_RESULT struct pgx_result *value = results[1];
    (void)locked;
    int64_t now = clock_now_us();
    p->value = pgx_int(value, 0, 0);
    p->attempt->lock_us = now - p->asked_us;
    p->deadline_us = now + s->drain_budget_ms * US_PER_MS;
    return true;
}

/* What is mirrored while nobody is held need not be while writers wait. Its proof is left to the pause: a few
 * events. */
static bool last_turn(struct pause *p, struct tmv_error *err)
{
    bool behind;

    tailer_hurry(p->m->tailer);
    return tailer_turn(p->m->tailer, &behind, err);
}

/* Both transactions are begun before the lock is asked for. The source's first, because what it does takes
 * longer; the target's, which cannot be open in a turn of the tail, right before the lock. */
static bool begin_both(struct pause *p, struct tmv_error *err)
{
    return begin_decision(p, err) && hold_source(p, err) && last_turn(p, err) &&
           tailer_begin_drain(p->m->tailer, err) && hold_target(p, err) &&
           fault_hit("cutover.before_lock", err);
}

/* *ret_held: the tenant's lock was asked for, and its holders did not leave in time. What is locked before
 * that is not theirs. */
static bool lock_once(struct pause *p, bool *ret_held, struct tmv_error *err)
{
    bool begun = begin_both(p, err);

    if (begun && ask_for_lock(p, err))
        return true;
    *ret_held = begun && err_is_sqlstate(err, "55P03");
    pgx_rollback(p->m->lock, STEP_TIMEOUT_US);
    pgx_rollback(p->m->tailer->target, STEP_TIMEOUT_US);
    return false;
}

static bool take_lock(struct pause *p, struct tmv_error *err)
{
    unsigned seed = (unsigned)clock_now_us();

    for (int i = 0; i < LOCK_TRIES; i++) {
        bool held = false;

        if (lock_once(p, &held, err))
            return true;
        if (!err_is_sqlstate(err, "55P03"))
            return false;
        if (held)
            describe_holders(p, err);
        if (!stop_sleep(p->m->endpoints->stop, 20 * US_PER_MS + rand_r(&seed) % (100 * US_PER_MS)))
            return err_set(err, TMV_ERR_CANCELLED, "stopped");
    }
    return false;
}

/* Whether the attempt proves the tail equal. */
static bool is_verified(const struct pause *p)
{
    return p->request->settings->verify_consistency && !p->request->force;
}

/* The tail between what is proven equal and V: digests of both sides, at the same time. Under the tenant's
 * lock nothing of the tenant may lie above V on either side, so there the range has no upper bound, also when
 * the proof is left out. */
static bool verify_tail(struct pause *p, bool locked, struct tmv_error *err)
{
    struct cutover_manager *m = p->m;
    struct tailer *t = m->tailer;
    AUTO_RESULT struct pgx_result *source = NULL;
    AUTO_RESULT struct pgx_result *target = NULL;
    /* Kept by the sessions: planning them takes longer than the few events of a tail. */
    const struct pgx_kept source_digest = {.slot = TAIL_SLOT_DIGEST, .sql = buf_text(&m->digest_source_sql)};
    const struct pgx_kept target_digest = {.slot = TAIL_SLOT_DIGEST, .sql = buf_text(&m->digest_target_sql)};
    struct range_digest a, b;
    int64_t timeout_us = p->deadline_us - clock_now_us();
    int64_t low = is_verified(p) ? m->verified_to : p->value;
    struct pgx_args args =
        PGX_ARGS(PGX_INT(low), PGX_INT(locked ? INT64_MAX : p->value), PGX_UUID(&m->endpoints->owner.tenant));

    if (timeout_us <= 0)
        return err_set(err, TMV_ERR_TIMEOUT, "the drain used its budget before the tail was verified");
    if (!pgx_send_kept(t->source, timeout_us, &source_digest, args, err) ||
        !pgx_send_kept(t->target, timeout_us, &target_digest, args, err) ||
        !pgx_receive(t->target, timeout_us, &target, err) ||
        !pgx_receive(t->source, timeout_us, &source, err))
        return err_wrap(err, "verifying the tail");
    verifier_read_digest(source, &a);
    verifier_read_digest(target, &b);
    bool nothing_above = is_verified(p) || a.events + b.events == 0;
    if (range_digest_equal(&a, &b) && nothing_above)
        return true;
    err_set(err, TMV_ERR_DIVERGED,
            "source and target differ above position %" PRId64 " (the sequence is at %" PRId64 "): %" PRId64
            " and %" PRId64 " events",
            low, p->value, a.events, b.events);
    return err_hint(err, "tenantmv verify shows which events; nothing was switched");
}

/* The placement epoch of this attempt: above both fences, so that no two attempts share one. Nobody but the
 * owner changes the target's, so it is read before the pause. */
static bool choose_epoch(struct pause *p, struct tmv_error *err)
{
    struct fence now;
    bool found = false;

    if (!guard_read_fence(p->m->tailer->target, p->m->target_guard, &now, &found, err))
        return false;
    if (!found || now.state != FENCE_CLOSED)
        return err_set(err, TMV_ERR_CONFLICT, "the target's fence is %s, not closed",
                       found ? fence_state_name(now.state) : "gone");
    p->to_epoch = (now.placement_epoch > p->from_epoch ? now.placement_epoch : p->from_epoch) + 1;
    return true;
}

bool cutover_arm_sql(const struct endpoints *endpoints, int64_t epoch, int64_t position, struct buf *ret_sql,
                     struct tmv_error *err)
{
    char value[24], to_epoch[24], owner_epoch[24], migration[60];

    snprintf(migration, sizeof migration, "'%s'", endpoints->migration);
    snprintf(value, sizeof value, "%" PRId64, position);
    snprintf(to_epoch, sizeof to_epoch, "%" PRId64, epoch);
    snprintf(owner_epoch, sizeof owner_epoch, "%" PRId64, endpoints->owner.epoch);
    const struct pgx_var vars[] = {
        {"value", value},
        {"to_epoch", to_epoch},
        {"owner_epoch", owner_epoch},
        {"tenant_id", endpoints->tenant},
        {"migration", migration},
    };
    return store_sql(ret_sql, sql_cutover_arm, &endpoints->target, vars, ARRAY_LEN(vars), err);
}

static bool arm_sql(const struct pause *p, struct buf *ret_sql, struct tmv_error *err)
{
    return cutover_arm_sql(p->m->endpoints, p->to_epoch, p->value, ret_sql, err);
}

static int64_t left_of_drain_us(const struct pause *p)
{
    int64_t left_us = p->deadline_us - clock_now_us();

    return left_us > 0 ? left_us : 1;
}

/* Writers that wait at the end of the drain: the source counts them while the target commits, which costs the
 * pause nothing. */
static void ask_held_writers(struct pause *p)
{
    const struct pgx_kept statement = {.slot = TAIL_SLOT_HELD, .sql = sql_cutover_held_writers};
    struct tmv_error ignored;

    p->counting = pgx_send_kept(p->m->tailer->source, left_of_drain_us(p), &statement,
                                PGX_ARGS(PGX_INT(p->m->source_guard->lock_key)), &ignored);
}

/* Also after a drain that failed: the connection is used again. A wait that is given up breaks it, so it is
 * not bounded by what is left of the pause: when the answer was not awaited, nobody is held any more. */
static void take_held_writers(struct pause *p)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    struct tmv_error ignored;

    if (p->counting && pgx_receive(p->m->tailer->source, COUNTED_US, &row, &ignored))
        p->attempt->held_writers = pgx_int(row, 0, 0);
    p->counting = false;
}

/* Before a decision, whose wait for a standby needs the connection. */
static bool await_held_writers(struct pause *p, struct tmv_error *err)
{
    bool answered = !p->counting;

    if (p->counting && !pgx_await(p->m->tailer->source, left_of_drain_us(p), &answered, err))
        return err_wrap(err, "counting the writers that wait");
    if (!answered)
        return err_set(err, TMV_ERR_TIMEOUT, "the drain used its whole budget");
    take_held_writers(p);
    return true;
}

/* Runs in the target's transaction, after the last events were written and before it commits. A rehearsal's
 * transaction applies events, but does not arm. */
static bool finish_drain(void *user, struct tailer *t, struct buf *commit, struct tmv_error *err)
{
    struct pause *p = user;

    (void)t;
    if (!verify_tail(p, true, err))
        return false;
    ask_held_writers(p);
    if (p->request->rehearsal)
        return true;
    buf_str(commit, ";\n");
    if (!arm_sql(p, commit, err))
        return false;
    buf_str(commit, ";\n");
    if (!facts_must_hold(p->m->target_guard, p->glance[SIDE_TARGET], commit, err))
        return false;
    p->armed = true; /* as soon as the commit is sent, for all that is known */
    return true;
}

static bool decide_sql(const struct pause *p, struct buf *ret_sql, struct tmv_error *err)
{
    const struct endpoints *endpoints = p->m->endpoints;
    AUTO(buf) struct buf store = BUF_INIT(1000);
    char migration[60], owner_epoch[24], from[24], to[24], value[24], back_leg[12];

    snprintf(migration, sizeof migration, "'%s'", endpoints->migration);
    snprintf(owner_epoch, sizeof owner_epoch, "%" PRId64, endpoints->owner.epoch);
    snprintf(from, sizeof from, "%" PRId64, p->from_epoch);
    snprintf(to, sizeof to, "%" PRId64, p->to_epoch);
    snprintf(value, sizeof value, "%" PRId64, p->value);
    snprintf(back_leg, sizeof back_leg, "%d", BACK_LEG);
    pgx_literal(&store, endpoints->target_store.id);
    const struct pgx_var vars[] = {
        {"tenant_id", endpoints->tenant},
        {"migration", migration},
        {"owner_epoch", owner_epoch},
        {"from_epoch", from},
        {"to_epoch", to},
        {"store", buf_text(&store)},
        {"value", value},
        {"back_leg", p->request->settings->hold_s > 0 ? back_leg : "NULL"},
    };
    return buf_ok(&store, err) &&
           store_sql(ret_sql, sql_cutover_decide, &endpoints->source, vars, ARRAY_LEN(vars), err);
}

/* Sends the decision and waits for it. A synchronous standby that stopped to answer is not waited for beyond
 * the budget: the decision is made on the source, whatever the standby does. *ret_unknown: it failed, and may
 * have happened all the same. */
static bool commit_decision(struct pause *p, const char *sql, bool *ret_unknown, struct tmv_error *err)
{
    struct cutover_manager *m = p->m;

    *ret_unknown = true;
    if (!pgx_script_send(m->lock, sql, err) ||
        !standby_await_commit(m->lock, m->tailer->source, p->deadline_us + DECIDE_BUDGET_MS * US_PER_MS,
                              &m->alone, err))
        return false;
    bool ok = pgx_script_receive(m->lock, STEP_TIMEOUT_US, 0, NULL, err);
    *ret_unknown = !ok && !pgx_is_usable(m->lock);
    return ok;
}

/* True: decided. False with *ret_unknown: it may have happened. */
static bool decide(struct pause *p, bool *ret_unknown, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(16 * 1024);
    int64_t start = clock_now_us();

    *ret_unknown = false;
    if (!decide_sql(p, &sql, err) || !fault_hit("cutover.before_decide", err))
        return false;
    buf_str(&sql, ";\n");
    if (!facts_must_hold(p->m->source_guard, p->glance[SIDE_SOURCE], &sql, err))
        return false;
    buf_str(&sql, ";\n");
    buf_str(&sql, sql_any_commit);
    if (!buf_ok(&sql, err))
        return false;
    if (clock_now_us() > p->deadline_us)
        return err_set(err, TMV_ERR_TIMEOUT, "the drain used its whole budget");
    if (!commit_decision(p, buf_text(&sql), ret_unknown, err))
        return false;
    int64_t now = clock_now_us();
    p->attempt->decide_us = now - start;
    p->attempt->pause_us = now - p->asked_us;
    if (fault_hit("cutover.after_decide", err))
        return true;
    *ret_unknown = true; /* as far as the caller knows */
    return false;
}

/* ---- before the pause ---- */

/* Appends the comparison that the commit will send, with the facts as they are now. */
static bool compare_now_sql(const struct guard *guard, struct pgx_conn *conn, struct buf *sql,
                            struct tmv_error *err)
{
    char glance[FACTS_DIGEST_SIZE];

    buf_str(sql, ";\n");
    return facts_glance(conn, guard, glance, err) && facts_must_hold(guard, glance, sql, err);
}

/* Does on both sides what the pause will do, and rolls it back: the sessions have their plans and catalogue
 * rows in memory then, and what would refuse the decision refuses it before a writer is held. No lock of the
 * tenant is taken. */
static bool rehearse_decision(struct pause *p, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    bool ok = begin_decision(p, err) && decide_sql(p, &sql, err) &&
              compare_now_sql(p->m->source_guard, p->m->lock, &sql, err) &&
              pgx_script(p->m->lock, STEP_TIMEOUT_US, buf_text(&sql), 0, NULL, err);

    pgx_rollback(p->m->lock, STEP_TIMEOUT_US);
    return ok;
}

/* What is proven equal moves up to the watermark, so that the pause verifies only what came since. */
static bool prove_mirrored(struct pause *p, struct tmv_error *err)
{
    struct cutover_manager *m = p->m;

    p->value = m->tailer->watermark;
    p->deadline_us = clock_now_us() + STEP_TIMEOUT_US;
    if (p->value <= m->verified_to || !is_verified(p))
        return true;
    if (!verify_tail(p, false, err))
        return false;
    m->verified_to = p->value;
    return true;
}

static bool rehearse_drain(struct pause *p, struct tmv_error *err)
{
    struct tailer *t = p->m->tailer;
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    bool ok;

    if (!choose_epoch(p, err) || !prove_mirrored(p, err))
        return false;
    ok = tailer_begin_drain(t, err) && arm_sql(p, &sql, err) &&
         compare_now_sql(p->m->target_guard, t->target, &sql, err) &&
         pgx_script(t->target, STEP_TIMEOUT_US, buf_text(&sql), 0, NULL, err);
    pgx_rollback(t->target, STEP_TIMEOUT_US);
    ask_held_writers(p); /* planned before anybody waits */
    take_held_writers(p);
    p->attempt->held_writers = 0;
    return ok;
}

/* The rehearsals took a moment, in which events came. What is final is known a turn later, so a few turns
 * leave the pause the fewest. */
static bool catch_up(struct pause *p, struct tmv_error *err)
{
    bool behind;

    for (int i = 0; i < CATCH_UP_TURNS; i++) {
        tailer_hurry(p->m->tailer);
        if (!tailer_turn(p->m->tailer, &behind, err) || !prove_mirrored(p, err))
            return false;
        int64_t lag_us = tailer_lag_us(p->m->tailer);
        if (i > 0 && lag_us >= 0 && lag_us < CATCH_UP_US)
            break;
    }
    return true;
}

/* The gates looked a moment ago; a standby that fell silent since would hold the writers for the whole
 * budget. */
static bool standby_just_answered(struct cutover_manager *m, const struct tmv_settings *s,
                                  struct tmv_error *err)
{
    int64_t budget_ms = cutover_pause_budget_ms(s);

    if (!m->standby.configured)
        return true;
    if (!standby_ask(&m->standby, budget_ms * US_PER_MS, err))
        return false;
    return m->standby.answers ||
           err_set(err, TMV_ERR_REFUSED,
                   "the source's synchronous standby did not answer within %" PRId64 " ms", budget_ms);
}

/* Everything between the lock and its end. The lock session is rolled back on failure. */
static bool run_pause(struct pause *p, bool *ret_unknown, struct tmv_error *err)
{
    const struct tailer_finish finish = {.run = finish_drain, .user = p};
    struct cutover_manager *m = p->m;
    bool ok;

    *ret_unknown = false;
    if (!rehearse_drain(p, err) || !rehearse_decision(p, err) || !catch_up(p, err) ||
        !standby_just_answered(m, p->request->settings, err) || !take_lock(p, err))
        return false;
    int64_t start = clock_now_us();
    ok = fault_hit("cutover.after_lock", err) &&
         tailer_drain(m->tailer, p->value, p->deadline_us, &finish, &p->attempt->drained_events, err) &&
         await_held_writers(p, err);
    p->attempt->drain_us = clock_now_us() - start;
    if (!ok) {
        pgx_rollback(m->lock, STEP_TIMEOUT_US);
        take_held_writers(p);
        /* The source decides on the session with the lock, and on no other. */
        *ret_unknown = !pgx_is_usable(m->tailer->target);
        return false;
    }
    if (is_verified(p))
        m->verified_to = p->value;
    if (p->request->rehearsal) {
        pgx_rollback(m->lock, STEP_TIMEOUT_US);
        p->attempt->pause_us = clock_now_us() - p->asked_us;
        return true;
    }
    ok = fault_hit("cutover.after_drain", err) && decide(p, ret_unknown, err);
    if (!ok)
        pgx_rollback(m->lock, STEP_TIMEOUT_US);
    return ok;
}

/* ---- around the pause ---- */

static bool only_one(struct cutover_manager *m, bool take, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *ours = NULL;
    AUTO_RESULT struct pgx_result *theirs = NULL;
    char key[80];

    snprintf(key, sizeof key, "cutover:%s", m->endpoints->tenant);
    if (!take)
        return pgx_query(m->lock, STEP_TIMEOUT_US, sql_cutover_only_one_release,
                         PGX_ARGS(PGX_TEXT(GUARD_CUTOVER_KEY)), NULL, err) &&
               pgx_query(m->control, STEP_TIMEOUT_US, sql_cutover_only_one_release, PGX_ARGS(PGX_TEXT(key)),
                         NULL, err);
    if (!pgx_query(m->lock, STEP_TIMEOUT_US, sql_cutover_only_one_source,
                   PGX_ARGS(PGX_TEXT(GUARD_CUTOVER_KEY)), &ours, err))
        return false;
    if (!pgx_bool(ours, 0, 0))
        return err_set(err, TMV_ERR_REFUSED, "another cutover runs on this source now");
    if (!pgx_query(m->control, STEP_TIMEOUT_US, sql_cutover_only_one_source, PGX_ARGS(PGX_TEXT(key)), &theirs,
                   err))
        return false;
    if (pgx_bool(theirs, 0, 0))
        return true;
    err_set(err, TMV_ERR_REFUSED, "another coordinator runs a cutover of this tenant now");
    struct tmv_error ignored;
    if (!pgx_query(m->lock, STEP_TIMEOUT_US, sql_cutover_only_one_release,
                   PGX_ARGS(PGX_TEXT(GUARD_CUTOVER_KEY)), NULL, &ignored))
        return false;
    return false;
}

/* A target that was armed for an attempt that did not decide is closed again. */
static bool disarm(struct cutover_manager *m, struct pgx_conn *target, struct tmv_error *err)
{
    const struct fence_change change = {.from = FENCE_ARMED, .to = FENCE_CLOSED};
    bool changed;

    return guard_change_fence(target, m->target_guard, &change, &changed, err);
}

static bool open_target(struct cutover_manager *m, struct pgx_conn *target, int64_t epoch,
                        struct tmv_error *err)
{
    const struct fence_change change = {
        .from = FENCE_ARMED, .to = FENCE_OPEN, .from_epoch = epoch, .to_epoch = epoch};
    struct fence now;
    bool changed, found;

    if (!guard_change_fence(target, m->target_guard, &change, &changed, err))
        return false;
    if (changed)
        return true;
    /* A router that was told of the move may have been faster; anything else is resolved from the beginning.
     */
    if (!guard_read_fence(target, m->target_guard, &now, &found, err))
        return false;
    if (found && now.state == FENCE_OPEN && now.placement_epoch == epoch)
        return true;
    return err_set(err, TMV_ERR_CONFLICT, "the tenant has moved, but the target's fence is %s, not armed",
                   found ? fence_state_name(now.state) : "gone");
}

static bool read_open_epoch(struct pause *p, struct tmv_error *err)
{
    struct fence fence;
    bool found;

    if (!guard_read_fence(p->m->lock, p->m->source_guard, &fence, &found, err))
        return false;
    if (!found || fence.state != FENCE_OPEN)
        return err_set(err, TMV_ERR_CONFLICT, "the fence of the source is %s",
                       found ? fence_state_name(fence.state) : "gone");
    p->from_epoch = fence.placement_epoch;
    return true;
}

static bool rolled_back(struct pause *p, const struct tmv_error *why, enum cutover_outcome *ret_outcome,
                        struct tmv_error *err)
{
    p->attempt->outcome = TMV_ATTEMPT_ROLLED_BACK;
    text_copy(p->attempt->reason, sizeof p->attempt->reason, why->message);
    if (p->attempt->pause_us == 0 && p->asked_us)
        p->attempt->pause_us = clock_now_us() - p->asked_us;
    *ret_outcome = CUTOVER_ROLLED_BACK;
    return !p->armed || (fault_hit("rollback.before_disarm", err) &&
                         disarm(p->m, p->m->tailer->target, err) && fault_hit("rollback.disarmed", err));
}

bool cutover_attempt(struct cutover_manager *m, const struct cutover_request *request,
                     struct tmv_attempt *attempt, enum cutover_outcome *ret_outcome, struct tmv_error *err)
{
    struct pause p = {.m = m, .request = request, .attempt = attempt};
    struct tmv_error why = {0};
    bool unknown = false;

    *ret_outcome = CUTOVER_UNKNOWN;
    m->alone = false;
    if (!read_open_epoch(&p, &why) || !only_one(m, true, &why))
        return rolled_back(&p, &why, ret_outcome, err);
    bool ok = run_pause(&p, &unknown, &why);
    if (unknown || !pgx_is_usable(m->lock)) {
        *err = why;
        return false;
    }
    m->last_pause_us = attempt->pause_us;
    m->last_pause_at_us = clock_now_us();
    if (!ok)
        return rolled_back(&p, &why, ret_outcome, err) && only_one(m, false, err);
    if (request->rehearsal) {
        attempt->outcome = TMV_ATTEMPT_REHEARSED;
        *ret_outcome = CUTOVER_REHEARSED;
        return only_one(m, false, err);
    }
    attempt->outcome = TMV_ATTEMPT_COMPLETED;
    if (m->alone)
        text_copy(attempt->reason, sizeof attempt->reason, cutover_alone);
    *ret_outcome = CUTOVER_COMPLETED;
    if (!fault_hit("cutover.before_open", err) || !open_target(m, m->tailer->target, p.to_epoch, err) ||
        !fault_hit("cutover.after_open", err))
        return false;
    /* What is left is bookkeeping; the writers that were held go first. */
    (void)stop_sleep(m->endpoints->stop, WRITERS_FIRST_US);
    return only_one(m, false, err);
}
