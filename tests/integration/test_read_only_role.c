/* The role for watching: under it, the console shows everything, and SQL can change nothing. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "integration/control_fixture.h"
#include "support/move.h"

/* Roles are the cluster's: each case has one of its own. */
struct stage {
    struct control_fixture fixture;
    char role[40];
    char conninfo[CLUSTER_CONNINFO_MAX + 60];
    struct pgx_conn *reader; /* a session of the role */
};

static void stage_open(struct stage *stage)
{
    static int number;

    control_fixture_open(&stage->fixture);
    control_fixture_own(&stage->fixture);
    snprintf(stage->role, sizeof stage->role, "Watcher \"%d\"", ++number); /* quoted, or it is not found */
}

static void stage_read(struct stage *stage)
{
    struct tmv_error err = {0};

    assert_done(tmv_control_read_only_role(stage->fixture.conninfo, stage->role, &err), &err);
    snprintf(stage->conninfo, sizeof stage->conninfo, "%s user='%s'", stage->fixture.conninfo, stage->role);
    stage->reader = support_connect(stage->conninfo);
    assert_int_equal(support_int(stage->reader, "SELECT (current_user = '%s')::int", stage->role), 1);
    /* the setting is a courtesy; the rights have to hold without it */
    assert_int_equal(
        support_int(stage->reader, "SELECT (current_setting('default_transaction_read_only') = 'on')::int"),
        1);
    support_sql(stage->reader, "SET default_transaction_read_only = off");
}

static void stage_close(struct stage *stage)
{
    pgx_close(stage->reader);
    control_fixture_close(&stage->fixture);
}

/* Fails the test unless the server refuses it for lack of rights. */
static void assert_refused(struct stage *stage, const char *sql)
{
    struct tmv_error err = {0};

    if (pgx_script(stage->reader, SUPPORT_TIMEOUT_US, sql, 0, NULL, &err))
        fail_msg("it could: %s", sql);
    if (strcmp(err.sqlstate, "42501") != 0)
        fail_msg("%s: %s (%s)", sql, err.message, err.sqlstate);
}

/* Every table and sequence of the control database, as the catalogue has them now: statements are made by the
 * server that knows them. */
static void changes_no_row_of_any_table(void **state)
{
    static const char statements[] =
        "SELECT s FROM (SELECT c.oid::regclass AS t, c.relkind, (SELECT quote_ident(attname) FROM "
        "pg_attribute "
        "a WHERE attrelid = c.oid AND attnum > 0 AND attidentity = '' AND attgenerated = '' LIMIT 1) AS col "
        "FROM pg_class c WHERE c.relkind IN ('r', 'p', 'S') AND c.relnamespace IN ('public'::regnamespace, "
        "'tenantmv'::regnamespace)) x, LATERAL (SELECT unnest(CASE WHEN relkind = 'S' THEN "
        "ARRAY[format('SELECT nextval(%L)', t), format('SELECT setval(%L, 1)', t)] ELSE "
        "ARRAY[format('INSERT INTO %s DEFAULT VALUES', t), format('UPDATE %s SET %s = %s', t, col, col), "
        "format('DELETE FROM %s', t), format('TRUNCATE %s', t), "
        "format('DO $$BEGIN LOCK TABLE %s IN EXCLUSIVE MODE; END$$', t)] END) AS s) y ORDER BY s";
    AUTO_RESULT struct pgx_result *changes = NULL;
    struct tmv_error err = {0};
    struct stage stage;

    (void)state;
    stage_open(&stage);
    stage_read(&stage);
    assert_done(pgx_query(stage.fixture.conn, SUPPORT_TIMEOUT_US, statements, PGX_NONE, &changes, &err),
                &err);
    assert_true(pgx_rows(changes) > 50);
    for (int i = 0; i < pgx_rows(changes); i++)
        assert_refused(&stage, pgx_text(changes, i, 0));
    assert_int_equal(support_int(stage.reader, "SELECT count(*) FROM public.tenant_migrations"), 1);
    stage_close(&stage);
}

