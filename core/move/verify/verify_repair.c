/* Everything wrong is removed before anything is copied: an event that stands at the wrong position would
 * otherwise keep its own copy out (its id and its stream's version are unique). */
#include "move/verify/verify_repair.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "pg/copy.h"
#include "sql_embedded.h"

#define REPAIR_MAX 1000000 /* differences mended one by one; beyond that a new copy is faster */
#define BATCH 500
#define LIST_MAX (BATCH * 22 + 16)
#define SQL_MAX (LIST_MAX + 16 * 1024)
#define STEP_TIMEOUT_US (120 * US_PER_S)

struct positions {
    int64_t *items; /* owned */
    size_t count, cap;
};

struct repair {
    const struct verifier_task *task;
    pthread_mutex_t lock; /* over what follows, while the verification runs */
    struct positions remove, copy;
    bool too_many;
};

static bool add(struct positions *list, int64_t position)
{
    if (list->count == REPAIR_MAX)
        return false;
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 1024;
        int64_t *items = realloc(list->items, cap * sizeof *items);

        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = position;
    return true;
}

static void note_difference(void *user, const char *kind, int64_t position)
{
    struct repair *r = user;

    pthread_mutex_lock(&r->lock);
    bool ok = strcmp(kind, "missing") == 0 || add(&r->remove, position);
    ok = (strcmp(kind, "extra") == 0 || add(&r->copy, position)) && ok;
    r->too_many = r->too_many || !ok;
    pthread_mutex_unlock(&r->lock);
}

/* A batch as the text of an array. */
static void array_text(const struct positions *list, size_t from, struct buf *ret_text)
{
    buf_char(ret_text, '{');
    for (size_t i = from; i < list->count && i < from + BATCH; i++)
        buf_printf(ret_text, "%s%" PRId64, i > from ? "," : "", list->items[i]);
    buf_char(ret_text, '}');
}

/* ---- the target's transactions ---- */

/* One step of a repair, in a transaction on the target. `positions`: an array as text, or NULL. */
typedef bool step_run(const struct verifier_task *t, const char *positions, struct tmv_error *err);

/* Notes and batches lock the applied row as a drain does, which arms the fence at its end: whoever comes
 * second sees what the first has committed. `shared`: FOR SHARE is enough, nothing is noted. */
static bool run_step(const struct verifier_task *t, bool shared, step_run *run, const char *positions,
                     struct tmv_error *err)
{
    if (!endpoints_begin_target(t->endpoints, t->target, "mirroring", shared, err))
        return false;
    if (run(t, positions, err) && pgx_commit(t->target, STEP_TIMEOUT_US, err))
        return true;
    pgx_rollback(t->target, STEP_TIMEOUT_US);
    return false;
}

static bool note_begun(const struct verifier_task *t, const char *none, struct tmv_error *err)
{
    const struct endpoints *endpoints = t->endpoints;
    AUTO_RESULT struct pgx_result *noted = NULL;

    (void)none;
    if (!pgx_query(t->target, STEP_TIMEOUT_US, sql_verify_repair_begin,
                   PGX_ARGS(PGX_UUID(&endpoints->owner.migration), PGX_UUID(&endpoints->owner.tenant),
                            PGX_INT(endpoints->target.relation_oid)),
                   &noted, err))
        return false;
    return pgx_rows(noted) == 1 ||
           err_set(err, TMV_ERR_REFUSED, "the target's fence is not closed: a cutover is being decided");
}

static bool note_ended(const struct verifier_task *t, const char *none, struct tmv_error *err)
{
    (void)none;
    return pgx_query(t->target, STEP_TIMEOUT_US, sql_verify_repair_end,
                     PGX_ARGS(PGX_UUID(&t->endpoints->owner.migration)), NULL, err);
}

bool verify_repair_is_noted(struct pgx_conn *target, const struct tmv_uuid *migration, bool *ret_noted,
                            struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *noted = NULL;

    if (!pgx_query(target, STEP_TIMEOUT_US, sql_verify_repair_noted, PGX_ARGS(PGX_UUID(migration)), &noted,
                   err))
        return err_wrap(err, "looking for an interrupted repair");
    *ret_noted = pgx_bool(noted, 0, 0);
    return true;
}

