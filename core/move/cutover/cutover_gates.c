/* The gates: what must hold before a cutover begins, looked at once a second and when one is asked for.
 * Changes nothing. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/snapshot/figures.h"
#include "move/cutover/cutover_manager.h"
#include "sql_embedded.h"

#define STEP_TIMEOUT_US (10 * US_PER_S)
#define PAUSE_IS_NEWS_US (30 * US_PER_S) /* so long the latest pause says what the next will be */
#define OLD_TRANSACTION_MS 5000
#define VERIFIED_CLOSE 100000             /* positions that a cutover verifies by itself */
#define STANDBY_LOOK_US (100 * US_PER_MS) /* the gates are looked at while mirroring stands still */

struct gate_list {
    struct tmv_gate *gates;
    size_t count;
    bool green;
};

static void gate(struct gate_list *list, const char *name, bool green, const char *fmt, ...) TMV_PRINTF(4, 5);

static void gate(struct gate_list *list, const char *name, bool green, const char *fmt, ...)
{
    va_list ap;

    if (list->count == TMV_GATES_MAX)
        return;
    struct tmv_gate *g = &list->gates[list->count++];
    text_copy(g->name, sizeof g->name, name);
    g->green = green;
    g->at_us = clock_now_us();
    va_start(ap, fmt);
    vsnprintf(g->seen, sizeof g->seen, fmt, ap);
    va_end(ap);
    list->green = list->green && green;
}

static void gate_lag(struct cutover_manager *m, const struct tmv_settings *s, struct gate_list *list)
{
    int64_t lag_us = tailer_lag_us(m->tailer);
    int64_t lag_ms = lag_us / US_PER_MS;
    bool known = lag_us >= 0 && m->tailer->settled;
    bool green = known && lag_ms <= s->cutover_max_lag_ms;

    if (!known)
        gate(list, "lag", false, "not known yet");
    else
        gate(list, "lag", green, "%" PRId64 " ms %s %" PRId64 " ms", lag_ms, green ? "≤" : ">",
             s->cutover_max_lag_ms);
}

static bool gate_lag_events(struct cutover_manager *m, const struct tmv_settings *s, struct gate_list *list,
                            struct tmv_error *err)
{
    int64_t events;

    if (s->cutover_max_lag_events < 0)
        return true;
    if (!tailer_count_behind(m->tailer, &events, err))
        return false;
    bool green = events <= s->cutover_max_lag_events;
    gate(list, "lag events", green, "%" PRId64 " events %s %" PRId64, events, green ? "≤" : ">",
         s->cutover_max_lag_events);
    return true;
}

static void gate_verified(struct cutover_manager *m, const struct cutover_conditions *c,
                          struct gate_list *list)
{
    int64_t open = m->tailer->watermark - m->verified_to;

    if (c->force)
        gate(list, "verified", true, "left out by force");
    else if (m->differences > 0)
        gate(list, "verified", false,
             "verification found %" PRId64 " differences, the first at position %" PRId64 "%s",
             m->differences, m->differs_at, m->differs_in);
    else if (!c->settings->verify_consistency)
        gate(list, "verified", true, "switched off in the settings");
    else if (m->repairing)
        gate(list, "verified", false, "verification restarts after the repair");
    else if (open <= VERIFIED_CLOSE && !m->total_compared)
        gate(list, "verified", false, "the totals of the tenant's events are being compared");
    else
        gate(list, "verified", open <= VERIFIED_CLOSE, "to position %" PRId64 " of %" PRId64, m->verified_to,
             m->tailer->watermark);
}

/* A probe that is under way for less than the budget is no silence yet; right before the lock it is waited
 * for. */
static bool gate_standby(struct cutover_manager *m, const struct tmv_settings *s, struct gate_list *list,
                         struct tmv_error *err)
{
    int64_t budget_us = cutover_pause_budget_ms(s) * US_PER_MS;

