/* Every .sql file of core is understood by a live server: names, types, parameters and the order of
 * schema scripts. Templates are filled with the shape of eventsource-py's table, plain and partitioned.
 * Statements are prepared; scripts run in a transaction that is rolled back. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "pg/copy.h"
#include "sql_embedded.h"
#include "store/shape.h"
#include "support/support.h"

#define TENANT "bda448be-6aa4-4002-8af3-c3b3e2529478"
#define WAIT_US (30 * 1000 * 1000LL)

/* A value for each name that the parts give beyond the shape's own; `entry` NULL: wherever the name appears.
 */
static const struct sample {
    const char *entry; /* NULL: wherever the name appears */
    const char *name, *value;
} samples[] = {
    {"tail_advance", "watermark", "1"},
    {"tail_advance", "rows", "0"},
    {"tail_append_advance", "watermark", "1"},
    {"tail_append_advance", "rows", "0"},
    {"tail_append_advance", "anchor", "false"},
    /* the tables that a script creates go to a schema that does not hold them yet */
    {"store_events_plain", "schema", "fresh"},
    {"store_events_plain", "events", "fresh.events"},
    {NULL, "epoch", "''"},
    {NULL, "tenant_id", TENANT},
    {NULL, "key", "4711"},
    {NULL, "mark", "bda448be"},
    {NULL, "pattern", "~tenantmv_bda448be_%"},
    {NULL, "insert_level", "ROW"},
    {NULL, "events_literal", "'public.events'"},
    {"endpoints_begin_target", "events_key", "'public.events'::regclass"},
    {"guard_must_own", "events_key", "'public.events'::regclass"},
    {NULL, "columns",
     "global_position, event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
     "\"timestamp\", payload"},
    {NULL, "values",
     "(r.v->>0)::bigint, (r.v->>1)::uuid, (r.v->>2)::uuid, r.v->>3, r.v->>4, (r.v->>5)::uuid, "
     "(r.v->>6)::integer, (r.v->>7)::timestamptz, (r.v->>8)::jsonb"},
    {NULL, "copy", "NULL::jsonb"},
    {NULL, "column", "payload"},
    {NULL, "writer", "NONE"},
    {NULL, "grouped", "actor_id, version"},
    {NULL, "counted", "(true) AND num_nulls(actor_id, version) = 0"},
    {NULL, "size", "0 + coalesce(pg_column_size(e.payload), 0)"},
    {NULL, "seed_1", "'1'::bigint"},
    {NULL, "seed_2", "'2'::bigint"},
    {NULL, "record", "int8send(e.global_position), jsonb_send(e.payload)"},
    {NULL, "barrier", "OFFSET 0"},
    {NULL, "index_scan", "off"},
    {NULL, "positions", "{1,2}"},
    {NULL, "percent", "1"},
    {NULL, "bounds", "256"},
    {NULL, "most", "1000"},
    {NULL, "milliseconds", "1000"},
    {"throttle_query", "query", "SELECT true"},
    {"endpoints_rename", "name", "'tenantmv/copy'"},
    {NULL, "memory", "64"},
    {NULL, "leaf", "public.events"},
    {NULL, "glance", "abc"},
    {NULL, "relation", "'public.events'::regclass"},
    {NULL, "tablespace", "''"},
    {NULL, "build", "CREATE INDEX IF NOT EXISTS built ON public.events (version)"},
    {NULL, "own", "SELECT 1"},
    {NULL, "finish", ""},
    {NULL, "value", "1"},
    {NULL, "low", "0"},
    {NULL, "high", "1000"},
    {NULL, "transaction", "txid"},
    {NULL, "pass", "'x'"},
    {NULL, "write_path", "public, pg_temp"},
    {NULL, "statement_timeout_ms", "0"},
    {NULL, "idle_session", ""},
    {NULL, "leg", "1"},
    {NULL, "back_leg", "2"},
    {NULL, "count", "3"},
    {NULL, "migration", "'" TENANT "'"},
    {NULL, "owner_epoch", "1"},
    {NULL, "from_epoch", "1"},
    {NULL, "to_epoch", "2"},
    {NULL, "store", "'dedicated'"},
    {NULL, "state", "'mirroring'"},
    {NULL, "strength", "SHARE"},
    {NULL, "lock_ms", "20"},
    {NULL, "watermark", "7"},
    {NULL, "idle_ms", "500"},
    {NULL, "role", "sample_reader"},
    {NULL, "role_literal", "'sample_reader'"},
    {"control_read_only_role", "database", "template1"},
};

struct bed {
    struct tmv_store_info info;
    struct pgx_conn *conn;
    struct store_shape shape;
    int failures;
};

static bool wants(const struct sql_entry *entry, const struct sample *sample)
{
    char mark[80];

    snprintf(mark, sizeof mark, "{{%s}}", sample->name);
    return strstr(entry->text, mark) && (!sample->entry || strcmp(sample->entry, entry->name) == 0);
}

/* Fills a template with what it asks for. Entries that say so themselves have values of their own for the
 * names of the shape. */
static bool fill(struct bed *bed, const struct sql_entry *entry, struct buf *ret_sql, struct tmv_error *err)
{
    struct pgx_var vars[ARRAY_LEN(samples)];
    size_t count = 0;
    bool own = false;

    for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
        if (!wants(entry, &samples[i]))
            continue;
        vars[count++] = (struct pgx_var){samples[i].name, samples[i].value};
        own = own || samples[i].entry;
    }
    return own ? pgx_expand(ret_sql, entry->text, vars, count, err)
               : store_sql(ret_sql, entry->text, &bed->shape, vars, count, err);
}

/* A script may be refused for what stands in the tables (its work is not there), or because an earlier one
 * has made what it makes; not for what it says. */
