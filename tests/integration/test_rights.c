/* What the roles beside the engine's may do in the schema tenantmv of a store and of the control database:
 * the role that watches, the application's role with exactly the guide's grants, and a stranger with nothing
 * but the right to look the schema up. Every function, table and sequence is found in the catalogue; one that
 * has no row here fails the test. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "control_fixture.h"
#include "support/move.h"

#define ROLES 3
enum { WATCH, APP, STRANGER };
static const char *const roles[ROLES] = {"rights_watch", "rights_app", "rights_stranger"};

static struct move m;

/* Rights as letters: r SELECT, a INSERT, w UPDATE, d DELETE, D TRUNCATE, t TRIGGER, U USAGE, X EXECUTE;
 * c: INSERT, UPDATE or REFERENCES on a column. */
struct expected {
    const char *object;
    const char *rights[ROLES];
};

/* Whatever may be executed here acts with its caller's rights. */
static const struct expected in_control[] = {
    {"function abort_foreign", {"X", "X", "X"}},
    {"function audit_append", {"X", "X", "X"}},
    {"function audit_canonical", {"X", "X", "X"}},
    {"function audit_verify", {"X", "X", "X"}},
    {"function change_phase", {"X", "X", "X"}},
    {"function close_attempt", {"X", "X", "X"}},
    {"function complete_cutover", {"X", "X", "X"}},
    {"function control_touch", {"X", "X", "X"}},
    {"function expiry_told", {"X", "X", "X"}},
    {"function follow_decision", {"X", "X", "X"}},
    {"function gates_at", {"X", "X", "X"}},
    {"function has_expired", {"X", "X", "X"}},
    {"function last_sign", {"X", "X", "X"}},
    {"function lease_left", {"X", "X", "X"}},
    {"function owns", {"X", "X", "X"}},
    {"function queue_place", {"X", "X", "X"}},
    {"function record_completion", {"X", "X", "X"}},
    {"function start_migration", {"X", "X", "X"}},
    {"function take_back", {"X", "X", "X"}},
    {"function take_lease", {"X", "X", "X"}},
    {"function control_migration_changed", {"", "", ""}},
    {"function control_routing_changed", {"", "", ""}},
    {"sequence command_number_seq", {"", "", ""}},
    {"sequence ledger_id_seq", {"", "", ""}},
    {"sequence public.migration_audit_log_id_seq", {"", "", ""}},
    {"sequence public.migration_position_mappings_id_seq", {"", "", ""}},
    {"sequence registry_audit_id_seq", {"", "", ""}},
    {"sequence verification_id_seq", {"", "", ""}},
    {"table audit_chain", {"r", "", ""}},
    {"table audit_head", {"r", "", ""}},
    {"table command", {"r", "", ""}},
    {"table control_version", {"r", "r", ""}},
    {"table cutover_attempt", {"r", "", ""}},
    {"table dialog", {"r", "", ""}},
    {"table lease", {"r", "", ""}},
    {"table ledger", {"r", "", ""}},
    {"table migration_state", {"r", "r", ""}},
    {"table proof", {"r", "", ""}},
    {"table public.migration_audit_log", {"r", "", ""}},
    {"table public.migration_position_mappings", {"r", "", ""}},
    {"table public.tenant_migrations", {"r", "r", ""}},
    {"table public.tenant_routing", {"r", "r", ""}},
    {"table registry_audit", {"r", "", ""}},
    {"table sample", {"r", "", ""}},
    {"table store", {"r", "r", ""}},
    {"table store_observation", {"r", "", ""}},
    {"table verification", {"r", "", ""}},
};