static void makes_no_object_and_calls_no_function_that_writes(void **state)
{
    struct stage stage;
    char *callable;

    (void)state;
    stage_open(&stage);
    stage_read(&stage);
    assert_refused(&stage, "CREATE TABLE tenantmv.mine (a int)");
    assert_refused(&stage, "CREATE TABLE public.mine (a int)");
    assert_refused(&stage, "CREATE SCHEMA mine");
    assert_refused(&stage, "CREATE ROLE mine");
    assert_refused(&stage, "ALTER TABLE public.tenant_migrations DISABLE TRIGGER ALL");
    assert_refused(&stage, "DROP SCHEMA tenantmv CASCADE");
    assert_refused(&stage, "CREATE TRIGGER mine AFTER INSERT ON public.tenant_routing EXECUTE FUNCTION "
                           "tenantmv.control_routing_changed()");
    assert_refused(&stage,
                   "SELECT tenantmv.take_lease(gen_random_uuid(), id, gen_random_uuid(), 'me', 1) FROM "
                   "public.tenant_migrations");
    /* whatever it may call acts with its own rights */
    callable = support_text(
        stage.reader, "SELECT coalesce(string_agg(oid::regprocedure::text, ', '), '') FROM pg_proc WHERE "
                      "pronamespace = 'tenantmv'::regnamespace AND prosecdef "
                      "AND has_function_privilege(oid, 'EXECUTE')");
    assert_string_equal(callable, "");
    free(callable);
    stage_close(&stage);
}

static void does_not_reach_the_guard_of_a_store_in_the_same_database(void **state)
{
    struct move move;
    struct tmv_error err = {0};
    struct pgx_conn *reader;
    struct stage stage = {.role = "watcher of a store"};
    char *conninfo;

    (void)state;
    move_prepare(&move, false);
    move_guard_source(&move);
    conninfo = strdup(move.endpoints.source_store.conninfo);
    assert_done(tmv_control_init(conninfo, &err), &err);
    assert_done(tmv_control_read_only_role(conninfo, stage.role, &err), &err);
    snprintf(stage.conninfo, sizeof stage.conninfo, "%s user='%s'", conninfo, stage.role);
    reader = stage.reader = support_connect(stage.conninfo);
    support_sql(reader, "SET default_transaction_read_only = off");
    assert_refused(&stage, "SELECT tenantmv.guard_wait(gen_random_uuid(), 'public.events', 1)");
    assert_refused(&stage, "SELECT tenantmv.guard_admit(gen_random_uuid(), 'public.events')");
    assert_refused(&stage, "UPDATE tenantmv.fence SET state = 'off'");
    assert_refused(&stage, "DELETE FROM public.events");
    assert_refused(&stage, "SELECT nextval('tenantmv.rejected_writes')");
    pgx_close(reader);
    free(conninfo);
    /* and the guard still works for those who write */
    struct tmv_uuid tenant;
    assert_true(tmv_uuid_parse(move.endpoints.tenant, &tenant));
    assert_done(move_insert(move.source, &tenant, 1, 1, &err), &err);
    move_release(&move);
}

static void watches_under_the_role(void **state)
{
    const char *program = getenv("TENANTMV_PROGRAM");
    struct stage stage;
    char command[900];

    (void)state;
    assert_non_null(program);
    stage_open(&stage);
    stage_read(&stage);
    setenv("TENANTMV_CONTROL", stage.conninfo, 1);
    snprintf(command, sizeof command, "'%s' watch --once >/dev/null", program);
    assert_int_equal(WEXITSTATUS(system(command)), 0);
    snprintf(command, sizeof command, "'%s' status >/dev/null", program);
    assert_int_equal(WEXITSTATUS(system(command)), 0);
    AUTO_FREE char *tenant =
        support_text(stage.fixture.conn, "SELECT tenant_id FROM public.tenant_migrations");
    snprintf(command, sizeof command, "'%s' pause %.8s --reason no >/dev/null 2>&1", program, tenant);
    assert_int_not_equal(WEXITSTATUS(system(command)), 0);
    unsetenv("TENANTMV_CONTROL");
    assert_int_equal(
        support_int(stage.fixture.conn, "SELECT count(*) FROM tenantmv.command WHERE operation = 'pause'"),
        0);
    stage_close(&stage);
}

