/* What engines saw of the stores. Its texts come from the stores' servers: they are cut and made safe before
 * they are written, and once more when they are read, because others can write the table too. */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "control/row.h"
#include "pg/ident.h"
#include "sql_embedded.h"

#define SILENT_US (60 * US_PER_S) /* twice as long as a living engine lets pass between two looks */
#define SIGN_US (10 * US_PER_S)   /* of all stores one is looked at more often than that */

/* ---- the facts as JSON ---- */

/* What is written and read; a fact that is not there keeps the value that it is prepared with. */
struct fact {
    const char *name;
    enum { FACT_TEXT, FACT_BOOL, FACT_INT, FACT_INT64 } kind;
    size_t offset, size;
};
#define FACT(kind, member)                                                                                   \
    {                                                                                                        \
#member, kind, offsetof(struct tmv_store_look, member),                                              \
            sizeof((struct tmv_store_look *)NULL)->member                                                    \
    }
static const struct fact facts[] = {
    FACT(FACT_TEXT, place),           FACT(FACT_INT, server_version),   FACT(FACT_BOOL, standby),
    FACT(FACT_BOOL, read_only),       FACT(FACT_BOOL, guard_ready),     FACT(FACT_INT64, answer_us),
    FACT(FACT_INT64, started_at_us),  FACT(FACT_INT64, now_us),         FACT(FACT_INT, connections),
    FACT(FACT_INT, connections_max),  FACT(FACT_INT, connections_ours), FACT(FACT_INT64, oldest_us),
    FACT(FACT_INT, oldest_pid),       FACT(FACT_TEXT, oldest_who),      FACT(FACT_INT, standbys),
    FACT(FACT_BOOL, synchronous),     FACT(FACT_INT64, replay_us),      FACT(FACT_INT64, replay_bytes),
    FACT(FACT_INT64, database_bytes), FACT(FACT_INT64, events_bytes),   FACT(FACT_INT64, disk_free_bytes),
    FACT(FACT_INT64, disk_bytes),     FACT(FACT_INT64, commits),        FACT(FACT_INT, fences_open),
    FACT(FACT_INT, fences_shut),      FACT(FACT_INT, fences_moved),     FACT(FACT_INT64, rejected),
};

static void write_fact(cJSON *object, const struct fact *fact, const struct tmv_store_look *look)
{
    const void *at = (const char *)look + fact->offset;
    char number[24];

    switch (fact->kind) {
    case FACT_TEXT:
        json_add_text(object, fact->name, at);
        break;
    case FACT_BOOL:
        json_add_bool(object, fact->name, *(const bool *)at);
        break;
    case FACT_INT:
        json_add_int64(object, fact->name, *(const int *)at);
        break;
    case FACT_INT64: /* as text: a parser's number is a double */
        snprintf(number, sizeof number, "%lld", (long long)*(const int64_t *)at);
        json_add_text(object, fact->name, number);
        break;
    }
}

static void read_fact(const cJSON *object, const struct fact *fact, struct tmv_store_look *look)
{
    void *at = (char *)look + fact->offset;
    int64_t number;

    switch (fact->kind) {
    case FACT_TEXT:
        text_copy(at, fact->size, json_get_text(object, fact->name, ""));
        text_sanitize(at);
        break;
    case FACT_BOOL:
        *(bool *)at = json_get_bool(object, fact->name, *(bool *)at);
        break;
    case FACT_INT:
        number = json_get_int64(object, fact->name, *(int *)at);
        *(int *)at = number < INT_MIN ? INT_MIN : number > INT_MAX ? INT_MAX : (int)number;
        break;
    case FACT_INT64:
        *(int64_t *)at = json_get_int64(object, fact->name, *(int64_t *)at);
        break;
    }
}

static bool print_facts(const struct tmv_store_look *look, char **ret_text, struct tmv_error *err)
{
    AUTO(json) cJSON *object = cJSON_CreateObject();

    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        write_fact(object, &facts[i], look);
    *ret_text = json_print(object);
    return *ret_text || err_set(err, TMV_ERR_NOMEM, "out of memory");
}

/* What is no object of ours is one without facts. */
static void parse_facts(const char *text, struct tmv_store_look *ret_look)
{
    AUTO(json) cJSON *object = NULL;
    struct tmv_error ignored;

    *ret_look = (struct tmv_store_look){.oldest_us = -1,
                                        .replay_us = -1,
                                        .replay_bytes = -1,
                                        .database_bytes = -1,
                                        .events_bytes = -1,
                                        .disk_free_bytes = -1,
                                        .disk_bytes = -1,
                                        .commits = -1,
                                        .rejected = -1};
    if (!json_parse(text, &object, &ignored))
        return;
    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        read_fact(object, &facts[i], ret_look);
}

