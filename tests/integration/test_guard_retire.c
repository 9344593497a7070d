/* Tenants that have moved away share a few triggers (design §6). What their own ones refused, these refuse,
 * and the change from one to the other lets nothing through. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "sql_embedded.h"
#include "support/move.h"

static struct move m;
static const struct tmv_uuid other = {.bytes = {9, 9}};

static int guarded(void **state)
{
    (void)state;
    move_prepare(&m, false);
    move_guard_source(&m);
    return 0;
}

static int guarded_partitioned(void **state)
{
    (void)state;
    move_prepare(&m, true);
    move_guard_source(&m);
    return 0;
}

static int release(void **state)
{
    (void)state;
    move_release(&m);
    return 0;
}

static int64_t own_triggers(struct pgx_conn *conn, const struct guard *guard)
{
    return support_int(conn, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv\\_%s\\_%%'",
                       guard->mark);
}

static bool retire_source(void)
{
    struct tmv_error err;
    bool done = false;

    assert_done(guard_retire(m.source, &m.source_guard, FENCE_MOVED, &done, &err), &err);
    return done;
}

static void retire_moved(void)
{
    move_decide(&m);
    assert_true(retire_source());
    assert_int_equal(own_triggers(m.source, &m.source_guard), 0);
}

static bool try_sql(const char *sql, struct tmv_error *err)
{
    return pgx_script(m.source, SUPPORT_TIMEOUT_US, sql, 0, NULL, err);
}

static void assert_refused(const char *begin)
{
    struct tmv_error err = {0};
    char sql[300];

    snprintf(sql, sizeof sql, "%s '%s'", begin, m.endpoints.tenant);
    assert_false(try_sql(sql, &err));
    assert_string_equal(err.sqlstate, "TM003");
}

static void turns_writers_of_the_tenant_away_and_nobody_else(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_done(move_insert(m.source, &other, 7, 1, &err), &err);
    retire_moved();
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
    assert_string_equal(err.detail, "{\"store_id\" : \"target\", \"placement_epoch\" : 2}");
    assert_done(move_insert(m.source, &other, 7, 2, &err), &err);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM public.events"), 3);
    support_sql(m.source, "SET session_replication_role = replica");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
}

/* It sets no search_path of its own: what a writer puts into its own means nothing. */
static void looks_up_no_name_in_the_writers_search_path(void **state)
{
    struct tmv_error err;

    (void)state;
    retire_moved();
    support_sql(m.source,
                "CREATE SCHEMA evil; "
                "CREATE FUNCTION evil.never(uuid, uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false'; "
                "CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false'; "
                "CREATE OPERATOR evil.= (LEFTARG = uuid, RIGHTARG = uuid, FUNCTION = evil.never); "
                "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never); "
                "CREATE OPERATOR evil.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never); "
                "CREATE FUNCTION evil.guard_retired_refuse(uuid) RETURNS void LANGUAGE sql AS 'SELECT'; "
                "SET search_path = evil, pg_catalog");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
}

static void refuses_changes_of_its_history_only(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_done(move_insert(m.source, &other, 7, 1, &err), &err);
    retire_moved();
    assert_refused("UPDATE public.events SET version = 9 WHERE tenant_id =");
    assert_refused("UPDATE public.events SET tenant_id =");
    assert_refused("TRUNCATE public.events; SELECT");
    support_sql(m.source, "UPDATE public.events SET version = 2 WHERE tenant_id <> '%s'", m.endpoints.tenant);
    support_sql(m.source, "DELETE FROM public.events WHERE tenant_id <> '%s'", m.endpoints.tenant);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM public.events"), 1);
}

/* What the tenant left behind is removed by the engine's role only, and not while its own triggers stand. */
static void lets_the_engines_role_remove_what_was_left_behind(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(
        m.source,
        "DO $$ BEGIN CREATE ROLE retire_app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
        "GRANT SELECT, DELETE ON public.events TO retire_app");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_done(move_insert(m.source, &other, 7, 1, &err), &err);
    move_decide(&m);
    assert_refused("DELETE FROM public.events WHERE tenant_id =");
    assert_true(retire_source());
    support_sql(m.source, "SET SESSION AUTHORIZATION retire_app");
    assert_refused("DELETE FROM public.events WHERE tenant_id =");
    support_sql(m.source, "RESET SESSION AUTHORIZATION");
    support_sql(m.source, "DELETE FROM public.events WHERE tenant_id = '%s'", m.endpoints.tenant);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM public.events"), 1);
    support_sql(m.source, "REVOKE ALL ON public.events FROM retire_app");
}

