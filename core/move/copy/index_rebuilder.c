/* Building takes a lock that other builds may share; attaching a constraint to its index does not. So all
 * indexes are built first, by two connections, and attached afterwards. */
#include "move/copy/index_rebuilder.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/text.h"
#include "move/shared/worker_pool.h"
#include "store/guard/guard.h"
#include "sql_embedded.h"

#define KIND "dropped-index"
#define BUILDERS 2
#define BUILD_MEMORY_MB 256
#define STEP_TIMEOUT_US (60 * US_PER_S)
#define BUILD_TIMEOUT_US (24 * 3600 * US_PER_S) /* of one index; the stop flag ends it earlier */
#define LOOK_TIMEOUT_US (2 * US_PER_S)
#define STATEMENT_MAX (64 * 1024)
#define SCRIPT_MAX (1024 * 1024) /* of the statements of all indexes */

/* ---- dropping ---- */

/* The ledger's row: `facts` holds the statements one by one, `undo` all of them for a reader. */
static bool note_index(const struct endpoints *endpoints, struct pgx_conn *control,
                       const struct pgx_result *list, int row, struct tmv_error *err)
{
    static const char *const fields[] = {"name", NULL, "build", "tablespace", "attach", "finish"};
    __attribute__((cleanup(json_auto))) cJSON *facts = cJSON_CreateObject();
    AUTO(buf) struct buf undo = BUF_INIT(STATEMENT_MAX);
    struct ledger_entry entry = {.store = "target", .kind = KIND, .when = LEDGER_ALWAYS};

    for (int i = 0; i < (int)ARRAY_LEN(fields); i++)
        if (fields[i])
            json_add_text(facts, fields[i], pgx_text(list, row, i));
    json_add_bool(facts, "constraint", pgx_bool(list, row, 1));
    AUTO_FREE char *facts_text = json_print(facts);
    buf_printf(&undo, "%s; %s%s%s", pgx_text(list, row, 2), pgx_text(list, row, 4),
               pgx_text(list, row, 4)[0] ? "; " : "", pgx_text(list, row, 5));
    if (!facts_text)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!buf_ok(&undo, err))
        return false;
    text_copy(entry.name, sizeof entry.name, pgx_text(list, row, 0));
    entry.undo = undo.data;
    entry.facts = facts_text;
    return control_ledger_add(control, &endpoints->owner, &entry, NULL, err);
}

/* In a transaction of the target that has locked the empty table. */
static bool note_and_drop(const struct endpoints *endpoints, struct pgx_conn *control,
                          struct pgx_conn *target, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *list = NULL;

    if (!pgx_query(target, STEP_TIMEOUT_US, sql_copy_indexes,
                   PGX_ARGS(PGX_INT(endpoints->target.relation_oid)), &list, err))
        return false;
    for (int row = 0; row < pgx_rows(list); row++)
        if (!note_index(endpoints, control, list, row, err))
            return false;
    if (!fault_hit("copy.after_index_ledger", err))
        return false;
    for (int row = 0; row < pgx_rows(list); row++)
        if (!pgx_script(target, STEP_TIMEOUT_US, pgx_text(list, row, 6), 0, NULL, err))
            return err_wrap(err, "dropping index %s", pgx_text(list, row, 0));
    return true;
}

/* *ret_empty false also when the table could not be locked in time: then the indexes stay, which is only
 * slower. */
static bool lock_empty(const struct endpoints *endpoints, struct pgx_conn *target, bool *ret_empty,
                       struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(STATEMENT_MAX);
    AUTO_RESULT struct pgx_result *result = NULL;

    *ret_empty = false;
    if (!store_sql(&sql, sql_copy_lock_empty, &endpoints->target, NULL, 0, err))
        return false;
    if (!pgx_script(target, STEP_TIMEOUT_US, buf_text(&sql), 1, &result, err))
        return err_is_sqlstate(err, "55P03");
    *ret_empty = pgx_bool(result, 0, 0);
    return true;
}

