/* The guard's traps (design §6). Each is shown twice: with the protection nothing gets past the fence, and
 * with the protection taken out it does, so that the test is known to notice. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/move.h"

static struct move m;
static const struct tmv_uuid other = {.bytes = {9, 9}};

static int prepared(void **state)
{
    (void)state;
    move_prepare(&m, false);
    return 0;
}

static int guarded(void **state)
{
    prepared(state);
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

static int64_t events_of_tenant(void)
{
    return support_int(m.source, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'",
                       m.endpoints.tenant);
}

static void admits_writers_while_open_and_names_the_new_home_once_moved(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    move_decide(&m);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
    assert_string_equal(err.sqlstate, "TM001");
    assert_string_equal(err.detail, "{\"store_id\" : \"target\", \"placement_epoch\" : 2}");
    assert_done(move_insert(m.source, &other, 7, 1, &err), &err);
    assert_int_equal(events_of_tenant(), 1);
    assert_int_equal(support_int(m.source, "SELECT last_value FROM tenantmv.rejected_writes"), 1);
}

static void allocates_the_position_after_the_lock(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    /* The default took a value first; the row carries a later one. */
    assert_int_equal(support_int(m.source, "SELECT max(global_position) FROM public.events"),
                     support_int(m.source, "SELECT last_value FROM public.events_global_position_seq"));
    assert_true(support_int(m.source, "SELECT max(global_position) FROM public.events") > m.v0 + 1);
}

/* A REPEATABLE READ transaction begun before the switch inserts after it. Returns whether the row got in. */
static bool old_snapshot_gets_in(const char *level)
{
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err = {0};

    support_sql(writer, "BEGIN ISOLATION LEVEL %s", level);
    support_int(writer, "SELECT count(*) FROM public.events");
    move_decide(&m);
    bool in = move_insert(writer, &m.endpoints.owner.tenant, 1, 1, &err);
    if (!in)
        assert_true(strcmp(err.sqlstate, "40001") == 0 || strcmp(err.sqlstate, "TM001") == 0);
    pgx_close(writer);
    return in;
}

static void refuses_a_repeatable_read_transaction_begun_before_the_switch(void **state)
{
    (void)state;
    assert_false(old_snapshot_gets_in("REPEATABLE READ"));
}

static void refuses_a_serializable_transaction_begun_before_the_switch(void **state)
{
    (void)state;
    assert_false(old_snapshot_gets_in("SERIALIZABLE"));
}

static void would_admit_an_old_snapshot_without_the_row_lock(void **state)
{
    (void)state;
    move_mutate(m.source, "tenantmv.guard_admit(uuid, regclass)", "p_events FOR SHARE", "p_events");
    assert_true(old_snapshot_gets_in("REPEATABLE READ"));
}

static void would_admit_an_old_snapshot_with_a_key_share_lock(void **state)
{
    (void)state;
    move_mutate(m.source, "tenantmv.guard_admit(uuid, regclass)", "FOR SHARE", "FOR KEY SHARE");
    assert_true(old_snapshot_gets_in("REPEATABLE READ"));
}

/* A transaction whose snapshot is older than the fence row itself. */
static bool snapshot_before_the_fence_row_gets_in(bool missing_means_open)
{
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err = {0};

    support_sql(writer, "BEGIN ISOLATION LEVEL REPEATABLE READ");
    support_int(writer, "SELECT count(*) FROM public.events");
    move_guard_source(&m);
    if (missing_means_open)
        move_mutate(m.source, "tenantmv.guard_admit(uuid, regclass)", "IF NOT FOUND THEN",
                    "IF NOT FOUND THEN RETURN;");
    move_decide(&m);
    bool in = move_insert(writer, &m.endpoints.owner.tenant, 1, 1, &err);
    if (!in)
        assert_string_equal(err.sqlstate, "40001");
    pgx_close(writer);
    return in;
}

static void refuses_a_snapshot_older_than_the_fence_row(void **state)
{
    (void)state;
    assert_false(snapshot_before_the_fence_row_gets_in(false));
}

static void would_admit_it_if_a_missing_row_meant_open(void **state)
{
    (void)state;
    assert_true(snapshot_before_the_fence_row_gets_in(true));
}