/* Nobody but the engine's role has a right in a store: firing a trigger needs none. */
static const struct expected in_store[] = {
    {"function advance", {"", "", ""}},
    {"function append_take", {"", "", ""}},
    {"function arm", {"", "", ""}},
    {"function decide", {"", "", ""}},
    {"function guard_admit", {"", "", ""}},
    {"function guard_beyond", {"", "", ""}},
    {"function guard_change", {"", "", ""}},
    {"function guard_closed", {"", "", ""}},
    {"function guard_floor", {"", "", ""}},
    {"function guard_floor_begin", {"", "", ""}},
    {"function guard_floor_passed", {"", "", ""}},
    {"function guard_floor_raise", {"", "", ""}},
    {"function guard_glance", {"", "", ""}},
    {"function guard_insert", {"", "", ""}},
    {"function guard_must_hold", {"", "", ""}},
    {"function guard_number", {"", "", ""}},
    {"function guard_pass", {"", "", ""}},
    {"function guard_register", {"", "", ""}},
    {"function guard_reject", {"", "", ""}},
    {"function guard_retired_change", {"", "", ""}},
    {"function guard_retired_insert", {"", "", ""}},
    {"function guard_retired_refuse", {"", "", ""}},
    {"function guard_sequence", {"", "", ""}},
    {"function guard_truncate", {"", "", ""}},
    {"function guard_value", {"", "", ""}},
    {"function guard_wait", {"", "", ""}},
    {"function observe", {"", "", ""}},
    {"function share_triggers", {"", "", ""}},
    {"sequence rejected_writes", {"", "", ""}},
    {"sequence transaction_floor", {"", "", ""}},
    {"table anchor", {"", "", ""}},
    {"table applied", {"", "", ""}},
    {"table copied_range", {"", "", ""}},
    {"table departed", {"", "", ""}},
    {"table fence", {"", "", ""}},
    {"table guarded", {"", "", ""}},
    {"table owner", {"", "", ""}},
    {"table repair", {"", "", ""}},
    {"table store_version", {"", "", ""}},
    {"table upgraded_guard", {"", "", ""}},
};

static const char list[] =
    "SELECT o.object, o.definer, o.rights[1], o.rights[2], o.rights[3] FROM ("
    " SELECT 'function ' || p.proname AS object, p.prosecdef AS definer, ARRAY(SELECT CASE WHEN "
    "        has_function_privilege(r, p.oid, 'EXECUTE') THEN 'X' ELSE '' END FROM unnest($1::text[]) r) AS "
    "rights"
    "   FROM pg_proc p WHERE p.pronamespace = 'tenantmv'::regnamespace"
    " UNION ALL"
    " SELECT CASE c.relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || "
    "        CASE c.relnamespace WHEN 'public'::regnamespace THEN 'public.' ELSE '' END || c.relname, false, "
    "ARRAY(SELECT "
    "CASE "
    "        c.relkind WHEN 'S' THEN concat("
    "          CASE WHEN has_sequence_privilege(r, c.oid, 'SELECT') THEN 'r' END,"
    "          CASE WHEN has_sequence_privilege(r, c.oid, 'UPDATE') THEN 'w' END,"
    "          CASE WHEN has_sequence_privilege(r, c.oid, 'USAGE') THEN 'U' END)"
    "        ELSE concat(CASE WHEN has_table_privilege(r, c.oid, 'SELECT') THEN 'r' END,"
    "          CASE WHEN has_table_privilege(r, c.oid, 'INSERT') THEN 'a' END,"
    "          CASE WHEN has_table_privilege(r, c.oid, 'UPDATE') THEN 'w' END,"
    "          CASE WHEN has_table_privilege(r, c.oid, 'DELETE') THEN 'd' END,"
    "          CASE WHEN has_table_privilege(r, c.oid, 'TRUNCATE') THEN 'D' END,"
    "          CASE WHEN has_table_privilege(r, c.oid, 'TRIGGER') THEN 't' END,"
    "          CASE WHEN has_any_column_privilege(r, c.oid, 'INSERT, UPDATE, REFERENCES') THEN 'c' END) END"
    "        FROM unnest($1::text[]) r)"
    "   FROM pg_class c WHERE c.relkind NOT IN ('i', 'I', 't', 'c') AND (c.relnamespace = "
    "'tenantmv'::regnamespace OR c.relnamespace = 'public'::regnamespace AND $2)"
    ") o ORDER BY 1";

static const struct expected *find(const struct expected *rows, size_t count, const char *object)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].object, object) == 0)
            return &rows[i];
    return NULL;
}

static int compare(const struct pgx_result *found, int row, const struct expected *rows, size_t count)
{
    const char *object = pgx_text(found, row, 0);
    const struct expected *e = find(rows, count, object);
    int wrong = 0;

    if (!e)
        print_error("{\"%s\", {\"%s\", \"%s\", \"%s\"}}, is not expected\n", object, pgx_text(found, row, 2),
                    pgx_text(found, row, 3), pgx_text(found, row, 4));
    for (int r = 0; e && r < ROLES; r++) {
        const char *rights = pgx_text(found, row, 2 + r);

        if (strcmp(rights, e->rights[r]) == 0 && !(pgx_bool(found, row, 1) && rights[0]))
            continue;
        print_error("%s: %s has \"%s\", expected \"%s\"\n", object, roles[r], rights, e->rights[r]);
        wrong++;
    }
    return e ? wrong : 1;
}

/* `shared`: the schema public too, where the tables lie that eventsource-py's processes use as well. As many
 * objects as rows: one without a row fails, a second function of the same name, and a row without an object.
 */