bool index_rebuilder_drop(const struct endpoints *endpoints, struct pgx_conn *control,
                          struct pgx_conn *target, struct tmv_error *err)
{
    bool empty;

    if (endpoints->target.partitioned)
        return true;
    if (!endpoints_begin_target(endpoints, target, "copying", false, err))
        return err_wrap(err, "dropping the target's indexes");
    bool ok = lock_empty(endpoints, target, &empty, err);
    if (ok && !empty) {
        pgx_rollback(target, STEP_TIMEOUT_US);
        return true;
    }
    ok = ok && note_and_drop(endpoints, control, target, err) && fault_hit("copy.before_index_drop", err) &&
         pgx_commit(target, STEP_TIMEOUT_US, err) && fault_hit("copy.after_index_drop", err);
    if (!ok)
        pgx_rollback(target, STEP_TIMEOUT_US);
    return ok ? true : err_wrap(err, "dropping the target's indexes");
}

/* ---- restoring ---- */

/* One restore; what the builders share stands under the lock. */
struct restore {
    const struct endpoints *endpoints;
    const struct index_rebuilder_hooks *hooks;
    struct ledger_entry *entries; /* newest first */
    size_t count;
    struct pgx_conn *target; /* borrowed: for looks while others build, and for what comes after */
    pthread_mutex_t lock;    /* over what follows */
    size_t taken, built;
    bool stopped;
};

static bool take_entry(struct restore *r, const struct ledger_entry **ret_entry)
{
    pthread_mutex_lock(&r->lock);
    bool found = !r->stopped && r->taken < r->count;
    if (found)
        *ret_entry = &r->entries[r->count - 1 - r->taken++]; /* oldest first */
    pthread_mutex_unlock(&r->lock);
    return found;
}

static bool parse_facts(const struct ledger_entry *entry, cJSON **ret_facts, struct tmv_error *err)
{
    if (!json_parse(entry->facts, ret_facts, err))
        return err_wrap(err, "the ledger row of index %s", entry->name);
    return true;
}

/* What of an entry stands: its index, its constraint. */
static bool look(const struct endpoints *endpoints, struct pgx_conn *target, const char *name,
                 bool *ret_index, bool *ret_constraint, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;

    if (!pgx_query(target, STEP_TIMEOUT_US, sql_copy_index_state,
                   PGX_ARGS(PGX_INT(endpoints->target.relation_oid), PGX_TEXT(name)), &result, err))
        return err_wrap(err, "looking for index %s", name);
    *ret_index = pgx_bool(result, 0, 0);
    *ret_constraint = pgx_bool(result, 0, 1);
    return true;
}

/* A server may go on building for an engine that was killed; our build waits for that one's end and is
 * refused then, because the name is taken. */
static bool is_built_meanwhile(const struct endpoints *endpoints, struct pgx_conn *target, const char *name,
                               const struct tmv_error *why)
{
    struct tmv_error ignored;
    bool stands = false;
    bool constraint;

    return (err_is_sqlstate(why, "23505") || err_is_sqlstate(why, "42P07")) && pgx_is_usable(target) &&
           look(endpoints, target, name, &stands, &constraint, &ignored) && stands;
}

/* What stands first in every transaction of ours. */
static bool must_own(const struct endpoints *endpoints, struct buf *ret_sql, struct tmv_error *err)
{
    const struct guard guard = {.shape = &endpoints->target,
                                .tenant = endpoints->owner.tenant,
                                .migration = endpoints->owner.migration,
                                .owner_epoch = endpoints->owner.epoch};

    return guard_must_own(&guard, ret_sql, err);
}

static bool build_index(const struct restore *r, struct pgx_conn *target, const struct ledger_entry *entry,
                        struct tmv_error *err)
{
    __attribute__((cleanup(json_auto))) cJSON *facts = NULL;
    AUTO(buf) struct buf sql = BUF_INIT(STATEMENT_MAX);
    AUTO(buf) struct buf tablespace = BUF_INIT(200);
    AUTO(buf) struct buf own = BUF_INIT(4000);
    char memory[24], relation[24];
    bool stands, constraint;