/* A writer that waits for the lock while the decision is made. */
static bool waiting_writer_gets_in(void)
{
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    struct pgx_conn *decider = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err = {0};

    support_sql(decider, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)m.source_guard.lock_key);
    assert_done(pgx_send(writer,
                         "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                         "tenant_id, version, "
                         "timestamp, payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'Order', "
                         "'OrderPlaced', $1::uuid, "
                         "1, now(), '{}')",
                         PGX_ARGS(PGX_UUID(&m.endpoints.owner.tenant)), &err),
                &err);
    support_wait_until(m.source,
                       "SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    support_sql(decider,
                "UPDATE tenantmv.fence SET state = 'moved', placement_epoch = 2, store_id = 'target' WHERE "
                "tenant_id = '%s'; "
                "COMMIT",
                m.endpoints.tenant);
    bool in = pgx_receive(writer, SUPPORT_TIMEOUT_US, NULL, &err);
    if (!in)
        assert_string_equal(err.sqlstate, "TM001");
    pgx_close(writer);
    pgx_close(decider);
    return in;
}

static void wakes_a_held_writer_with_the_new_home(void **state)
{
    (void)state;
    assert_false(waiting_writer_gets_in());
}

static void would_admit_a_held_writer_if_it_were_stable(void **state)
{
    (void)state;
    support_sql(m.source, "ALTER FUNCTION tenantmv.guard_insert() STABLE");
    assert_true(waiting_writer_gets_in());
}

/* A user's trigger gives the row its tenant. */
static bool late_tenant_gets_in(void)
{
    struct tmv_error err = {0};
    static const struct tmv_uuid nobody;

    support_sql(m.source,
                "CREATE FUNCTION public.set_tenant() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "NEW.tenant_id := '%s'; "
                "RETURN NEW; END $$; CREATE TRIGGER zz_set_tenant BEFORE INSERT ON public.events FOR EACH "
                "ROW EXECUTE "
                "FUNCTION public.set_tenant()",
                m.endpoints.tenant);
    move_decide(&m);
    bool in = move_insert(m.source, &nobody, 1, 1, &err);
    if (!in)
        assert_string_equal(err.sqlstate, "TM001");
    return in;
}

static void fires_after_a_trigger_that_sets_the_tenant(void **state)
{
    (void)state;
    assert_false(late_tenant_gets_in());
}

static void would_be_bypassed_under_an_earlier_name(void **state)
{
    (void)state;
    support_sql(m.source, "ALTER TRIGGER \"~tenantmv_%s_insert\" ON public.events RENAME TO aa_tenantmv",
                m.source_guard.mark);
    assert_true(late_tenant_gets_in());
}

static bool try_sql(const char *sql, struct tmv_error *err)
{
    return pgx_script(m.source, SUPPORT_TIMEOUT_US, sql, 0, NULL, err);
}

static void refuses_changes_of_history_and_of_the_tenant(void **state)
{
    char steal[200], give[200], erase[200];
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &other, 3, 1, &err), &err);
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 4, 1, &err), &err);
    snprintf(steal, sizeof steal, "UPDATE public.events SET tenant_id = '%s' WHERE tenant_id <> '%s'",
             m.endpoints.tenant, m.endpoints.tenant);
    snprintf(give, sizeof give, "UPDATE public.events SET tenant_id = NULL WHERE tenant_id = '%s'",
             m.endpoints.tenant);
    snprintf(erase, sizeof erase, "DELETE FROM public.events WHERE tenant_id = '%s'", m.endpoints.tenant);
    const char *const changes[] = {steal, give, erase, "TRUNCATE public.events"};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_false(try_sql(changes[i], &err));
        assert_string_equal(err.sqlstate, "TM003");
    }
    /* Without its trigger the tenant's history could be changed behind the copy. */
    support_sql(m.source, "DROP TRIGGER \"~tenantmv_%s_update\" ON public.events", m.source_guard.mark);
    assert_true(try_sql(steal, &err));
}

static void lets_other_tenants_history_be_changed(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &other, 3, 1, &err), &err);
    assert_true(try_sql("UPDATE public.events SET actor_id = 'x'", &err));
    assert_true(try_sql("DELETE FROM public.events", &err));
}

static void notices_every_change_of_its_catalogue_rows(void **state)
{
    static const char *const changes[] = {
        "ALTER TABLE public.events DISABLE TRIGGER ALL; ALTER TABLE public.events ENABLE TRIGGER ALL",
        "ALTER FUNCTION tenantmv.guard_insert() STABLE; ALTER FUNCTION tenantmv.guard_insert() VOLATILE",
    };
    char facts[80];
    struct tmv_error err;

    (void)state;
    assert_done(guard_read_facts(m.source, &m.source_guard, facts, &err), &err);
    assert_string_equal(facts, m.facts);
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        char before[80];
        memcpy(before, facts, sizeof before);
        support_sql(m.source, "%s", changes[i]);
        assert_done(guard_read_facts(m.source, &m.source_guard, facts, &err), &err);
        assert_string_not_equal(facts, before);
    }
    /* What it is for: rows get in while the triggers are off, although the fence says moved. */
    move_decide(&m);
    support_sql(m.source, "ALTER TABLE public.events DISABLE TRIGGER ALL");
    assert_true(move_insert(m.source, &m.endpoints.owner.tenant, 5, 1, &err));
}