static void walk(struct pgx_conn *conn, bool shared, const struct expected *rows, size_t count)
{
    AUTO_RESULT struct pgx_result *found = NULL;
    struct tmv_error err;
    int wrong = 0;

    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, list,
                          PGX_ARGS(PGX_TEXT("{rights_watch,rights_app,rights_stranger}"), PGX_BOOL(shared)),
                          &found, &err),
                &err);
    for (int i = 0; i < pgx_rows(found); i++)
        wrong += compare(found, i, rows, count);
    assert_int_equal(wrong, 0);
    assert_int_equal(pgx_rows(found), count);
}

static void make_roles(struct pgx_conn *conn)
{
    for (int r = 0; r < ROLES; r++)
        support_sql(conn,
                    "DO $$ BEGIN CREATE ROLE %s LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
                    "GRANT USAGE ON SCHEMA tenantmv TO %s",
                    roles[r], roles[r]);
}

static void nobody_else_has_more_than_expected_in_the_control_database(void **state)
{
    char control[CLUSTER_CONNINFO_MAX];
    struct tmv_error err;

    (void)state;
    support_database(support_cluster("source", NULL), control);
    assert_done(tmv_control_init(control, &err), &err);
    AUTO_CONN struct pgx_conn *conn = support_connect(control);
    make_roles(conn);
    /* without the role that watches, whose creation takes such rights away too */
    assert_int_equal(support_int(conn,
                                 "SELECT count(*) FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = "
                                 "'tenantmv'::regnamespace AND has_function_privilege('public', p.oid, "
                                 "'EXECUTE')"),
                     0);
    assert_done(tmv_control_read_only_role(control, roles[WATCH], &err), &err);
    support_sql(conn, "GRANT SELECT ON public.tenant_routing, public.tenant_migrations TO rights_app; "
                      "GRANT SELECT ON tenantmv.control_version, tenantmv.migration_state, tenantmv.store TO "
                      "rights_app");
    walk(conn, true, in_control, ARRAY_LEN(in_control));
}

/* As a database in which the right was given away: whatever trigger function acts with its owner's rights is
 * put on a table of a stranger, with rows that name a migration and its tenant. */
static void no_trigger_function_of_the_control_database_works_on_a_table_of_somebody_else(void **state)
{
    static const char picture[] = "SELECT md5(string_agg(t, '|')) FROM (SELECT s::text FROM "
                                  "tenantmv.migration_state s UNION ALL SELECT c::text FROM tenantmv.command "
                                  "c UNION ALL SELECT r::text FROM public.tenant_routing r) x (t)";
    AUTO_RESULT struct pgx_result *found = NULL;
    char conninfo[CLUSTER_CONNINFO_MAX + 40];
    struct control_fixture f;
    struct tmv_error err;

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    make_roles(f.conn);
    support_sql(f.conn, "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenantmv TO rights_stranger; "
                        "DO $$ BEGIN EXECUTE format('GRANT TEMP ON DATABASE %%I TO rights_stranger', "
                        "current_database()); END $$");
    snprintf(conninfo, sizeof conninfo, "%s user=rights_stranger", f.conninfo);
    AUTO_CONN struct pgx_conn *stranger = support_connect(conninfo);
    AUTO_FREE char *ids = support_text(
        f.conn, "SELECT format('%%L, %%L', id, tenant_id) FROM public.tenant_migrations LIMIT 1");
    support_sql(stranger, "CREATE TEMP TABLE mine (id uuid, tenant_id uuid, phase text)");
    AUTO_FREE char *before = support_text(f.conn, "%s", picture);
    assert_done(pgx_query(f.conn, SUPPORT_TIMEOUT_US,
                          "SELECT p.oid::regproc::text FROM pg_proc p WHERE p.prosecdef AND p.prorettype = "
                          "'trigger'::regtype AND p.pronamespace = 'tenantmv'::regnamespace",
                          PGX_NONE, &found, &err),
                &err);
    assert_true(pgx_rows(found) >= 2);
    for (int i = 0; i < pgx_rows(found); i++) {
        char insert[200];

        support_sql(stranger,
                    "CREATE OR REPLACE TRIGGER t AFTER INSERT ON mine FOR EACH ROW EXECUTE FUNCTION %s()",
                    pgx_text(found, i, 0));
        snprintf(insert, sizeof insert, "INSERT INTO mine VALUES (%s, 'aborted')", ids);
        assert_fails(pgx_script(stranger, SUPPORT_TIMEOUT_US, insert, 0, NULL, &err), &err, TMV_ERR_SQL);
        assert_string_equal(err.sqlstate, "42501");
        assert_non_null(strstr(err.message, "this table is not public."));
    }
    AUTO_FREE char *after = support_text(f.conn, "%s", picture);
    assert_string_equal(after, before);
    control_fixture_close(&f);
}