/* ---- for engines ---- */

bool control_observe(struct pgx_conn *conn, const struct engine_identity *engine,
                     const struct observation *seen, struct tmv_error *err)
{
    const struct tmv_store_info *store = seen->store;
    AUTO_FREE char *text = NULL;
    char name[TMV_NAME_MAX], why[TMV_REASON_MAX] = "", hint[TMV_REASON_MAX] = "";

    text_copy(name, sizeof name, engine->name);
    text_sanitize(name);
    if (seen->look && !print_facts(seen->look, &text, err))
        return false;
    if (!seen->look) {
        text_copy(why, sizeof why, seen->why->message);
        text_copy(hint, sizeof hint, seen->why->hint);
    }
    return pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_observe,
                     PGX_ARGS(PGX_TEXT(store->id), PGX_TEXT(store->conninfo), PGX_TEXT(store->events_schema),
                              PGX_TEXT(store->events_table), PGX_UUID(&engine->id), PGX_TEXT(name),
                              PGX_INT(clock_now_us() - seen->at_us), PGX_TEXT(text),
                              PGX_TEXT(text_sanitize(why)), PGX_TEXT(text_sanitize(hint)),
                              PGX_INT(SILENT_US)),
                     NULL, err) ||
           err_wrap(err, "writing what was seen of store %s", store->id);
}

bool control_observed_by_others(struct pgx_conn *conn, const struct tmv_uuid *engine,
                                struct observed_elsewhere **ret_rows, size_t *ret_count,
                                struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;

    if (!pgx_query(conn, CONTROL_TIMEOUT_US, sql_control_observed_by_others,
                   PGX_ARGS(PGX_UUID(engine), PGX_INT(TMV_FACT_TTL_US)), &r, err))
        return err_wrap(err, "reading what other engines saw of the stores");
    *ret_count = (size_t)pgx_rows(r);
    *ret_rows = calloc(*ret_count + 1, sizeof **ret_rows);
    if (!*ret_rows)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < *ret_count; i++) {
        row_text((*ret_rows)[i].store, sizeof(*ret_rows)[i].store, r, (int)i, 0);
        (*ret_rows)[i].age_us = pgx_int(r, (int)i, 1);
    }
    return true;
}

/* ---- for screens ---- */

/* What is a moment in the future is now. */
static int64_t time_of(const struct pgx_result *r, int row, int column, int64_t now_us)
{
    int64_t age_us = pgx_int(r, row, column);

    return age_us > 0 ? now_us - age_us : now_us;
}

static void read_observation(const struct pgx_result *r, int row, int64_t now_us,
                             struct tmv_store_observation *store)
{
    row_text(store->id, sizeof store->id, r, row, 0);
    store->seen = !pgx_is_null(r, row, 1);
    store->looked_us = store->seen ? time_of(r, row, 1, now_us) : 0;
    parse_facts(pgx_text(r, row, 2), &store->look);
    row_text(store->seen_by, sizeof store->seen_by, r, row, 3);
    store->failing = !pgx_is_null(r, row, 4);
    store->failed_us = store->failing ? time_of(r, row, 4, now_us) : 0;
    store->failing_since_us = store->failing ? time_of(r, row, 5, now_us) : 0;
    row_text(store->why, sizeof store->why, r, row, 6);
    row_text(store->hint, sizeof store->hint, r, row, 7);
    row_text(store->failed_by, sizeof store->failed_by, r, row, 8);
    store->engine_runs = pgx_bool(r, row, 9);
}

bool tmv_store_observations(struct tmv_control *control, struct tmv_store_observation **ret_stores,
                            size_t *ret_count, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    char role[PGX_QUOTED_MAX];
    int64_t now_us = clock_now_us(); /* before the question: an age is rather too great than too small */

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_observations,
                   PGX_ARGS(PGX_INT(TMV_FACT_TTL_US), PGX_INT(SIGN_US)), &r, err)) {
        if (err_is_sqlstate(err, "42501"))
            err_hint(err, "GRANT SELECT ON tenantmv.store_observation TO %s",
                     pgx_quoted(pgx_user(control->conn), role));
        return err_wrap(err, "reading what engines saw of the stores");
    }
    *ret_count = (size_t)pgx_rows(r);
    *ret_stores = calloc(*ret_count + 1, sizeof **ret_stores);
    if (!*ret_stores)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < *ret_count; i++)
        read_observation(r, (int)i, now_us, &(*ret_stores)[i]);
    return true;
}