static void stands_on_every_partition(void **state)
{
    struct tmv_error err;
    char insert[300];

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    retire_moved();
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
    AUTO_FREE char *leaf = support_text(m.source, "SELECT tableoid::regclass FROM public.events LIMIT 1");
    snprintf(insert, sizeof insert, "INSERT INTO %s SELECT * FROM public.events", leaf);
    support_sql(m.source, "SET session_replication_role = replica");
    assert_false(try_sql(insert, &err));
    assert_string_equal(err.sqlstate, "TM001");
}

/* The tenant has moved, and a session's snapshot is older than the fence, which it therefore cannot see. It
 * has no lock on the table. */
static struct pgx_conn *moved_under_an_old_snapshot(void)
{
    move_prepare(&m, false);
    struct pgx_conn *old = support_connect(m.endpoints.source_store.conninfo);
    support_sql(old, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    support_int(old, "SELECT count(*) FROM pg_class");
    move_guard_source(&m);
    move_decide(&m);
    return old;
}

static void waits_for_snapshots_that_are_older_than_the_fence(void **state)
{
    struct tmv_error err;

    (void)state;
    struct pgx_conn *old = moved_under_an_old_snapshot();

    assert_false(retire_source());
    assert_true(own_triggers(m.source, &m.source_guard) > 0);
    assert_false(move_insert(old, &m.endpoints.owner.tenant, 1, 1, &err));
    assert_string_equal(err.sqlstate, "40001");
    pgx_close(old);
    support_wait_until(m.source,
                       "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND "
                       "pid <> pg_backend_pid() AND datname = current_database()");
    assert_true(retire_source());
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
}

/* What it waits for: without that, such a session's write is taken after the decision. */
static void would_admit_an_old_snapshot_if_it_did_not_wait(void **state)
{
    struct tmv_error err;

    (void)state;
    struct pgx_conn *old = moved_under_an_old_snapshot();

    support_sql(m.source,
                "DO $$ DECLARE name text; BEGIN FOR name IN SELECT tgname FROM pg_trigger WHERE tgname LIKE "
                "'~tenantmv\\_%s\\_%%' LOOP EXECUTE format('DROP TRIGGER %%I ON public.events', name); "
                "END LOOP; END $$",
                m.source_guard.mark);
    support_sql(m.source,
                "CREATE TRIGGER \"~tenantmv_retired_insert\" BEFORE INSERT ON public.events FOR EACH "
                "ROW EXECUTE FUNCTION tenantmv.guard_retired_insert()");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(old, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    pgx_close(old);
}

static void leaves_a_tenant_that_is_not_at_rest_alone(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_false(retire_source()); /* open: it still moves */
    assert_true(own_triggers(m.source, &m.source_guard) > 0);
    move_decide(&m);
    support_sql(m.source, "UPDATE tenantmv.fence SET migration_id = gen_random_uuid()");
    assert_true(retire_source()); /* another migration's now: nothing is left to do for this one */
    assert_true(own_triggers(m.source, &m.source_guard) > 0);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
}

static void waits_for_a_busy_table_only_a_moment(void **state)
{
    struct tmv_error err;

    (void)state;
    move_decide(&m);
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    support_sql(writer, "BEGIN");
    assert_done(move_insert(writer, &other, 7, 1, &err), &err);
    assert_false(retire_source());
    assert_true(own_triggers(m.source, &m.source_guard) > 0);
    support_sql(writer, "COMMIT");
    pgx_close(writer);
    assert_true(retire_source());
}

/* Writers of a neighbour that is switched now would feel the change of the table's triggers. */
static void waits_while_a_cutover_runs_here(void **state)
{
    (void)state;
    move_decide(&m);
    struct pgx_conn *other_engine = support_connect(m.endpoints.source_store.conninfo);
    AUTO_RESULT struct pgx_result *locked = NULL;
    struct tmv_error err;
    assert_done(pgx_query(other_engine, SUPPORT_TIMEOUT_US, sql_cutover_only_one_source,
                          PGX_ARGS(PGX_TEXT(GUARD_CUTOVER_KEY)), &locked, &err),
                &err);
    assert_true(pgx_bool(locked, 0, 0));
    assert_false(retire_source());
    assert_true(own_triggers(m.source, &m.source_guard) > 0);
    pgx_close(other_engine);
    support_wait_until(m.source, "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
    assert_true(retire_source());
}

static void leaves_no_trigger_where_the_tenant_lives(void **state)
{
    struct tmv_error err;
    bool done = false;

    (void)state;
    move_open_target(&m);
    assert_done(guard_retire(m.target, &m.target_guard, FENCE_OPEN, &done, &err), &err);
    assert_false(done); /* closed: it has not arrived */
    assert_false(move_insert(m.target, &m.endpoints.owner.tenant, 1, 1, &err));
    support_sql(m.target, "UPDATE tenantmv.fence SET state = 'open'");
    assert_done(guard_retire(m.target, &m.target_guard, FENCE_OPEN, &done, &err), &err);
    assert_true(done);
    assert_int_equal(
        support_int(m.target, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' AND tgname <> "
                              "'~tenantmv_truncate'"),
        0);
    assert_done(move_insert(m.target, &m.endpoints.owner.tenant, 1, 1, &err), &err);
}

/* It comes back: closed to everybody but the engine before its own triggers stand again, and after that. */
static void stays_closed_to_a_tenant_that_comes_back(void **state)
{
    struct tmv_error err;

    (void)state;
    retire_moved();
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'closed', migration_id = '%s'",
                m.endpoints.migration);
    assert_false(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err));
    assert_string_equal(err.sqlstate, "TM002");
    support_sql(m.source, "SET tenantmv.pass = '%s/%d'", m.endpoints.migration,
                (int)m.source_guard.owner_epoch);
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    support_sql(m.source, "RESET tenantmv.pass");
    move_guard_source(&m);
    assert_int_equal(own_triggers(m.source, &m.source_guard), 3);
    assert_false(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err));
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'open'");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err);
}