    if (!parse_facts(entry, &facts, err) ||
        !look(r->endpoints, target, json_get_text(facts, "name", ""), &stands, &constraint, err))
        return false;
    if (stands)
        return true;
    pgx_literal(&tablespace, json_get_text(facts, "tablespace", ""));
    if (!must_own(r->endpoints, &own, err))
        return false;
    snprintf(memory, sizeof memory, "%d", BUILD_MEMORY_MB);
    snprintf(relation, sizeof relation, "%u", r->endpoints->target.relation_oid);
    const struct pgx_var vars[] = {
        {"own", buf_text(&own)},
        {"memory", memory},
        {"relation", relation},
        {"tablespace", buf_text(&tablespace)},
        {"build", json_get_text(facts, "build", "")},
        {"write_path", pgx_write_path(target)},
    };
    if (!pgx_expand(&sql, sql_copy_index_build, vars, ARRAY_LEN(vars), err))
        return false;
    if (!pgx_script(target, BUILD_TIMEOUT_US, buf_text(&sql), 0, NULL, err)) {
        pgx_rollback(target, STEP_TIMEOUT_US);
        guard_explain(target, err);
        if (!is_built_meanwhile(r->endpoints, target, json_get_text(facts, "name", ""), err))
            return err_wrap(err, "building index %s", entry->name);
    }
    return fault_hit("copy.after_index_build", err);
}

static bool build_some(void *user, int member, struct tmv_error *err)
{
    struct restore *r = user;
    AUTO_CONN struct pgx_conn *target = NULL;
    const struct ledger_entry *entry;

    (void)member;
    if (!endpoints_connect_target(r->endpoints, "index", &target, err))
        return false;
    while (take_entry(r, &entry)) {
        if (!build_index(r, target, entry, err))
            return false;
        pthread_mutex_lock(&r->lock);
        r->built++;
        pthread_mutex_unlock(&r->lock);
    }
    return true;
}

static void stop_building(void *user)
{
    struct restore *r = user;

    pthread_mutex_lock(&r->lock);
    r->stopped = true;
    pthread_mutex_unlock(&r->lock);
}

/* Nothing when it cannot be told: it is only for those who wait. */
static double under_way(const struct restore *r)
{
    AUTO_RESULT struct pgx_result *row = NULL;
    struct tmv_error ignored;

    if (!pgx_query(r->target, LOOK_TIMEOUT_US, sql_copy_index_progress,
                   PGX_ARGS(PGX_INT(r->endpoints->target.relation_oid)), &row, &ignored))
        return 0;
    return (double)pgx_int(row, 0, 0) / 1000;
}

static void tell(void *user)
{
    struct restore *r = user;

    if (!r->hooks)
        return;
    double share = under_way(r);
    pthread_mutex_lock(&r->lock);
    size_t built = r->built;
    pthread_mutex_unlock(&r->lock);
    double done = (double)built + share;
    if (!r->hooks->step(r->hooks->user, done < (double)r->count ? done : (double)r->count, (int)r->count))
        stop_building(r);
}

/* What makes a built index what it was: its constraint if it is missing, and the rest, which may be done
 * again. */
static bool add_finish(const struct restore *r, const struct ledger_entry *entry, struct buf *ret_sql,
                       struct tmv_error *err)
{
    __attribute__((cleanup(json_auto))) cJSON *facts = NULL;
    bool index, constraint;

    if (!parse_facts(entry, &facts, err) ||
        !look(r->endpoints, r->target, json_get_text(facts, "name", ""), &index, &constraint, err))
        return false;
    if (json_get_bool(facts, "constraint", false) && !constraint)
        buf_printf(ret_sql, "%s;\n", json_get_text(facts, "attach", ""));
    buf_printf(ret_sql, "%s;\n", json_get_text(facts, "finish", ""));
    return buf_ok(ret_sql, err);
}

