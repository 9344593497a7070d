/* A server fails over to an asynchronous streaming replica, a real one, that may lack the last commits: the
 * source or the target, before or after the cutover. What was forgotten is noticed and mended, or the
 * migration stops with a message that says what happened; the tenant is never served from two places. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/life.h"
#include "support/replica.h"

/* The server that fails over, and what takes its place. */
static struct cluster *primary, *replica;
static int replicas; /* made so far, for their names */

static void name_store(struct tmv_store_info *store)
{
    char text[2 * CLUSTER_CONNINFO_MAX];
    AUTO_CONN struct pgx_conn *conn = support_connect(store->conninfo);
    AUTO_FREE char *database = support_text(conn, "SELECT current_database()");
    struct tmv_error err;

    text_copy(store->conninfo, sizeof store->conninfo, replica_conninfo(primary, replica, database, text));
    assert_done(tmv_store_replace(l.handle, store, true, &err), &err);
}

/* A life whose source or target (by cluster name) has a replica; its store's connection string names both. */
static void prepare(const char *cluster, bool control_elsewhere)
{
    char name[20];

    life_prepare(control_elsewhere, false);
    primary = support_cluster(cluster, NULL);
    snprintf(name, sizeof name, "replica%d", ++replicas);
    replica = replica_start(primary, name);
    name_store(strcmp(cluster, "source") == 0 ? &l.source : &l.target);
}

static int source_fails(void **state)
{
    (void)state;
    prepare("source", true);
    return 0;
}

static int source_fails_with_control(void **state)
{
    (void)state;
    prepare("source", false);
    text_copy(l.control, sizeof l.control, l.source.conninfo);
    return 0;
}

static int target_fails(void **state)
{
    (void)state;
    prepare("target", false);
    return 0;
}

static int done(void **state)
{
    struct tmv_error err;

    (void)state;
    life_release();
    assert_done(cluster_stop(replica, CLUSTER_IMMEDIATE, &err), &err);
    cluster_free(replica);
    if (cluster_pid(primary) == 0)
        assert_done(cluster_resume(primary, &err), &err);
    return 0;
}

static void caught_up(void)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    AUTO_CONN struct pgx_conn *conn = support_connect(cluster_conninfo(primary, "postgres", conninfo));

    support_wait_until(conn, "SELECT count(*) = 1 FROM pg_stat_replication WHERE replay_lsn >= "
                             "pg_current_wal_insert_lsn()");
}

/* The primary is gone for good; the replica takes its place. */
static void fail_over(struct pgx_conn **conn, const struct tmv_store_info *store)
{
    struct tmv_error err;

    pgx_close(TAKE(*conn));
    assert_done(cluster_stop(primary, CLUSTER_KILL, &err), &err);
    replica_promote(replica);
    *conn = support_connect(store->conninfo);
}

static void write_on(struct pgx_conn *conn, int stream, int count)
{
    struct tmv_error err;

    for (int i = 1; i <= count; i++)
        assert_done(move_insert(conn, &l.tenant, stream, i, &err), &err);
}

static void wait_until_mirrored(void)
{
    support_wait_until(l.on_target, "SELECT count(*) = %lld FROM public.events WHERE tenant_id = '%s'",
                       (long long)life_count(l.on_source), l.tenant_text);
}

/* ---- before the cutover ---- */

static void goes_on_with_a_source_that_forgot_nothing(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    write_on(l.on_source, 700, 20);
    caught_up();
    fail_over(&l.on_source, &l.source);
    write_on(l.on_source, 701, 20);
    life_wait_for("s.ready AND l.owner_epoch > 1");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_int_equal(life_count(l.on_target), HISTORY + 40);
    life_assert_moved();
}

static void stops_when_the_source_forgot_what_the_target_has(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    caught_up();
    replica_detach(replica);
    write_on(l.on_source, 700, 60); /* more than a sequence is logged ahead of its use */
    wait_until_mirrored();
    fail_over(&l.on_source, &l.source);
    life_wait_for(
        "m.is_paused AND m.last_error LIKE '%%lost committed data%%' OR m.is_paused AND s.note LIKE "
        "'%%lost committed data%%'");
    /* one place serves the tenant, and it is the source */
    write_on(l.on_source, 702, 3);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'closed'"),
                     1);
    life_expect(life_ask(TMV_OP_ABORT, "the source was failed over"), TMV_COMMAND_DONE, "aborted");
    life_assert_source_as_it_was();
    assert_int_equal(life_count(l.on_source), HISTORY + 3);
    assert_int_equal(life_count(l.on_target), 0);
}

static void brings_a_target_again_what_it_forgot(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    write_on(l.on_source, 700, 20);
    wait_until_mirrored();
    caught_up();
    replica_detach(replica);
    write_on(l.on_source, 701, 60);
    wait_until_mirrored();
    fail_over(&l.on_target, &l.target);
    wait_until_mirrored();
    life_wait_for("s.ready AND l.owner_epoch > 1");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    assert_int_equal(life_count(l.on_target), HISTORY + 80);
    life_assert_moved();
}

/* ---- after it ---- */

