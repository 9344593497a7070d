/* The facts of both stores as the coordinator deals with them: noted with the guard, looked at once a second
 * and before a cutover, and asked when a statement fails in a way that a change of the tables explains. */
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/text.h"
#include "engine/coordinator.h"
#include "engine/move.h"
#include "move/shared/partitions.h"

/* ---- noting ---- */

static struct fact_look look_at(struct coordinator *c, enum store_side side, struct pgx_conn *store)
{
    return (struct fact_look){.watch = &c->facts,
                              .side = side,
                              .control = c->control,
                              .owner = &c->endpoints.owner,
                              .store = store,
                              .guard = side == SIDE_SOURCE ? &c->source_guard : &c->target_guard};
}

bool coordinator_ledger_guard(struct coordinator *c, enum store_side side, int64_t *ret_id,
                              struct tmv_error *err)
{
    const struct guard *guard = side == SIDE_SOURCE ? &c->source_guard : &c->target_guard;
    char undo[300];
    struct ledger_entry entry = {.when = side == SIDE_SOURCE ? LEDGER_ON_FINALIZE : LEDGER_ON_ABORT,
                                 .undo = undo};

    snprintf(undo, sizeof undo, "fence off, then drop the triggers \"~tenantmv_%s_…\" on %s", guard->mark,
             guard->shape->events);
    text_copy(entry.store, sizeof entry.store, store_side_name(side));
    text_copy(entry.kind, sizeof entry.kind, "guard");
    text_copy(entry.name, sizeof entry.name, guard->mark);
    if (!fault_hit("ledger.before_guard", err) ||
        !control_ledger_add(c->control, &c->endpoints.owner, &entry, ret_id, err))
        return false;
    return fault_hit("ledger.guard_noted", err);
}

/* The shape is read before the facts that must still be the installed ones: so it is the shape of just these
 * facts, whatever somebody does to the table meanwhile. */
bool coordinator_note_facts(struct coordinator *c, enum store_side side, struct pgx_conn *store,
                            const char *installed, struct tmv_error *err)
{
    const struct fact_look look = look_at(c, side, store);
    const struct tmv_store_info *info =
        side == SIDE_SOURCE ? &c->endpoints.source_store : &c->endpoints.target_store;
    struct store_shape *shape = side == SIDE_SOURCE ? &c->endpoints.source : &c->endpoints.target;
    int64_t id = c->facts.sides[side].ledger; /* written before anything was installed */

    if ((id == 0 && !coordinator_ledger_guard(c, side, &id, err)) ||
        !store_shape_discover(store, info->events_schema, info->events_table, shape, err))
        return false;
    store_shape_leave(shape, &c->row.settings.leave_columns);
    return fact_watch_note(&look, id, installed, err) && fault_hit("ledger.facts_noted", err);
}

bool coordinator_noted_digest(struct coordinator *c, enum store_side side, struct pgx_conn *store,
                              char digest[FACTS_DIGEST_SIZE], struct tmv_error *err)
{
    const struct fact_look look = look_at(c, side, store);

    if (!fact_watch_load(&look, err))
        return false;
    text_copy(digest, FACTS_DIGEST_SIZE, c->facts.sides[side].noted.digest);
    return true;
}

/* ---- looking ---- */

bool coordinator_load_facts(struct coordinator *c, struct tmv_error *err)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        const struct fact_look look =
            look_at(c, (enum store_side)i, i == SIDE_SOURCE ? c->cutover.lock : c->tailer.target);
        if (!fact_watch_load(&look, err))
            return false;
    }
    c->facts.good_to = c->tailer.copy_limit;
    return true;
}

static void tell_news(const struct coordinator *c, struct fact_side *side)
{
    char why[TMV_REASON_MAX];

    if (!side->news)
        return;
    side->news = false;
    snprintf(why, sizeof why, "the move is void: %.300s", side->words);
    move_error_recorded(c, why);
}