static bool is_understood(const struct tmv_error *err)
{
    static const char *const stands_already[] = {"42P06", "42P07", "42710", "42723"};
    static const char *const nonsense[] = {"42", "22", "0A", "26"};

    for (size_t i = 0; i < ARRAY_LEN(stands_already); i++)
        if (strcmp(err->sqlstate, stands_already[i]) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_LEN(nonsense); i++)
        if (strncmp(err->sqlstate, nonsense[i], 2) == 0)
            return false;
    return err->sqlstate[0] != '\0';
}

static bool run_copy(struct pgx_conn *conn, const char *sql, struct tmv_error *err)
{
    const char *data = NULL;
    size_t len = 1;

    if (strstr(sql, "FROM STDIN")) {
        static const char empty[] =
            "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0\377\377"; /* a binary stream without rows */
        return pgx_copy_in(conn, WAIT_US, sql, err) &&
               pgx_copy_write(conn, WAIT_US, empty, sizeof empty - 1, err) &&
               pgx_copy_finish(conn, WAIT_US, NULL, err);
    }
    if (!pgx_copy_out(conn, WAIT_US, sql, err))
        return false;
    while (len > 0)
        if (!pgx_copy_read(conn, WAIT_US, &data, &len, err))
            return false;
    return true;
}

static bool run_script(struct pgx_conn *conn, const char *sql, struct tmv_error *err)
{
    bool ok = strncmp(sql, "BEGIN", 5) == 0 || pgx_begin(conn, WAIT_US, err);

    if (ok)
        ok = strncmp(sql, "COPY", 4) == 0 ? run_copy(conn, sql, err)
                                          : pgx_script(conn, WAIT_US, sql, 0, NULL, err);
    pgx_rollback(conn, WAIT_US);
    return ok || is_understood(err);
}

static bool prepare(struct pgx_conn *conn, const char *sql, struct tmv_error *err)
{
    AUTO(buf) struct buf text = BUF_INIT(1 << 20);

    buf_printf(&text, "PREPARE catalogue AS %s", sql);
    return buf_ok(&text, err) && pgx_query(conn, WAIT_US, buf_text(&text), PGX_NONE, NULL, err) &&
           pgx_query(conn, WAIT_US, "DEALLOCATE catalogue", PGX_NONE, NULL, err);
}

static bool understands(struct bed *bed, const struct sql_entry *entry, struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(1 << 20);

    if (!fill(bed, entry, &sql, err))
        return false;
    return entry->script ? run_script(bed->conn, buf_text(&sql), err)
                         : prepare(bed->conn, buf_text(&sql), err);
}

static const struct sql_entry *entry_named(const char *name)
{
    for (size_t i = 0; i < sql_catalogue_count; i++)
        if (strcmp(sql_catalogue[i].name, name) == 0)
            return &sql_catalogue[i];
    fail_msg("there is no statement %s", name);
    return NULL;
}

/* What the statements need to stand: committed, in the order in which the program creates it. */
static void run_first(struct bed *bed, const char *name)
{
    AUTO(buf) struct buf sql = BUF_INIT(1 << 20);
    struct tmv_error err = {0};

    assert_done(fill(bed, entry_named(name), &sql, &err), &err);
    assert_done(pgx_script(bed->conn, WAIT_US, buf_text(&sql), 0, NULL, &err), &err);
}

static void open_bed(struct bed *bed, bool partitioned)
{
    struct tmv_error err = {0};

    *bed = (struct bed){0};
    support_store(support_cluster("store", NULL), "shared", partitioned, &bed->info);
    assert_done(tmv_control_init(bed->info.conninfo, &err), &err);
    bed->conn = support_connect(bed->info.conninfo);
    assert_done(store_shape_discover(bed->conn, "public", "events", &bed->shape, &err), &err);
    support_sql(bed->conn, "CREATE SCHEMA fresh");
    run_first(bed, "store_schema");
    run_first(bed, "guard_functions");
    run_first(bed, "tail_stage");
}

static void check_all(bool partitioned)
{
    struct bed bed;

    open_bed(&bed, partitioned);
    assert_true(sql_catalogue_count > 30);
    for (size_t i = 0; i < sql_catalogue_count; i++) {
        struct tmv_error err = {0};

        if (understands(&bed, &sql_catalogue[i], &err))
            continue;
        print_error("%s: %s %s\n", sql_catalogue[i].name, err.sqlstate, err.message);
        bed.failures++;
    }
    assert_int_equal(bed.failures, 0);
    pgx_close(bed.conn);
}

static void every_statement_is_understood_with_a_plain_table(void **state)
{
    (void)state;
    check_all(false);
}

static void every_statement_is_understood_with_a_partitioned_table(void **state)
{
    (void)state;
    check_all(true);
}

static void a_wrong_name_is_not_understood(void **state)
{
    struct tmv_error err = {0};
    struct bed bed;

    (void)state;
    open_bed(&bed, false);
    assert_false(
        understands(&bed, &(struct sql_entry){"x", "SELECT no_such FROM {{events}}", "store", false}, &err));
    assert_false(
        understands(&bed, &(struct sql_entry){"x", "SELECT no_such FROM {{events}}", "store", true}, &err));
    assert_false(understands(
        &bed, &(struct sql_entry){"x", "COPY {{events}} (no_such) FROM STDIN", "store", true}, &err));
    assert_false(understands(&bed, &(struct sql_entry){"x", "SELECT {{unknown}}", "store", true}, &err));
    pgx_close(bed.conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_is_understood_with_a_plain_table),
        cmocka_unit_test(every_statement_is_understood_with_a_partitioned_table),
        cmocka_unit_test(a_wrong_name_is_not_understood),
    };
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