/* The decision is made, the tenant writes to its new home, and the source's replica has never heard of it. */
static void move_and_forget(void)
{
    life_begin_and_wait_until_ready();
    caught_up();
    replica_detach(replica);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    write_on(l.on_target, 800, 5);
    life_stop_engine(); /* so that the stray writes below come before it looks */
}

static void assert_only_the_target_serves(void)
{
    struct tmv_error err;

    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'moved'"),
                     1);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
    assert_int_equal(life_count(l.on_target), HISTORY + 6);
}

static void fences_a_source_again_that_forgot_the_decision(void **state)
{
    (void)state;
    move_and_forget();
    fail_over(&l.on_source, &l.source);
    life_start_engine();
    support_wait_until(l.on_source, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'moved'");
    life_wait_for("m.last_error LIKE '%%forgotten that the tenant moved%%nothing was written%%'");
    assert_only_the_target_serves();
}

static void names_what_the_source_accepted_after_it_forgot(void **state)
{
    (void)state;
    move_and_forget();
    fail_over(&l.on_source, &l.source);
    write_on(l.on_source, 850, 2);
    life_start_engine();
    support_wait_until(l.on_source, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'moved'");
    life_wait_for("m.last_error LIKE '%%forgotten that the tenant moved%%accepted 2 events%%'");
    assert_only_the_target_serves();
}

/* Control stands on the source and has forgotten the end of the migration too. */
static void completes_again_what_control_forgot_with_the_source(void **state)
{
    struct tmv_error err;

    (void)state;
    move_and_forget();
    pgx_close(TAKE(l.on_control));
    fail_over(&l.on_source, &l.source);
    tmv_control_close(TAKE(l.handle));
    l.on_control = support_connect(l.control);
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'completed'"),
        0);
    life_start_engine();
    life_wait_for("m.phase = 'completed'");
    life_wait_for("m.last_error LIKE '%%forgotten that the tenant moved%%'");
    assert_only_the_target_serves();
    life_assert_one_audit_row("migration_completed");
}

static void opens_a_target_again_that_forgot_the_drain(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    caught_up();
    replica_detach(replica);
    write_on(l.on_source, 700, 60);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    fail_over(&l.on_target, &l.target);
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    life_wait_for("m.last_error LIKE '%%target has forgotten the end of the move%%'");
    assert_int_equal(life_count(l.on_target), HISTORY + 60);
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
}

static void with_the_pass(const char *change)
{
    support_sql(l.on_target,
                "BEGIN; SELECT set_config('tenantmv.pass', o.migration_id || '/' || o.owner_epoch, true)"
                " FROM tenantmv.owner o; %s; COMMIT",
                change);
}

/* The target's replica has the first half of a repair: its note, and an event less. */
static void ends_a_repair_that_the_target_remembers_half_of(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_target,
                "CREATE TABLE public.kept AS SELECT * FROM public.events WHERE global_position = 4");
    with_the_pass("INSERT INTO tenantmv.repair (migration_id) SELECT migration_id FROM tenantmv.owner;"
                  " DELETE FROM public.events WHERE global_position = 4");
    caught_up();
    replica_detach(replica);
    with_the_pass("INSERT INTO public.events SELECT * FROM public.kept; DELETE FROM tenantmv.repair");
    write_on(l.on_source, 700, 60);
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    fail_over(&l.on_target, &l.target);
    support_wait_until(l.on_target, "SELECT count(*) = 1 FROM tenantmv.fence WHERE state = 'open'");
    life_wait_for("m.last_error LIKE '%%target has forgotten the end of the move%%'");
    assert_int_equal(life_count(l.on_target), HISTORY + 60);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.repair"), 0);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
}

/* ---- what nobody understands ---- */

static void touches_nothing_when_the_fences_do_not_fit(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    life_stop_engine();
    support_sql(l.on_source, "UPDATE tenantmv.fence SET migration_id = gen_random_uuid()");
    AUTO_FREE char *before =
        support_text(l.on_target, "SELECT string_agg(f::text, ' ') FROM tenantmv.fence f");
    life_start_engine();
    life_wait_for("m.is_paused AND s.note LIKE '%%do not fit together%%nothing was touched%%'");
    AUTO_FREE char *after =
        support_text(l.on_target, "SELECT string_agg(f::text, ' ') FROM tenantmv.fence f");
    assert_string_equal(before, after);
}

#define CASE(name, setup) cmocka_unit_test_setup_teardown(name, setup, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(goes_on_with_a_source_that_forgot_nothing, source_fails),
        CASE(stops_when_the_source_forgot_what_the_target_has, source_fails),
        CASE(brings_a_target_again_what_it_forgot, target_fails),
        CASE(fences_a_source_again_that_forgot_the_decision, source_fails),
        CASE(names_what_the_source_accepted_after_it_forgot, source_fails),
        CASE(completes_again_what_control_forgot_with_the_source, source_fails_with_control),
        CASE(opens_a_target_again_that_forgot_the_drain, target_fails),
        CASE(ends_a_repair_that_the_target_remembers_half_of, target_fails),
        CASE(touches_nothing_when_the_fences_do_not_fit, source_fails),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