/* While the note is there, nobody arms the fence: what a batch writes is written before any decision. */
static bool must_be_noted(const struct verifier_task *t, struct tmv_error *err)
{
    bool noted = false;

    if (!verify_repair_is_noted(t->target, &t->endpoints->owner.migration, &noted, err))
        return false;
    return noted || err_set(err, TMV_ERR_CONFLICT, "the target is not under repair any more");
}

static bool remove_batch(const struct verifier_task *t, const char *positions, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(SQL_MAX);

    return must_be_noted(t, err) && store_sql(&sql, sql_verify_remove, &t->endpoints->target, NULL, 0, err) &&
           pgx_query(t->target, STEP_TIMEOUT_US, buf_text(&sql),
                     PGX_ARGS(PGX_UUID(&t->endpoints->owner.tenant), PGX_TEXT(positions)), NULL, err);
}

static bool copy_batch(const struct verifier_task *t, const char *positions, struct tmv_error *err)
{
    const struct endpoints *endpoints = t->endpoints;
    AUTO(buf) struct buf in = BUF_INIT(SQL_MAX);
    AUTO(buf) struct buf out = BUF_INIT(SQL_MAX);
    AUTO(buf) struct buf into = BUF_INIT(SQL_MAX);
    AUTO(buf) struct buf from = BUF_INIT(SQL_MAX);
    struct pgx_copy_stats stats;

    store_filled_columns(&endpoints->source, &endpoints->target, &in);
    store_copied_columns(&endpoints->source, &endpoints->target, "e", &out);
    if (!buf_ok(&in, err) || !buf_ok(&out, err))
        return false;
    const struct pgx_var from_vars[] = {
        {"columns", buf_text(&out)}, {"positions", positions}, {"tenant_id", endpoints->tenant}};
    const struct pgx_var into_vars[] = {{"columns", buf_text(&in)}};
    return must_be_noted(t, err) &&
           store_sql(&from, sql_verify_copy_out, &endpoints->source, from_vars, ARRAY_LEN(from_vars), err) &&
           store_sql(&into, sql_copy_in, &endpoints->target, into_vars, ARRAY_LEN(into_vars), err) &&
           pgx_copy_out(t->source, STEP_TIMEOUT_US, buf_text(&from), err) &&
           pgx_copy_in(t->target, STEP_TIMEOUT_US, buf_text(&into), err) &&
           pgx_copy_pump(t->source, t->target, STEP_TIMEOUT_US, &stats, err);
}

/* One pass over a list, batch by batch, each in a transaction of its own. */
static bool each_batch(const struct verifier_task *t, const struct positions *list, step_run *mend,
                       struct tmv_error *err)
{
    for (size_t i = 0; i < list->count; i += BATCH) {
        AUTO(buf) struct buf positions = BUF_INIT(LIST_MAX);

        array_text(list, i, &positions);
        if (!buf_ok(&positions, err) || !run_step(t, true, mend, buf_text(&positions), err))
            return false;
    }
    return true;
}

static bool mend_all(const struct repair *r, const struct tmv_verify_report *report, struct tmv_error *err)
{
    if (r->too_many) {
        err_set(err, TMV_ERR_REFUSED, "%" PRId64 " differences are too many to repair one by one",
                report->differences);
        return err_hint(err, "abort the migration and start it again: a new copy is faster");
    }
    return run_step(r->task, false, note_begun, NULL, err) &&
           each_batch(r->task, &r->remove, remove_batch, err) &&
           each_batch(r->task, &r->copy, copy_batch, err) && run_step(r->task, false, note_ended, NULL, err);
}

bool verify_repair_forget(const struct verifier_task *task, struct tmv_error *err)
{
    return run_step(task, false, note_ended, NULL, err) ||
           err_wrap(err, "noting that the target holds everything");
}

bool verify_repair(const struct verifier_task *task, struct tmv_verify_report *ret_report,
                   struct tmv_error *err)
{
    struct repair r = {.task = task};
    const struct verifier_hook hook = {.user = &r, .difference = note_difference};
    struct verifier_task find = *task;

    find.hook = &hook;
    lock_init(&r.lock);
    bool ok = verifier_run(&find, ret_report, err) && mend_all(&r, ret_report, err);
    pthread_mutex_destroy(&r.lock);
    free(r.remove.items);
    free(r.copy.items);
    ret_report->repaired = ok;
    return ok ? true : err_wrap(err, "repairing the target");
}