/* Its fence may be armed here while only the shared triggers are in place: every state but open and off holds
 * inserts, updates and deletes; a writer that names the armed epoch gets in. */
static void holds_an_armed_tenant_back(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    retire_moved();
    support_sql(m.source, "UPDATE tenantmv.fence SET state = 'armed', placement_epoch = 5, wait_ms = 50");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_CLOSED);
    assert_refused("UPDATE public.events SET version = 9 WHERE tenant_id =");
    assert_refused("DELETE FROM public.events WHERE tenant_id =");
    support_sql(m.source, "SET tenantmv.epoch = '5'");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err);
}

/* The shared triggers are nothing that another tenant's proof stands on; one that only looks like them is. */
static void is_no_change_of_another_tenants_guard(void **state)
{
    char before[80], after[80];
    struct tmv_error err;

    (void)state;
    retire_moved();
    assert_done(guard_read_facts(m.source, &m.source_guard, before, &err), &err);
    support_sql(m.source, "DROP TRIGGER \"~tenantmv_retired_delete\" ON public.events");
    assert_done(guard_read_facts(m.source, &m.source_guard, after, &err), &err);
    assert_string_equal(before, after);
    support_sql(m.source,
                "CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
                "CREATE TRIGGER \"~tenantmv_retired_delete\" BEFORE INSERT ON public.events FOR EACH ROW "
                "EXECUTE FUNCTION public.noop()");
    assert_done(guard_read_facts(m.source, &m.source_guard, after, &err), &err);
    assert_string_not_equal(before, after);
}

/* A store that an earlier program prepared gets the functions that it lacks. */
static void brings_an_older_stores_functions_up_to_date(void **state)
{
    (void)state;
    support_sql(m.source, "DROP FUNCTION tenantmv.guard_retired_insert(); UPDATE tenantmv.store_version SET "
                          "version = 1");
    retire_moved();
    assert_int_equal(support_int(m.source, "SELECT version FROM tenantmv.store_version"),
                     STORE_SCHEMA_VERSION);
}

/* The tenant is brought back and that migration is aborted, step by step: no writer of the old home is let in
 * at any moment, and in the end it is sent where it was sent before. */