static bool attach_all(const struct restore *r, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(SCRIPT_MAX);
    AUTO(buf) struct buf finish = BUF_INIT(SCRIPT_MAX);
    AUTO(buf) struct buf own = BUF_INIT(4000);

    for (size_t i = r->count; i-- > 0;) /* oldest first */
        if (!add_finish(r, &r->entries[i], &finish, err))
            return err_wrap(err, "restoring index %s", r->entries[i].name);
    if (!must_own(r->endpoints, &own, err))
        return false;
    const struct pgx_var vars[] = {{"own", buf_text(&own)}, {"finish", buf_text(&finish)}};
    if (!pgx_expand(&sql, sql_copy_index_finish, vars, ARRAY_LEN(vars), err))
        return false;
    if (pgx_script(r->target, STEP_TIMEOUT_US, buf_text(&sql), 0, NULL, err))
        return true;
    pgx_rollback(r->target, STEP_TIMEOUT_US);
    return guard_explain(r->target, err);
}

/* Each in a statement of its own: a transaction over several of the owner's statements would hold its lease's
 * row, and a successor would have to wait for an engine that stands still. */
static bool close_entries(const struct restore *r, struct pgx_conn *control, struct tmv_error *err)
{
    for (size_t i = r->count; i-- > 0;)
        if (!control_ledger_done(control, &r->endpoints->owner, r->entries[i].id, err) ||
            !fault_hit("copy.index_done", err))
            return false;
    return true;
}

/* Attached in one transaction of the target, as they were dropped, which is one round trip: one lock of the
 * table. */
static bool finish_indexes(const struct restore *r, struct pgx_conn *control, struct tmv_error *err)
{
    /* Twice, because the session of an engine that was killed may have attached one under our hands. */
    if (!attach_all(r, err) && !(pgx_is_usable(r->target) && attach_all(r, err)))
        return err_wrap(err, "attaching the indexes");
    return fault_hit("copy.after_index_attach", err) && close_entries(r, control, err);
}

static bool restore_all(struct restore *r, struct pgx_conn *control, bool *ret_finished,
                        struct tmv_error *err)
{
    const struct worker_pool_job job = {.user = r, .work = build_some, .tick = tell, .failed = stop_building};
    AUTO(buf) struct buf wait = BUF_INIT(1000);
    int builders = r->count < BUILDERS ? (int)r->count : BUILDERS;

    if (!store_sql(&wait, sql_copy_wait_for_drop, &r->endpoints->target, NULL, 0, err) ||
        !pgx_script(r->target, STEP_TIMEOUT_US, buf_text(&wait), 0, NULL, err) ||
        !worker_pool_run(&job, builders, err))
        return false;
    *ret_finished = r->built == r->count;
    return !*ret_finished || finish_indexes(r, control, err);
}

bool index_rebuilder_restore(const struct endpoints *endpoints, struct pgx_conn *control,
                             struct pgx_conn *target, const struct index_rebuilder_hooks *hooks,
                             bool *ret_finished, struct tmv_error *err)
{
    struct restore r = {.endpoints = endpoints, .hooks = hooks, .target = target};
    bool ok = true;

    *ret_finished = true;
    if (!control_ledger_list(control, &endpoints->owner.migration, KIND, &r.entries, &r.count, err))
        return err_wrap(err, "restoring the target's indexes");
    if (r.count > 0) {
        lock_init(&r.lock);
        ok = restore_all(&r, control, ret_finished, err);
        pthread_mutex_destroy(&r.lock);
    }
    control_ledger_free(r.entries, r.count);
    return ok ? true : err_wrap(err, "restoring the target's indexes");
}

bool index_rebuilder_count(const struct endpoints *endpoints, struct pgx_conn *control, int *ret_count,
                           struct tmv_error *err)
{
    struct ledger_entry *entries = NULL;
    size_t count = 0;

    if (!control_ledger_list(control, &endpoints->owner.migration, KIND, &entries, &count, err))
        return false;
    control_ledger_free(entries, count);
    *ret_count = (int)count;
    return true;
}