    if (!standby_ask(&m->standby, budget_us < STANDBY_LOOK_US ? budget_us : STANDBY_LOOK_US, err))
        return false;
    bool in_time = m->standby.answer_us < budget_us;
    gate(list, "standby", in_time,
         m->standby.answers ? "answered in %s ms"
         : in_time          ? "asked %s ms ago, no answer yet"
                            : "silent for %s ms",
         DECIMAL((double)m->standby.answer_us / US_PER_MS, 1));
    return true;
}

static bool gate_source(struct cutover_manager *m, const struct tmv_settings *s, struct gate_list *list,
                        struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query(m->lock, STEP_TIMEOUT_US, sql_cutover_source_gates,
                   PGX_ARGS(PGX_INT(m->source_guard->lock_key)), &row, err))
        return err_wrap(err, "looking at the source");
    int64_t oldest_ms = pgx_int(row, 0, 0);
    bool young = oldest_ms < s->lock_budget_ms * 5;
    if (oldest_ms >= 86400000)
        gate(list, "writers", false, "a prepared transaction of the tenant is open");
    else
        gate(list, "writers", young, "oldest transaction %" PRId64 " ms", oldest_ms < 0 ? 0 : oldest_ms);
    gate(list, "source", !pgx_bool(row, 0, 2), pgx_bool(row, 0, 2) ? "is read only" : "takes writes");
    m->standby.configured = pgx_bool(row, 0, 1);
    return !m->standby.configured || gate_standby(m, s, list, err);
}

/* For how long the oldest transaction is known to run. Of another role's session the server may not tell:
 * then since it was first seen here. */
static int64_t age_of_oldest_ms(struct cutover_manager *m, const struct pgx_result *row)
{
    const char *xid = pgx_text(row, 0, 2);

    if (!pgx_is_null(row, 0, 3))
        return pgx_int(row, 0, 3);
    if (strcmp(m->oldest_xid, xid) != 0) {
        text_copy(m->oldest_xid, sizeof m->oldest_xid, xid);
        m->oldest_seen_us = clock_now_us();
    }
    return (clock_now_us() - m->oldest_seen_us) / US_PER_MS;
}

/* A transaction older than the copied events: where these carry the ids of the transactions that copied them,
 * a feed reader would meet them out of order, and skip some. Where they carry none it only delays the events
 * that are written after the switch. */
static void gate_target_transactions(struct cutover_manager *m, const struct pgx_result *row,
                                     struct gate_list *list)
{
    const struct store_column *transaction = store_shape_transaction(&m->endpoints->target);
    bool copies_carry_ids = transaction && transaction->not_null;

    if (pgx_is_null(row, 0, 1)) {
        gate(list, "target-transactions", true, "oldest 0 ms");
        return;
    }
    int64_t age_ms = age_of_oldest_ms(m, row);
    if (age_ms < OLD_TRANSACTION_MS)
        gate(list, "target-transactions", true, "oldest %" PRId64 " ms", age_ms);
    else if (copies_carry_ids)
        gate(list, "target-transactions", false, "open for %" PRId64 " ms, end it: %s", age_ms,
             pgx_text(row, 0, 1));
    else
        gate(list, "target-transactions", true,
             "warning: open for %" PRId64 " ms, new events wait for it: %s", age_ms, pgx_text(row, 0, 1));
}

/* Whatever else is left out: between its two passes a repair has removed events that it has not copied yet.
 * `noted` on the target, which refuses to be armed then. */
static void gate_repair(const struct cutover_manager *m, bool noted, struct gate_list *list)
{
    gate(list, "repair", !noted && !m->repairing,
         m->repairing ? "a repair of the target is under way"
         : noted      ? "interrupted, events may be missing: run verify --repair again"
                      : "no repair of the target is under way");
}

static bool gate_target(struct cutover_manager *m, struct gate_list *list, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    int64_t start = clock_now_us();

    if (!pgx_query(m->tailer->target, STEP_TIMEOUT_US, sql_cutover_target_gates,
                   PGX_ARGS(PGX_UUID(&m->endpoints->owner.migration)), &row, err))
        return err_wrap(err, "looking at the target");
    int64_t took_us = clock_now_us() - start;
    bool read_only = pgx_bool(row, 0, 0);
    gate(list, "target", !read_only && took_us < US_PER_S, "answers in %s ms%s",
         DECIMAL((double)took_us / US_PER_MS, 1), read_only ? ", but is read only" : "");
    gate_target_transactions(m, row, list);
    gate_repair(m, pgx_bool(row, 0, 4), list);
    return true;
}