static void notices_a_partition_that_leaves(void **state)
{
    char facts[80];
    struct tmv_error err;

    (void)state;
    AUTO_FREE char *leaf = support_text(
        m.source,
        "SELECT relid::regclass FROM pg_partition_tree('public.events') WHERE isleaf ORDER BY 1 LIMIT 1");
    support_sql(m.source, "ALTER TABLE public.events DETACH PARTITION %s", leaf);
    assert_done(guard_read_facts(m.source, &m.source_guard, facts, &err), &err);
    assert_string_not_equal(facts, m.facts);
}

static void guards_every_partition(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    move_decide(&m);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
    AUTO_FREE char *leaf = support_text(m.source, "SELECT tableoid::regclass FROM public.events LIMIT 1");
    char sql[200];
    snprintf(sql, sizeof sql, "TRUNCATE %s", leaf);
    assert_false(try_sql(sql, &err));
}

static void fires_for_replicas_too(void **state)
{
    struct tmv_error err;

    (void)state;
    move_decide(&m);
    support_sql(m.source, "SET session_replication_role = replica");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
}

static void takes_the_pass_only_from_the_engines_role(void **state)
{
    struct tmv_error err;

    (void)state;
    move_decide(&m);
    support_sql(m.source,
                "DO $$ BEGIN CREATE ROLE plain_writer; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
                "GRANT INSERT, SELECT ON public.events TO plain_writer; "
                "GRANT USAGE ON SEQUENCE public.events_global_position_seq TO plain_writer");
    support_sql(m.source, "SET SESSION AUTHORIZATION plain_writer; SET tenantmv.pass = '%s/1'",
                m.endpoints.migration);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_MOVED);
    support_sql(m.source, "RESET SESSION AUTHORIZATION");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    support_sql(m.source, "SET tenantmv.pass = '%s/2'", m.endpoints.migration); /* another owner's epoch */
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 2, &err), &err, TMV_ERR_MOVED);
}

/* A session of an engine that was replaced gets to its decision after all. */
static bool earlier_owner_decides(void)
{
    struct guard successor = m.source_guard;
    struct tmv_error err;

    successor.owner_epoch = m.source_guard.owner_epoch + 1;
    assert_done(guard_raise_owner(m.source, &successor, &err), &err);
    bool decided =
        pgx_query(m.source, SUPPORT_TIMEOUT_US,
                  "SELECT tenantmv.decide('public.events', $1::uuid, $2::uuid, $3::bigint, 1, 2, 'target')",
                  PGX_ARGS(PGX_UUID(&m.endpoints.owner.tenant), PGX_UUID(&m.endpoints.owner.migration),
                           PGX_INT(m.source_guard.owner_epoch)),
                  NULL, &err);
    if (!decided)
        assert_string_equal(err.sqlstate, "TM010");
    return decided;
}

static void refuses_the_decision_of_an_earlier_owner(void **state)
{
    (void)state;
    assert_false(earlier_owner_decides());
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
}

static void would_let_an_earlier_owner_decide(void **state)
{
    (void)state;
    move_mutate(
        m.source,
        "tenantmv.decide(regclass, uuid, uuid, bigint, bigint, bigint, text, integer, regclass, bigint)",
        "IF NOT FOUND", "IF false");
    assert_true(earlier_owner_decides());
}

/* The drain has armed the target, nothing is decided, and a writer comes whose route names the target. */
static bool target_takes_a_stray_write_before_the_decision(void)
{
    struct tmv_error err;

    support_sql(m.target,
                "UPDATE tenantmv.fence SET wait_ms = 20; SELECT tenantmv.arm('public.events', "
                "'public.events_global_position_seq', '%s', '%s', %lld, 2, %lld)",
                m.endpoints.tenant, m.endpoints.migration, (long long)m.target_guard.owner_epoch,
                (long long)m.v0);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
    bool taken = move_insert(m.target, &m.endpoints.owner.tenant, 1, 1, &err);
    if (!taken)
        assert_int_equal(err.code, TMV_ERR_CLOSED);
    return taken;
}

static void keeps_the_target_closed_until_the_decision(void **state)
{
    (void)state;
    move_open_target(&m);
    assert_false(target_takes_a_stray_write_before_the_decision());
}

