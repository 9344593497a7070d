/* What a writer of a moving tenant waits for in the guard ends, and whoever holds it up is ended only where
 * that does no harm (design §6, steps 1 and 4). */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "support/move.h"
#include "support/replica.h"

static struct move m;

static int guarded(void **state)
{
    (void)state;
    move_prepare(&m, false);
    move_guard_source(&m);
    return 0;
}

static int release(void **state)
{
    (void)state;
    move_release(&m);
    return 0;
}

static void send_insert(struct pgx_conn *writer)
{
    struct tmv_error err;

    assert_done(pgx_send(writer,
                         "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                         "tenant_id, version, timestamp, payload) VALUES (gen_random_uuid(), "
                         "gen_random_uuid(), 'Order', 'OrderPlaced', $1::uuid, 1, now(), '{}')",
                         PGX_ARGS(PGX_UUID(&m.endpoints.owner.tenant)), &err),
                &err);
}

/* ---- the decision's session ---- */

/* Each wait of a writer for the lock that ends in vain is followed by another one, with a later start. */
static void await_waits_in_vain(struct pgx_conn *writer, int times)
{
    static const char started[] =
        "coalesce((SELECT waitstart FROM pg_locks WHERE pid = %d AND NOT granted), '-infinity')";
    char since[100];

    for (int i = 0; i <= times; i++) {
        char condition[300];
        AUTO_FREE char *now = NULL;

        snprintf(condition, sizeof condition, started, pgx_backend_pid(writer));
        if (i > 0)
            support_wait_until(m.source, "SELECT %s > '%s'::timestamptz", condition, since);
        support_wait_until(m.source, "SELECT %s > '-infinity'", condition);
        now = support_text(m.source, "SELECT %s", condition);
        assert_true(strlen(now) < sizeof since);
        strcpy(since, now);
    }
}

/* Ending it would commit it, unreplicated, behind the engine's back. */
static void writers_do_not_end_a_decision_that_waits_for_its_standby(void **state)
{
    struct pgx_conn *decider = support_connect(m.endpoints.source_store.conninfo);
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err;

    (void)state;
    support_sql(m.source, "UPDATE tenantmv.fence SET wait_ms = 30 WHERE tenant_id = '%s'",
                m.endpoints.tenant);
    support_sql(decider, "BEGIN; SELECT pg_advisory_xact_lock(%lld); SELECT pg_current_xact_id()",
                (long long)m.source_guard.lock_key);
    support_sql(decider, "CREATE TABLE public.decided ()");
    replica_require(m.endpoints.source_store.conninfo, "nobody");
    assert_done(pgx_send(decider, "COMMIT", PGX_NONE, &err), &err);
    support_wait_until(m.source, "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = %d",
                       pgx_backend_pid(decider));
    send_insert(writer);
    await_waits_in_vain(writer, 3);
    replica_require(m.endpoints.source_store.conninfo, NULL);
    assert_done(pgx_receive(decider, SUPPORT_TIMEOUT_US, NULL, &err), &err);
    assert_done(pgx_receive(writer, SUPPORT_TIMEOUT_US, NULL, &err), &err);
    pgx_close(decider);
    pgx_close(writer);
}

/* ---- the section in which a position is taken ---- */

#define INSIDE 4242 /* key of a lock that a writer waits for inside the section: only here */

/* A writer that is inside the section, and whoever keeps it there. */
struct inside {
    struct pgx_conn *writer, *holder;
};

static struct inside writer_inside(void)
{
    struct inside in = {support_connect(m.endpoints.source_store.conninfo),
                        support_connect(m.endpoints.source_store.conninfo)};

    move_mutate(m.source, "tenantmv.guard_number(regclass, regclass, regclass, bigint, integer)",
                "RAISE EXCEPTION USING ERRCODE",
                "PERFORM pg_advisory_xact_lock_shared(4242); RAISE EXCEPTION USING ERRCODE");
    support_sql(in.holder, "SELECT pg_advisory_lock(%d)", INSIDE);
    send_insert(in.writer);
    support_wait_until(m.source, "SELECT count(*) > 0 FROM pg_locks WHERE pid = %d AND NOT granted",
                       pgx_backend_pid(in.writer));
    return in;
}

static void let_go(struct inside *in)
{
    support_sql(in->holder, "SELECT pg_advisory_unlock(%d)", INSIDE);
    pgx_close(TAKE(in->holder));
}

static int64_t sections_held(void)
{
    return support_int(m.source, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2"
                                 " AND database = (SELECT oid FROM pg_database WHERE datname = "
                                 "current_database())");
}

static void a_stopped_session_inside_it_turns_writers_away_in_the_end(void **state)
{
    struct inside in = writer_inside();
    struct tmv_error err = {0};
    char pid[40];

    (void)state;
    assert_int_equal(sections_held(), 1);
    assert_int_equal(kill(pgx_backend_pid(in.writer), SIGSTOP), 0);
    let_go(&in);
    assert_fails(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err, TMV_ERR_CLOSED);
    snprintf(pid, sizeof pid, "pid %d", pgx_backend_pid(in.writer));
    if (!strstr(err.message, pid))
        fail_msg("%s", err.message);
    assert_int_equal(kill(pgx_backend_pid(in.writer), SIGCONT), 0);
    assert_done(pgx_receive(in.writer, SUPPORT_TIMEOUT_US, NULL, &err), &err);
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_int_equal(support_int(m.source, "SELECT count(*) FROM public.events"), 2);
    pgx_close(in.writer);
}

static void a_cancelled_session_inside_it_lets_go(void **state)
{
    struct inside in = writer_inside();
    struct tmv_error err = {0};

    (void)state;
    /* The first writer after it needs no wait, even while that session lives and its transaction is open. */
    support_sql(m.source, "SELECT pg_cancel_backend(%d)", pgx_backend_pid(in.writer));
    assert_false(pgx_receive(in.writer, SUPPORT_TIMEOUT_US, NULL, &err));
    assert_string_equal(err.sqlstate, "57014");
    assert_int_equal(sections_held(), 0);
    let_go(&in);
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    pgx_close(in.writer);
}

/* Nothing of it outlives the insert either: a transaction that stays open holds nobody up. */
static void an_open_transaction_holds_no_section(void **state)
{
    struct pgx_conn *writer = support_connect(m.endpoints.source_store.conninfo);
    struct tmv_error err;

    (void)state;
    support_sql(writer, "BEGIN; SET LOCAL lock_timeout = '7s'");
    assert_done(move_insert(writer, &m.endpoints.owner.tenant, 1, 1, &err), &err);
    assert_int_equal(sections_held(), 0);
    AUTO_FREE char *timeout = support_text(writer, "SHOW lock_timeout");
    assert_string_equal(timeout, "7s");
    assert_done(move_insert(m.source, &m.endpoints.owner.tenant, 2, 1, &err), &err);
    support_sql(writer, "COMMIT");
    pgx_close(writer);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, guarded, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(writers_do_not_end_a_decision_that_waits_for_its_standby),
        CASE(a_stopped_session_inside_it_turns_writers_away_in_the_end),
        CASE(a_cancelled_session_inside_it_lets_go),
        CASE(an_open_transaction_holds_no_section),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