/* The coordinator has just looked (fact_watch_look); the decision looks again under its locks. */
static void gate_guards(struct cutover_manager *m, struct gate_list *list)
{
    char words[sizeof list->gates->seen];
    bool changed = fact_watch_is_void(m->facts, words, sizeof words);

    gate(list, "guard", !changed, "%s", changed ? words : "unchanged");
}

int64_t cutover_predict_us(const struct cutover_manager *m)
{
    const struct tailer *t = m->tailer;

    if (m->last_pause_us && clock_now_us() - m->last_pause_at_us < PAUSE_IS_NEWS_US)
        return m->last_pause_us;
    if (!t->apply_us || !t->durable_us) /* nobody writes: what was measured once is all that is known */
        return m->last_pause_us ? m->last_pause_us : -1;
    /* Lock round trip, drain with its two flushes, decision with one. */
    return t->apply_us + 2 * t->durable_us + US_PER_MS;
}

/* A prediction above the budget settles by itself: the latest pause counts for a while only, and what large
 * events took is forgotten when nothing, or less, is applied. */
static void gate_prediction(const struct cutover_manager *m, int64_t budget_ms, struct gate_list *list)
{
    int64_t predicted_us = cutover_predict_us(m);
    bool green = predicted_us < budget_ms * US_PER_MS;
    int64_t counts_us = m->last_pause_at_us + PAUSE_IS_NEWS_US - clock_now_us();
    char text[80];

    snprintf(text, sizeof text, "%s ms of %" PRId64 " ms", DECIMAL((double)predicted_us / US_PER_MS, 1),
             budget_ms);
    if (predicted_us < 0)
        gate(list, "predicted pause", green, "not measured");
    else if (green)
        gate(list, "predicted pause", green, "%s", text);
    else if (m->last_pause_us && counts_us > 0)
        gate(list, "predicted pause", green,
             "%s: the latest attempt took that long; it counts for %" PRId64 " s more", text,
             counts_us / US_PER_S + 1);
    else
        gate(list, "predicted pause", green,
             "%s: waiting for events to be applied and synced faster than the latest (large ones, or a busy "
             "disk)",
             text);
}

bool cutover_gates_hold(const struct tmv_gate *gates, size_t count, int64_t now_us, char why[TMV_REASON_MAX])
{
    for (size_t i = 0; i < count; i++) {
        if (gates[i].green && fact_is_fresh(gates[i].at_us, now_us))
            continue;
        if (gates[i].green)
            snprintf(why, TMV_REASON_MAX,
                     "gate %.39s is not known any more: it was looked at %" PRId64 " s ago", gates[i].name,
                     (now_us - gates[i].at_us) / US_PER_S);
        else
            snprintf(why, TMV_REASON_MAX, "%.39s: %.239s", gates[i].name, gates[i].seen);
        return false;
    }
    if (count == 0)
        text_copy(why, TMV_REASON_MAX, "no gate was looked at");
    return count > 0;
}

bool cutover_gates(struct cutover_manager *m, const struct cutover_conditions *c, struct tmv_gate *gates,
                   size_t *ret_count, bool *ret_green, struct tmv_error *err)
{
    struct gate_list list = {.gates = gates, .green = true};
    int64_t budget_ms = c->settings->lock_budget_ms + cutover_pause_budget_ms(c->settings);

    gate(&list, "not paused", !c->paused, c->paused ? "paused" : "running");
    gate_guards(m, &list);
    gate_lag(m, c->settings, &list);
    if (!gate_lag_events(m, c->settings, &list, err))
        return false;
    gate_verified(m, c, &list);
    if (!gate_source(m, c->settings, &list, err) || !gate_target(m, &list, err))
        return false;
    gate_prediction(m, budget_ms, &list);
    *ret_count = list.count;
    *ret_green = list.green;
    return true;
}
