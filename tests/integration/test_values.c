/* Whole moves of values that are hard to carry: what is left behind is left on purpose and on record, a value
 * that would be lost stops the cutover, and the target's own code runs as in the applications' sessions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "support/life.h"
#include "support/support.h"
#include "tenantmv/router.h"
#include "test.h"

/* Text forms are the same on both sides here, because every session fixes them. */
#define DIGEST                                                                                               \
    "SELECT count(*) || ' ' || coalesce(md5(string_agg((to_jsonb(e) - 'txid' - 'left_here')::text, ',' "     \
    "ORDER BY global_position)), '') FROM public.events e WHERE tenant_id = '%s'"

static void assert_equal_ends(void)
{
    char *source = support_text(l.on_source, DIGEST, l.tenant_text);
    char *target = support_text(l.on_target, DIGEST, l.tenant_text);

    assert_string_equal(source, target);
    free(source);
    free(target);
}

static void on_both(const char *sql)
{
    support_sql(l.on_source, "%s", sql);
    support_sql(l.on_target, "%s", sql);
}

static void insert_with(const char *column, const char *value)
{
    support_sql(l.on_source,
                "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
                "version, timestamp, payload, %s) VALUES (gen_random_uuid(), gen_random_uuid(), 'Order', "
                "'Changed', '%s', 1, now(), '{}', %s)",
                column, l.tenant_text, value);
}

static void cut_over(void)
{
    life_expect(life_ask(TMV_OP_CUTOVER, ""), TMV_COMMAND_DONE, "");
}

/* ---- left behind ---- */

static void leaves_a_column_behind_when_told_to_and_says_so(void **state)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_error err = {0};

    (void)state;
    on_both("ALTER TABLE public.events ADD left_here oid DEFAULT 16400");
    assert_done(tmv_names_add(&l.settings.leave_columns, "left_here", &err), &err);
    life_begin_and_wait_until_ready();
    insert_with("left_here", "17000");
    assert_done(tmv_snapshot_read(l.handle, &l.tenant, 10, &snapshot, &err), &err);
    assert_string_equal(snapshot->migrations[0].left_columns, "left_here");
    tmv_snapshot_free(snapshot);
    cut_over();
    assert_equal_ends();
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM public.events WHERE left_here = 17000"),
                     0);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM public.migration_audit_log WHERE "
                                               "details -> 'leave_columns' ? 'left_here'"),
                     1);
}

/* Nothing of the column is copied, so a value is a loss; that there was none at the start proves nothing. */
static void stops_the_cutover_when_a_column_that_is_not_copied_gets_a_value(void **state)
{
    (void)state;
    on_both("ALTER TABLE public.events ADD left_here oid");
    life_begin_and_wait_until_ready();
    insert_with("left_here", "NULL");
    life_expect(life_ask(TMV_OP_REHEARSE, ""), TMV_COMMAND_DONE, "");
    insert_with("left_here", "16400");
    assert_int_not_equal(life_ask(TMV_OP_CUTOVER, "").state, TMV_COMMAND_DONE);
    assert_int_equal(
        support_int(l.on_control,
                    "SELECT count(*) FROM public.tenant_routing WHERE tenant_id = '%s' AND store_id "
                    "= 'shared'",
                    l.tenant_text),
        1);
    life_wait_for("s.note LIKE '%verification%'");
    life_expect(life_ask(TMV_OP_ABORT, "test"), TMV_COMMAND_DONE, "");
}

/* The full comparison sees it too, and names the column. */
static void names_the_column_whose_value_would_be_lost(void **state)
{
    struct tmv_verify_report *report = calloc(1, sizeof *report);
    struct tmv_names names = {{"left_here"}};
    struct tmv_error err = {0};

    (void)state;
    assert_non_null(report);
    on_both("ALTER TABLE public.events ADD left_here oid");
    life_begin_and_wait_until_ready();
    cut_over();
    support_sql(l.on_source,
                "ALTER TABLE public.events DISABLE TRIGGER USER; UPDATE public.events SET left_here = 7 "
                "WHERE global_position = 1; ALTER TABLE public.events ENABLE TRIGGER USER");
    for (int level = TMV_VERIFY_HASH; level <= TMV_VERIFY_FULL; level++) {
        struct tmv_verify_options options = {.source = &l.source,
                                             .target = &l.target,
                                             .tenant = l.tenant,
                                             .level = (enum tmv_verify_level)level};

        assert_done(tmv_verify_stores(&options, report, &err), &err);
        assert_int_equal(report->differences, 1);
        assert_string_equal(report->found[0].columns, "left_here");
        options.leave_columns = &names;
        assert_done(tmv_verify_stores(&options, report, &err), &err);
        assert_int_equal(report->differences, 0);
    }
    free(report);
}

/* ---- text forms ---- */

/* Composites are hashed by their text; every setting that changes it differs between the two. */
static void hashes_alike_whatever_the_databases_settings_are(void **state)
{
    static const char *const settings[] = {"TimeZone = 'Asia/Kolkata'",  "DateStyle = 'German'",
                                           "IntervalStyle = 'iso_8601'", "bytea_output = 'escape'",
                                           "extra_float_digits = 0",     "quote_all_identifiers = on",
                                           "lc_monetary = 'C.UTF-8'"};

    (void)state;
    on_both("CREATE TYPE public.span AS (at timestamptz, d interval, f float8, b bytea); ALTER TABLE "
            "public.events "
            "ADD sp public.span, ADD rg tstzrange");
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        support_sql(l.on_source, "ALTER DATABASE %s SET %s", pgx_database(l.on_source), settings[i]);
    support_sql(l.on_source,
                "UPDATE public.events SET sp = ROW(now(), interval '1 day 2 hours', 0.1::float8 + 0.2, "
                "'\\xdeadbeef')::public.span, rg = tstzrange(now(), now() + interval '1 day')");
    life_begin_and_wait_until_ready();
    insert_with("sp", "ROW(now(), interval '3 months', 1e-7, NULL)::public.span");
    cut_over();
    assert_equal_ends();
}

