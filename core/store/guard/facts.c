#include "store/guard/facts.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define FACTS_TIMEOUT_US (30 * US_PER_S)
#define LEAF_TIMEOUT_US (60 * US_PER_S)

void facts_release(struct facts *facts)
{
    free(TAKE(facts->list));
    facts->digest[0] = facts->glance[0] = '\0';
}

bool facts_read(struct pgx_conn *conn, const struct guard *guard, const char *known, struct facts *ret_facts,
                struct tmv_error *err)
{
    static const struct pgx_kept statement = {.slot = GUARD_SLOT_FACTS, .sql = sql_guard_facts};
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query_kept(conn, FACTS_TIMEOUT_US, &statement,
                        PGX_ARGS(PGX_TEXT(guard->shape->events), PGX_TEXT(guard->mark),
                                 PGX_TEXT(store_profile_eventsource_py.position), PGX_TEXT(known),
                                 PGX_INT(guard->shape->sequence_oid)),
                        &row, err))
        return err_wrap(err, "reading the facts of the store %s", pgx_place(conn));
    text_copy(ret_facts->digest, sizeof ret_facts->digest, pgx_text(row, 0, 0));
    text_copy(ret_facts->glance, sizeof ret_facts->glance, pgx_text(row, 0, 2));
    if (pgx_is_null(row, 0, 1))
        return true;
    ret_facts->list = strdup(pgx_text(row, 0, 1));
    return ret_facts->list || err_set(err, TMV_ERR_NOMEM, "out of memory");
}

bool guard_read_facts(struct pgx_conn *conn, const struct guard *guard, char facts[80], struct tmv_error *err)
{
    AUTO(facts) struct facts now = {0};

    if (!facts_read(conn, guard, NULL, &now, err))
        return false;
    text_copy(facts, 80, now.digest);
    return true;
}

bool facts_glance(struct pgx_conn *conn, const struct guard *guard, char glance[FACTS_DIGEST_SIZE],
                  struct tmv_error *err)
{
    static const struct pgx_kept statement = {.slot = GUARD_SLOT_GLANCE, .sql = sql_guard_glance};
    AUTO_RESULT struct pgx_result *row = NULL;

    if (!pgx_query_kept(conn, FACTS_TIMEOUT_US, &statement,
                        PGX_ARGS(PGX_INT(guard->shape->relation_oid), PGX_INT(guard->shape->sequence_oid),
                                 PGX_TEXT(guard->mark)),
                        &row, err))
        return err_wrap(err, "glancing at the facts of the store %s", pgx_place(conn));
    text_copy(glance, FACTS_DIGEST_SIZE, pgx_text(row, 0, 0));
    return true;
}

bool facts_must_hold(const struct guard *guard, const char *glance, struct buf *ret_sql,
                     struct tmv_error *err)
{
    const struct pgx_var vars[] = {{"glance", glance}, {"mark", guard->mark}};

    return store_sql(ret_sql, sql_guard_facts_hold, guard->shape, vars, ARRAY_LEN(vars), err);
}

bool facts_leaf_holds(struct pgx_conn *conn, const struct guard *guard, const char *leaf, int64_t position,
                      bool *ret_holds, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(4000);
    AUTO_RESULT struct pgx_result *row = NULL;
    const struct pgx_var vars[] = {{"leaf", leaf}};

    if (!store_sql(&sql, sql_guard_leaf_holds, guard->shape, vars, ARRAY_LEN(vars), err) ||
        !pgx_query(conn, LEAF_TIMEOUT_US, buf_text(&sql),
                   PGX_ARGS(PGX_UUID(&guard->tenant), PGX_INT(position)), &row, err))
        return err_wrap(err, "looking for events in the partition %s", leaf);
    *ret_holds = pgx_bool(row, 0, 0);
    return true;
}
