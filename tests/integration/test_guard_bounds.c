/* What a writer of a moving tenant waits for in the guard ends, and whoever holds it up is ended only where
 * that does no harm (design §6, steps 1 and 4). */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "support/move.h"

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
                         PGX_ARGS(PGX_UUID(&m.ends.owner.tenant)), &err),
                &err);
}

/* ---- the decision's session ---- */

static void commits_wait_for(const char *standby)
{
    if (standby)
        support_sql(m.source, "ALTER SYSTEM SET synchronous_standby_names = '%s'", standby);
    else
        support_sql(m.source, "ALTER SYSTEM RESET synchronous_standby_names");
    support_sql(m.source, "SELECT pg_reload_conf()");
    support_wait_until(m.source, "SELECT current_setting('synchronous_standby_names') = '%s'",
                       standby ? standby : "");
}

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
    struct pgx_conn *decider = support_connect(m.ends.source_store.conninfo);
    struct pgx_conn *writer = support_connect(m.ends.source_store.conninfo);
    struct tmv_error err;

    (void)state;
    support_sql(m.source, "UPDATE tenantmv.fence SET wait_ms = 30 WHERE tenant_id = '%s'", m.ends.tenant);
    support_sql(decider, "BEGIN; SELECT pg_advisory_xact_lock(%lld); SELECT pg_current_xact_id()",
                (long long)m.source_guard.lock_key);
    support_sql(decider, "CREATE TABLE public.decided ()");
    commits_wait_for("nobody");
    assert_done(pgx_send(decider, "COMMIT", PGX_NONE, &err), &err);
    support_wait_until(m.source, "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = %d",
                       pgx_backend_pid(decider));
    send_insert(writer);
    await_waits_in_vain(writer, 3);
    commits_wait_for(NULL);
    assert_done(pgx_receive(decider, SUPPORT_TIMEOUT_US, NULL, &err), &err);
    assert_done(pgx_receive(writer, SUPPORT_TIMEOUT_US, NULL, &err), &err);
    pgx_close(decider);
    pgx_close(writer);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, guarded, release)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(writers_do_not_end_a_decision_that_waits_for_its_standby),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