static void an_abort_sends_the_writers_of_the_old_home_away_again(bool retired)
{
    struct guard back = m.source_guard;
    struct guard_installed installed;
    struct tmv_error err;
    char why[GUARD_WHY_MAX];

    move_decide(&m);
    if (retired)
        assert_true(retire_source());
    back.migration = tmv_uuid_random();
    back.owner_epoch++;
    assert_done(guard_raise_owner(m.source, &back, &err), &err);
    for (int again = 0; again < 2; again++) /* an engine may die after it and its successor does it again */
        assert_done(guard_prepare_fence(m.source, &back, FENCE_CLOSED, 600, 1, &err), &err);
    assert_fails(move_insert(m.source, &back.tenant, 1, 1, &err), &err, TMV_ERR_CLOSED);
    assert_done(guard_install(m.source, &back, GUARD_STATEMENTS, 30000000, &installed, &err), &err);
    assert_fails(move_insert(m.source, &back.tenant, 1, 1, &err), &err, TMV_ERR_CLOSED);
    assert_done(guard_remove(m.source, &back, false, why, &err), &err);
    assert_string_equal(why, "");
    assert_int_equal(own_triggers(m.source, &back), 0);
    assert_fails(move_insert(m.source, &back.tenant, 1, 1, &err), &err, TMV_ERR_CLOSED);
    assert_done(pgx_query(m.source, SUPPORT_TIMEOUT_US, sql_undo_target_rows,
                          PGX_ARGS(PGX_UUID(&back.tenant), PGX_UUID(&back.migration),
                                   PGX_INT(back.owner_epoch), PGX_INT(m.endpoints.source.relation_oid)),
                          NULL, &err),
                &err);
    assert_fails(move_insert(m.source, &back.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
    assert_non_null(strstr(err.detail, "\"target\""));
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM tenantmv.fence WHERE migration_id = '%s'",
                                 m.endpoints.migration),
                     1);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM tenantmv.departed"), 0);
    assert_done(move_insert(m.source, &other, 7, 1, &err), &err);
}

static void an_abort_leaves_the_shared_triggers(void **state)
{
    (void)state;
    an_abort_sends_the_writers_of_the_old_home_away_again(true);
}

static void an_abort_makes_the_shared_triggers(void **state)
{
    (void)state;
    an_abort_sends_the_writers_of_the_old_home_away_again(false);
}

/* What an earlier migration noted does not count once the tenant has lived here again. */
static void an_abort_forgets_what_is_outdated(void **state)
{
    struct guard next = m.source_guard;
    struct tmv_error err;

    (void)state;
    support_sql(
        m.source,
        "INSERT INTO tenantmv.departed VALUES ('%s', 'elsewhere', gen_random_uuid(), 'public.events')",
        m.endpoints.tenant);
    next.migration = tmv_uuid_random();
    next.owner_epoch++;
    assert_done(guard_raise_owner(m.source, &next, &err), &err);
    assert_done(guard_prepare_fence(m.source, &next, FENCE_OPEN, 600, 1, &err), &err);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM tenantmv.departed"), 0);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(turns_writers_of_the_tenant_away_and_nobody_else, guarded),
        CASE(looks_up_no_name_in_the_writers_search_path, guarded),
        CASE(refuses_changes_of_its_history_only, guarded),
        CASE(lets_the_engines_role_remove_what_was_left_behind, guarded),
        CASE(stands_on_every_partition, guarded_partitioned),
        CASE(waits_for_snapshots_that_are_older_than_the_fence, NULL),
        CASE(would_admit_an_old_snapshot_if_it_did_not_wait, NULL),
        CASE(leaves_a_tenant_that_is_not_at_rest_alone, guarded),
        CASE(waits_for_a_busy_table_only_a_moment, guarded),
        CASE(waits_while_a_cutover_runs_here, guarded),
        CASE(leaves_no_trigger_where_the_tenant_lives, guarded),
        CASE(an_abort_leaves_the_shared_triggers, guarded),
        CASE(an_abort_makes_the_shared_triggers, guarded),
        CASE(an_abort_forgets_what_is_outdated, guarded),
        CASE(stays_closed_to_a_tenant_that_comes_back, guarded),
        CASE(holds_an_armed_tenant_back, guarded),
        CASE(is_no_change_of_another_tenants_guard, guarded),
        CASE(brings_an_older_stores_functions_up_to_date, guarded),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