static void no_setting_of_a_role_reaches_a_session(void **state)
{
    static const struct {
        const char *name, *set, *fixed;
    } settings[] = {
        {"TimeZone", "'Asia/Kolkata'", "UTC"},
        {"DateStyle", "'German'", "ISO, YMD"},
        {"IntervalStyle", "'iso_8601'", "postgres"},
        {"bytea_output", "'escape'", "hex"},
        {"extra_float_digits", "0", "3"},
        {"quote_all_identifiers", "on", "off"},
        {"xmlbinary", "hex", "base64"},
        {"lc_monetary", "'C.UTF-8'", "C"},
        {"array_nulls", "off", "on"},
        {"transform_null_equals", "on", "off"},
        {"search_path", "public", "pg_catalog"},
        {"row_security", "on", "off"},
    };
    struct pgx_conn *conn;

    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        support_sql(l.on_source, "ALTER DATABASE %s SET %s = %s", pgx_database(l.on_source), settings[i].name,
                    settings[i].set);
    conn = support_connect(l.source.conninfo);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char *now = support_text(conn, "SELECT current_setting('%s')", settings[i].name);

        if (strcmp(now, settings[i].fixed) != 0)
            fail_msg("%s is %s", settings[i].name, now);
        free(now);
    }
    pgx_close(conn);
}

/* ---- the path of what writes rows ---- */

static void assert_write_path(const char *setting, const char *wanted)
{
    struct pgx_conn *conn;

    support_sql(l.on_target, "ALTER DATABASE %s SET search_path = %s", pgx_database(l.on_target), setting);
    conn = support_connect(l.target.conninfo);
    assert_string_equal(pgx_write_path(conn), wanted);
    pgx_close(conn);
}

static void the_write_path_has_only_schemas_that_not_everybody_fills(void **state)
{
    (void)state;
    support_sql(l.on_target,
                "REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE SCHEMA \"Odd, one\"; CREATE SCHEMA "
                "open; GRANT CREATE, USAGE ON SCHEMA open TO PUBLIC");
    assert_write_path("\"$user\", public", "public, pg_temp");
    assert_write_path("\"Odd, one\", missing, public", "\"Odd, one\", public, pg_temp");
    assert_write_path("open, public", "public, pg_temp");
    assert_write_path("pg_temp, public", "public, pg_temp");
    assert_write_path("open", "pg_temp");
    /* A name of the session's own default cannot be put in the way of the question itself. */
    support_sql(l.on_target,
                "CREATE FUNCTION public.has_schema_privilege(name, text, text) RETURNS boolean LANGUAGE "
                "sql AS 'SELECT false'; CREATE FUNCTION public.current_schemas(boolean) RETURNS name[] "
                "LANGUAGE sql AS $$SELECT '{open}'::name[]$$");
    assert_write_path("public, pg_catalog, open", "public, pg_catalog, pg_temp");
}

/* A CHECK, a domain and an index expression that call a function by its name alone: in the copy, in the index
 * builds, in the tail, and in a router's append after the switch. */
static void runs_the_targets_own_code_as_the_applications_do(void **state)
{
    struct tmv_router_options options = {.control_conninfo = l.control};
    struct tmv_stream stream = {
        .tenant = l.tenant, .aggregate = tmv_uuid_random(), .aggregate_type = "Order"};
    struct tmv_new_event event = {.type = "Made", .payload = "{}"};
    struct tmv_append append = {
        .stream = &stream, .expected_version = TMV_EXPECT_NO_STREAM, .events = &event, .count = 1};
    struct tmv_append_result result = {0};
    struct tmv_router *router = NULL;
    struct tmv_error err = {0};

    (void)state;
    on_both(
        "SET search_path = public; "
        "CREATE FUNCTION low(t text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT pg_catalog.lower(t)'; "
        "CREATE FUNCTION okay(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN low(t) <> "
        "''bad''; END'; "
        "CREATE FUNCTION key(t text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN low(t); END'; "
        "CREATE DOMAIN word AS text CHECK (okay(VALUE)); "
        "ALTER TABLE events ADD COLUMN said word DEFAULT 'Good', ADD CONSTRAINT okay CHECK "
        "(okay(aggregate_type)); CREATE INDEX said_so ON events (key(event_type))");
    life_begin_and_wait_until_ready();
    insert_with("said", "'Fine'");
    cut_over();
    assert_equal_ends();
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM pg_indexes WHERE indexname = 'said_so'"),
                     1);
    assert_done(tmv_router_open(&options, &router, &err), &err);
    assert_done(tmv_router_append(router, &append, &result, &err), &err);
    tmv_router_close(router);
    assert_string_equal(result.store_id, l.target.id);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, life_plain, life_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(leaves_a_column_behind_when_told_to_and_says_so),
        CASE(stops_the_cutover_when_a_column_that_is_not_copied_gets_a_value),
        CASE(names_the_column_whose_value_would_be_lost),
        CASE(hashes_alike_whatever_the_databases_settings_are),
        CASE(no_setting_of_a_role_reaches_a_session),
        CASE(the_write_path_has_only_schemas_that_not_everybody_fills),
        CASE(runs_the_targets_own_code_as_the_applications_do),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