static void would_take_a_stray_write_if_opened_by_the_drain(void **state)
{
    (void)state;
    move_open_target(&m);
    move_mutate(m.target, "tenantmv.arm(regclass, regclass, uuid, uuid, bigint, bigint, bigint)", "'armed'",
                "'open'");
    assert_true(target_takes_a_stray_write_before_the_decision());
}

static void admits_only_writers_that_name_the_epoch_while_armed(void **state)
{
    struct tmv_error err;

    (void)state;
    support_sql(
        m.source,
        "UPDATE tenantmv.fence SET state = 'armed', placement_epoch = 5, wait_ms = 50 WHERE tenant_id = '%s'",
        m.endpoints.tenant);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_CLOSED);
    support_sql(m.source, "SET tenantmv.epoch = '4'");
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_CLOSED);
    support_sql(m.source, "SET tenantmv.epoch = '5'");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
}

/* The session of the pause says nothing any more and no timeout of its own ends it: the writers end it. */
static void ends_a_session_that_keeps_the_lock_beyond_any_pause(void **state)
{
    struct pgx_conn *stuck = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err;

    (void)state;
    support_sql(m.source, "UPDATE tenantmv.fence SET wait_ms = 100 WHERE tenant_id = '%s'",
                m.endpoints.tenant);
    support_sql(stuck, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)m.source_guard.lock_key);
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_false(pgx_script(stuck, SUPPORT_TIMEOUT_US, "COMMIT", 0, NULL, &err));
    pgx_close(stuck);
}

static void leaves_the_writers_lock_timeout_as_it_was(void **state)
{
    struct tmv_error err;
    struct pgx_conn *stuck = support_connect(m.endpoints.source_store.conninfo);

    (void)state;
    support_sql(m.source, "UPDATE tenantmv.fence SET wait_ms = 50 WHERE tenant_id = '%s'",
                m.endpoints.tenant);
    support_sql(stuck, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)m.source_guard.lock_key);
    support_sql(m.source, "BEGIN; SET LOCAL lock_timeout = '7s'");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    AUTO_FREE char *after = support_text(m.source, "SHOW lock_timeout");
    assert_string_equal(after, "7s");
    support_sql(m.source, "COMMIT");
    pgx_close(stuck);
}

static void gives_up_naming_the_transaction_that_blocks_its_installation(void **state)
{
    struct pgx_conn *blocker = support_connect(m.endpoints.source_store.conninfo);
    struct guard_installed installed;
    struct tmv_error err;

    (void)state;
    support_sql(blocker, "BEGIN");
    assert_done(move_insert(blocker, &other, 1, 1, &err), &err);
    assert_done(guard_prepare_store(m.source, &m.endpoints.source, &err), &err);
    assert_done(guard_raise_owner(m.source, &m.source_guard, &err), &err);
    assert_done(guard_prepare_fence(m.source, &m.source_guard, FENCE_OPEN, 600, 1, &err), &err);
    assert_fails(guard_install(m.source, &m.source_guard, GUARD_ROWS, 300000, &installed, &err), &err,
                 TMV_ERR_TIMEOUT);
    char pid[20];
    snprintf(pid, sizeof pid, "pid %d", pgx_backend_pid(blocker));
    assert_non_null(strstr(err.message, pid));
    support_sql(blocker, "COMMIT");
    move_guard_source(&m);
    pgx_close(blocker);
}

/* A database made from the same template has an events table of the same oid. */
static void does_not_wait_for_writers_of_another_database(void **state)
{
    struct cluster *cluster = support_cluster("source", NULL);
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *admin = support_connect(cluster_conninfo(cluster, "postgres", conninfo));
    AUTO_FREE char *name = support_text(m.source, "SELECT quote_ident(current_database())");
    struct guard_installed installed;
    struct tmv_error err;

    (void)state;
    pgx_close(TAKE(m.source));
    support_sql(admin, "CREATE DATABASE twin TEMPLATE %s", name);
    pgx_close(admin);
    struct pgx_conn *twin = support_connect(cluster_conninfo(cluster, "twin", conninfo));
    m.source = support_connect(m.endpoints.source_store.conninfo);
    struct pgx_conn *blocker = support_connect(m.endpoints.source_store.conninfo);
    assert_done(guard_prepare_store(m.source, &m.endpoints.source, &err), &err);
    assert_done(guard_raise_owner(m.source, &m.source_guard, &err), &err);
    assert_done(guard_prepare_fence(m.source, &m.source_guard, FENCE_OPEN, 600, 1, &err), &err);
    support_sql(twin, "BEGIN");
    assert_done(move_insert(twin, &other, 1, 1, &err), &err);
    support_sql(blocker, "BEGIN");
    assert_done(move_insert(blocker, &other, 1, 1, &err), &err);
    assert_fails(guard_install(m.source, &m.source_guard, GUARD_ROWS, 300000, &installed, &err), &err,
                 TMV_ERR_TIMEOUT);
    char pid[20];
    snprintf(pid, sizeof pid, "pid %d", pgx_backend_pid(blocker));
    assert_non_null(strstr(err.message, pid)); /* not the twin's, which is older */
    support_sql(blocker, "COMMIT");
    move_guard_source(&m);
    pgx_close(blocker);
    pgx_close(twin);
}