static void mends_a_role_and_refuses_one_that_could_write(void **state)
{
    struct stage stage;
    struct tmv_error err = {0};

    (void)state;
    stage_open(&stage);
    support_sql(stage.fixture.conn, "CREATE ROLE \"granted too much\"; GRANT ALL ON public.tenant_routing TO "
                                    "\"granted too much\"");
    assert_done(tmv_control_read_only_role(stage.fixture.conninfo, "granted too much", &err), &err);
    assert_int_equal(support_int(stage.fixture.conn,
                                 "SELECT has_table_privilege('granted too much', "
                                 "'public.tenant_routing', 'INSERT, UPDATE, DELETE')::int"),
                     0);
    support_sql(stage.fixture.conn, "CREATE ROLE \"of everything\" SUPERUSER");
    assert_fails(tmv_control_read_only_role(stage.fixture.conninfo, "of everything", &err), &err,
                 TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "superuser"));
    support_sql(stage.fixture.conn, "CREATE ROLE \"member\" IN ROLE pg_write_all_data");
    assert_fails(tmv_control_read_only_role(stage.fixture.conninfo, "member", &err), &err, TMV_ERR_REFUSED);
    assert_fails(tmv_control_read_only_role(stage.fixture.conninfo, "pg_monitor", &err), &err, TMV_ERR_USAGE);
    assert_fails(tmv_control_read_only_role(stage.fixture.conninfo, "", &err), &err, TMV_ERR_USAGE);
    control_fixture_close(&stage.fixture);
}

/* What a role may do is asked of the catalogue before it tries, and what it lacks is named as statements that
 * help. */
static void names_what_an_engine_would_lack(void **state)
{
    struct tmv_rights rights;
    struct tmv_error err = {0};
    struct stage stage;
    char command[1400], text[3000];
    const char *program = getenv("TENANTMV_PROGRAM");
    FILE *out;
    size_t n;

    (void)state;
    stage_open(&stage);
    assert_done(tmv_control_rights(stage.fixture.conninfo, &rights, &err), &err);
    assert_true(rights.may_request && rights.may_run);
    assert_string_equal(rights.lacks, "");
    stage_read(&stage);
    assert_done(tmv_control_rights(stage.conninfo, &rights, &err), &err);
    assert_false(rights.may_request || rights.may_run);
    assert_string_equal(rights.role, stage.role);
    assert_non_null(strstr(rights.grants, "GRANT INSERT, UPDATE ON "));
    assert_non_null(strstr(rights.grants, "tenantmv.lease"));
    /* the worker says so and ends; it takes no lease */
    setenv("TENANTMV_CONTROL", stage.conninfo, 1);
    snprintf(command, sizeof command, "timeout 60 '%s' worker 2>&1; echo code $?", program);
    out = popen(command, "r");
    assert_non_null(out);
    n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    pclose(out);
    unsetenv("TENANTMV_CONTROL");
    if (strstr(text, "code 3") == NULL || strstr(text, "GRANT INSERT, UPDATE ON ") == NULL ||
        strstr(text, "may not run migrations") == NULL)
        fail_msg("%s", text);
    /* what it prints is enough */
    support_sql(stage.fixture.conn, "%s", rights.grants);
    assert_done(tmv_control_rights(stage.conninfo, &rights, &err), &err);
    assert_true(rights.may_request && rights.may_run);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_no_row_of_any_table),
        cmocka_unit_test(makes_no_object_and_calls_no_function_that_writes),
        cmocka_unit_test(does_not_reach_the_guard_of_a_store_in_the_same_database),
        cmocka_unit_test(watches_under_the_role),
        cmocka_unit_test(names_what_an_engine_would_lack),
        cmocka_unit_test(mends_a_role_and_refuses_one_that_could_write),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