static int guarded(void **state)
{
    (void)state;
    move_prepare(&m, false);
    move_guard_source(&m);
    make_roles(m.source);
    support_sql(m.source, "GRANT SELECT, INSERT ON public.events TO rights_app; "
                          "GRANT USAGE ON SEQUENCE public.events_global_position_seq TO rights_app");
    return 0;
}

static int release(void **state)
{
    (void)state;
    move_release(&m);
    return 0;
}

static void nobody_else_has_a_right_in_a_store(void **state)
{
    (void)state;
    walk(m.source, false, in_store, ARRAY_LEN(in_store));
}

/* The application needs nothing for its writes to be judged. */
static void an_applications_role_writes_through_the_guard(void **state)
{
    char conninfo[TMV_CONNINFO_MAX + 40];
    struct tmv_error err;

    (void)state;
    snprintf(conninfo, sizeof conninfo, "%s user=rights_app", m.endpoints.source_store.conninfo);
    AUTO_CONN struct pgx_conn *app = support_connect(conninfo);
    assert_done(move_insert(app, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    move_decide(&m);
    assert_fails(move_insert(app, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
}

/* ---- the guard's functions on a table of somebody else ---- */

/* As a database stands in which the right was not taken away. */
static struct pgx_conn *stranger_with_a_table(void)
{
    char conninfo[TMV_CONNINFO_MAX + 40];

    support_sql(m.source, "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA tenantmv TO rights_stranger; "
                          "DO $$ BEGIN EXECUTE format('GRANT TEMP ON DATABASE %%I TO rights_stranger', "
                          "current_database()); END $$");
    snprintf(conninfo, sizeof conninfo, "%s user=rights_stranger", m.endpoints.source_store.conninfo);
    struct pgx_conn *conn = support_connect(conninfo);
    support_sql(conn, "CREATE TEMP TABLE mine (global_position bigint, tenant_id uuid)");
    return conn;
}

static void spends_no_position_on_a_table_of_somebody_else(void **state)
{
    AUTO_CONN struct pgx_conn *stranger = stranger_with_a_table();
    int64_t before = support_int(m.source, "SELECT last_value FROM public.events_global_position_seq");
    struct tmv_error err;

    (void)state;
    support_sql(stranger,
                "CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION "
                "tenantmv.guard_insert('%s', '%lld', '%u', '%u')",
                m.endpoints.tenant, (long long)m.source_guard.lock_key, m.endpoints.source.relation_oid,
                m.endpoints.source.sequence_oid);
    assert_fails(pgx_script(stranger, SUPPORT_TIMEOUT_US, "INSERT INTO mine DEFAULT VALUES", 0, NULL, &err),
                 &err, TMV_ERR_SQL);
    assert_string_equal(err.sqlstate, "42501");
    assert_int_equal(support_int(m.source, "SELECT last_value FROM public.events_global_position_seq"),
                     before);
}

static void locks_no_fence_row_and_counts_nothing_on_a_table_of_somebody_else(void **state)
{
    AUTO_CONN struct pgx_conn *stranger = stranger_with_a_table();
    struct tmv_error err;

    (void)state;
    support_sql(stranger,
                "INSERT INTO mine VALUES (1, '%s'); BEGIN; "
                "CREATE TRIGGER t BEFORE UPDATE ON mine FOR EACH ROW EXECUTE FUNCTION "
                "tenantmv.guard_change('%s', '1'); "
                "CREATE TRIGGER c BEFORE INSERT ON mine FOR EACH STATEMENT EXECUTE FUNCTION "
                "tenantmv.guard_closed('%s', '1'); SAVEPOINT s",
                m.endpoints.tenant, m.endpoints.tenant, m.endpoints.tenant);
    assert_false(
        pgx_script(stranger, SUPPORT_TIMEOUT_US, "UPDATE mine SET global_position = 2", 0, NULL, &err));
    support_sql(stranger, "ROLLBACK TO s");
    assert_false(pgx_script(stranger, SUPPORT_TIMEOUT_US, "INSERT INTO mine DEFAULT VALUES", 0, NULL, &err));
    support_sql(stranger, "ROLLBACK TO s");
    /* the fence row is free: a cutover could change it */
    support_sql(m.source,
                "SET lock_timeout = '2s'; UPDATE tenantmv.fence SET state = 'moved', store_id = 'x'");
    assert_int_equal(support_int(m.source, "SELECT is_called::int FROM tenantmv.rejected_writes"), 0);
    support_sql(stranger, "CREATE TRIGGER r BEFORE DELETE ON mine FOR EACH ROW EXECUTE FUNCTION "
                          "tenantmv.guard_retired_change(); DELETE FROM mine; COMMIT");
}

static void ends_no_session_for_a_table_of_somebody_else(void **state)
{
    AUTO_CONN struct pgx_conn *stranger = stranger_with_a_table();
    AUTO_CONN struct pgx_conn *victim = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err;

    (void)state;
    support_sql(victim, "SELECT pg_advisory_lock(4711)");
    support_sql(
        stranger,
        "CREATE TRIGGER t BEFORE INSERT ON mine FOR EACH ROW EXECUTE FUNCTION tenantmv.guard_insert('%s', "
        "'4711', '%u', '%u')",
        m.endpoints.tenant, m.endpoints.source.relation_oid, m.endpoints.source.sequence_oid);
    assert_fails(pgx_script(stranger, SUPPORT_TIMEOUT_US, "INSERT INTO mine DEFAULT VALUES", 0, NULL, &err),
                 &err, TMV_ERR_CLOSED);
    assert_int_equal(support_int(victim, "SELECT 1"), 1);
}

/* ---- the tenant's lock in the hands of others ---- */

static void assert_told(const char *words)
{
    struct tmv_error err;

    support_sql(m.source, "UPDATE tenantmv.fence SET wait_ms = 50");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 5, 1, &err), &err, TMV_ERR_CLOSED);
    if (!strstr(err.message, words))
        fail_msg("%s (expected \"%s\")", err.message, words);
}

/* An exclusive request that only queues cannot be ended by ending the holder: there is none. */
static void bounds_the_wait_behind_an_exclusive_request_that_only_queues(void **state)
{
    AUTO_CONN struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    AUTO_CONN struct pgx_conn *stranger = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err;
    char words[80];

    (void)state;
    assert_done(pgx_begin(writer, SUPPORT_TIMEOUT_US, &err), &err);
    assert_done(move_insert(writer, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    AUTO(buf) struct buf lock = BUF_INIT(200);
    buf_printf(&lock, "SELECT pg_advisory_lock(%lld)", (long long)m.source_guard.lock_key);
    support_sql(stranger, "SET application_name = 'passer-by'");
    snprintf(words, sizeof words, "pid %lld (role ",
             (long long)support_int(stranger, "SELECT pg_backend_pid()"));
    static const struct pgx_kept ask = {.slot = 0, .sql = "SELECT pg_advisory_lock($1::bigint)"};
    assert_done(
        pgx_send_kept(stranger, SUPPORT_TIMEOUT_US, &ask, PGX_ARGS(PGX_INT(m.source_guard.lock_key)), &err),
        &err);
    support_wait_until(writer,
                       "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    assert_told(words);
    assert_told("application \"passer-by\") waits for it");
    assert_done(pgx_commit(writer, SUPPORT_TIMEOUT_US, &err), &err);
}

/* A prepared transaction has no session that could be ended. */
static void bounds_the_wait_for_a_holder_that_cannot_be_ended(void **state)
{
    (void)state;
    support_sql(m.source, "BEGIN; SELECT pg_advisory_xact_lock(%lld); PREPARE TRANSACTION 'holder'",
                (long long)m.source_guard.lock_key);
    assert_told("a prepared transaction holds it");
    support_sql(m.source, "ROLLBACK PREPARED 'holder'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_else_has_more_than_expected_in_the_control_database),
        cmocka_unit_test(no_trigger_function_of_the_control_database_works_on_a_table_of_somebody_else),
        cmocka_unit_test_setup_teardown(nobody_else_has_a_right_in_a_store, guarded, release),
        cmocka_unit_test_setup_teardown(an_applications_role_writes_through_the_guard, guarded, release),
        cmocka_unit_test_setup_teardown(spends_no_position_on_a_table_of_somebody_else, guarded, release),
        cmocka_unit_test_setup_teardown(locks_no_fence_row_and_counts_nothing_on_a_table_of_somebody_else,
                                        guarded, release),
        cmocka_unit_test_setup_teardown(ends_no_session_for_a_table_of_somebody_else, guarded, release),
        cmocka_unit_test_setup_teardown(bounds_the_wait_behind_an_exclusive_request_that_only_queues, guarded,
                                        release),
        cmocka_unit_test_setup_teardown(bounds_the_wait_for_a_holder_that_cannot_be_ended, guarded, release),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