#define AT_ONCE 6

static void *prepare_store(void *conn)
{
    struct tmv_error err = {0};

    if (guard_prepare_store(conn, &m.endpoints.source, &err))
        return NULL;
    print_error("%s\n", err.message);
    return conn;
}

/* Several migrations out of one store may start at the same moment. */
static void prepares_a_store_from_several_sessions_at_once(void **state)
{
    struct pgx_conn *conns[AT_ONCE];
    pthread_t threads[AT_ONCE];
    void *failed[AT_ONCE];

    (void)state;
    for (int i = 0; i < AT_ONCE; i++)
        conns[i] = support_connect(m.endpoints.source_store.conninfo);
    for (int i = 0; i < AT_ONCE; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, prepare_store, conns[i]), 0);
    for (int i = 0; i < AT_ONCE; i++)
        pthread_join(threads[i], &failed[i]);
    for (int i = 0; i < AT_ONCE; i++) {
        assert_null(failed[i]);
        pgx_close(conns[i]);
    }
}

static void can_be_removed_and_installed_again(void **state)
{
    const struct fence_change off = {.from = FENCE_OPEN, .to = FENCE_OFF};
    struct tmv_error err;
    char why[GUARD_WHY_MAX];
    bool done = false;

    (void)state;
    assert_done(guard_change_fence(m.source, &m.source_guard, &off, &done, &err), &err);
    assert_true(done);
    assert_done(guard_remove(m.source, &m.source_guard, false, why, &err), &err);
    assert_string_equal(why, "");
    assert_int_equal(support_int(m.source,
                                 "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv\\_%s%%'",
                                 m.source_guard.mark),
                     0);
    move_guard_source(&m);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(admits_writers_while_open_and_names_the_new_home_once_moved, guarded),
        CASE(allocates_the_position_after_the_lock, guarded),
        CASE(refuses_a_repeatable_read_transaction_begun_before_the_switch, guarded),
        CASE(refuses_a_serializable_transaction_begun_before_the_switch, guarded),
        CASE(would_admit_an_old_snapshot_without_the_row_lock, guarded),
        CASE(would_admit_an_old_snapshot_with_a_key_share_lock, guarded),
        CASE(refuses_a_snapshot_older_than_the_fence_row, prepared),
        CASE(would_admit_it_if_a_missing_row_meant_open, prepared),
        CASE(wakes_a_held_writer_with_the_new_home, guarded),
        CASE(would_admit_a_held_writer_if_it_were_stable, guarded),
        CASE(fires_after_a_trigger_that_sets_the_tenant, guarded),
        CASE(would_be_bypassed_under_an_earlier_name, guarded),
        CASE(refuses_changes_of_history_and_of_the_tenant, guarded),
        CASE(lets_other_tenants_history_be_changed, guarded),
        CASE(notices_every_change_of_its_catalogue_rows, guarded),
        CASE(notices_a_partition_that_leaves, guarded_partitioned),
        CASE(guards_every_partition, guarded_partitioned),
        CASE(fires_for_replicas_too, guarded),
        CASE(takes_the_pass_only_from_the_engines_role, guarded),
        CASE(admits_only_writers_that_name_the_epoch_while_armed, guarded),
        CASE(refuses_the_decision_of_an_earlier_owner, guarded),
        CASE(would_let_an_earlier_owner_decide, guarded),
        CASE(keeps_the_target_closed_until_the_decision, guarded),
        CASE(would_take_a_stray_write_if_opened_by_the_drain, guarded),
        CASE(ends_a_session_that_keeps_the_lock_beyond_any_pause, guarded),
        CASE(leaves_the_writers_lock_timeout_as_it_was, guarded),
        CASE(gives_up_naming_the_transaction_that_blocks_its_installation, prepared),
        CASE(does_not_wait_for_writers_of_another_database, prepared),
        CASE(prepares_a_store_from_several_sessions_at_once, prepared),
        CASE(can_be_removed_and_installed_again, guarded),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