bool coordinator_look_at_facts(struct coordinator *c, struct tmv_error *err)
{
    int64_t mirrored_to = c->tailer.watermark;
    bool reconnect = false;

    for (int i = 0; i < SIDE_COUNT; i++) {
        const struct fact_look look =
            look_at(c, (enum store_side)i, i == SIDE_SOURCE ? c->cutover.lock : c->tailer.target);
        bool looked = fact_watch_look(&look, &reconnect, err);

        tell_news(c, &c->facts.sides[i]);
        if (!looked)
            return false;
    }
    if (!fact_watch_is_void(&c->facts, NULL, 0) && mirrored_to > c->facts.good_to)
        c->facts.good_to = mirrored_to;
    if (reconnect)
        return err_set(err, TMV_ERR_CONFLICT,
                       "a name that the migration uses was changed; it connects to its stores again");
    return true;
}

/* ---- while history is copied ---- */

/* The target has no guard of rows yet, and triggers and partitions may come: what counts are its columns and
 * its sequence. */
static bool same_for_copy(const struct fact_side *s, const struct facts *now, bool is_target, char *words,
                          size_t size, struct tmv_error *err)
{
    static const char *const come_later[] = {"trigger", "table", "bare table"};
    AUTO(facts_diff) struct facts_diff diff = {0};

    words[0] = '\0';
    if (!s->noted.list || !now->list)
        return true;
    if (!facts_compare(s->noted.list, now->list, &diff, err))
        return false;
    for (size_t i = 0; i < diff.count && !words[0]; i++) {
        bool counts = diff.changes[i].effect >= FACT_MOVE;
        for (size_t k = 0; is_target && k < ARRAY_LEN(come_later); k++)
            counts = counts && strcmp(diff.changes[i].kind, come_later[k]) != 0;
        if (counts)
            text_copy(words, size, diff.changes[i].words);
    }
    return true;
}

bool coordinator_check_copy_facts(struct coordinator *c, enum store_side side, struct pgx_conn *store,
                                  struct tmv_error *err)
{
    const struct fact_look look = look_at(c, side, store);
    const struct fact_side *s = &c->facts.sides[side];
    AUTO(facts) struct facts now = {0};
    char words[TMV_REASON_MAX];

    if (!fact_watch_load(&look, err) || !facts_read(store, look.guard, s->noted.digest, &now, err) ||
        !same_for_copy(s, &now, side == SIDE_TARGET, words, sizeof words, err))
        return false;
    if (!words[0])
        return true;
    err_set(err, TMV_ERR_REFUSED, "the %s was changed while the history was copied: %s",
            store_side_name(side), words);
    return err_hint(err, "abort the migration and start again");
}

/* ---- explaining an error ---- */

/* Whether the facts on a side are other ones than noted; an answer that does not come is no. */
static bool has_changed(struct coordinator *c, enum store_side side)
{
    AUTO_CONN struct pgx_conn *store = NULL;
    AUTO(facts) struct facts now = {0};
    const struct fact_side *s = &c->facts.sides[side];
    const struct guard *guard = side == SIDE_SOURCE ? &c->source_guard : &c->target_guard;
    struct tmv_error ignored;

    if (!s->noted.digest[0] ||
        !(side == SIDE_SOURCE ? endpoints_connect_source(&c->endpoints, "facts", &store, &ignored)
                              : endpoints_connect_target(&c->endpoints, "facts", &store, &ignored)))
        return false;
    return !facts_read(store, guard, s->noted.digest, &now, &ignored) ||
           strcmp(now.digest, s->noted.digest) != 0;
}

/* A value of a type whose name both stores share, and whose values or rules are others on the target: the
 * server names type and value, or the constraint. */
static bool is_value_refused(const struct tmv_error *err)
{
    return text_starts(err->sqlstate, "22") || text_starts(err->sqlstate, "23");
}

bool coordinator_explain(struct coordinator *c, struct tmv_error *err)
{
    if (err->code != TMV_ERR_SQL || ending_is_open(c->row.ending)) /* phase_hold has explained it */
        return false;
    if (err_is_sqlstate(err, "23514") && partitions_explain(&c->endpoints, err))
        return false;
    /* The next connection reads the tables as they are now, and says what was changed. */
    if (err_is_sqlstate(err, "0A000") || has_changed(c, SIDE_SOURCE) || has_changed(c, SIDE_TARGET)) {
        err->code = TMV_ERR_CONFLICT;
        err_hint(err, "the events table was changed: the stores are connected again");
    } else if (is_value_refused(err)) {
        err_hint(err, "the target does not take a value that the source holds: change its type, domain or "
                      "constraint to be like the source's, then resume the migration, or abort it");
    }
    return false;
}
