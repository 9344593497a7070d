/* A store is away, cannot be read, or was dropped; a row of the configuration cannot be read. The engine that
 * tries again keeps its migration, says why and since when, and can be spoken to: an abort frees the source,
 * whatever the target does. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/worker.h"

static void stop_target(void)
{
    struct tmv_error err;

    assert_done(cluster_stop(support_cluster("target", NULL), CLUSTER_IMMEDIATE, &err), &err);
}

static void resume_target(void)
{
    struct tmv_error err;

    assert_done(cluster_resume(support_cluster("target", NULL), &err), &err);
    pgx_close(TAKE(l.on_target));
    l.on_target = support_connect(l.target.conninfo);
}

static struct tmv_migration look(void)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_migration found;
    struct tmv_error err;

    assert_done(tmv_snapshot_read(l.handle, &l.tenant, 10, &snapshot, &err), &err);
    found = snapshot->migrations[0];
    tmv_snapshot_free(snapshot);
    return found;
}

static void an_engine_that_tries_again_keeps_its_migration_and_says_why(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    stop_target();
    life_wait_for("s.waiting_since IS NOT NULL AND s.next_try_at IS NOT NULL");
    int64_t since = 0, lag = -1;
    for (int i = 0; i < 20; i++) {
        struct tmv_migration m = look();

        if (m.show != TMV_SHOW_WAITING)
            fail_msg("%s: %s", tmv_display_state_name(m.show), m.note);
        assert_string_equal(m.owner, "test");
        assert_non_null(strstr(m.note, "target"));
        assert_true(m.next_try_at_us > 0);
        assert_true(since == 0 || m.waiting_since_us == since);
        since = m.waiting_since_us;
        assert_true(m.lag_us > lag); /* nothing is applied: it grows */
        lag = m.lag_us;
        stop_sleep(NULL, 100 * US_PER_MS);
    }
    resume_target();
    life_wait_for("s.ready AND s.waiting_since IS NULL");
}

static void what_needs_the_stores_is_refused_with_the_cause(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    stop_target();
    life_wait_for("s.waiting_since IS NOT NULL");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "the engine is trying again: ");
    life_expect(life_ask(TMV_OP_PAUSE, "r"), TMV_COMMAND_DONE, "paused");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "resumed");
    resume_target();
    life_wait_for("s.ready");
}

static void assert_source_is_free(void)
{
    struct tmv_error err;

    assert_int_equal(support_int(l.on_source,
                                 "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' AND "
                                 "tgname <> '~tenantmv_truncate'"),
                     0);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence"), 0);
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM tenantmv.ledger WHERE done_at IS NULL AND store = "
                                 "'source'"),
                     0);
    assert_int_equal(
        support_int(l.on_control,
                    "SELECT count(*) FROM public.tenant_routing WHERE migration_state = 'normal' AND "
                    "active_migration_id IS NULL"),
        1);
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
}

/* The audit says so, and why. */
static void assert_target_was_left(void)
{
    assert_int_equal(support_int(l.on_control,
                                 "SELECT count(*) FROM public.migration_audit_log WHERE event_type = "
                                 "'migration_aborted' AND details ? 'target_left_because'"),
                     1);
}

static void an_abort_frees_the_source_while_the_target_is_away(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    stop_target();
    life_wait_for("s.waiting_since IS NOT NULL");
    life_expect(life_ask(TMV_OP_ABORT, "gone"), TMV_COMMAND_DONE, "aborted");
    assert_target_was_left();
    assert_source_is_free();
    assert_true(
        support_int(l.on_control,
                    "SELECT count(*) FROM tenantmv.ledger WHERE done_at IS NULL AND store = 'target'") > 0);
    resume_target();
    support_wait_until(l.on_control, "SELECT NOT EXISTS (SELECT FROM tenantmv.ledger WHERE done_at IS NULL)");
    assert_int_equal(life_count(l.on_target), 0);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence"), 0);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.applied"), 0);
    life_assert_source_as_it_was();
    life_assert_one_audit_row("migration_aborted");
}

#ifdef TMV_FAULT_POINTS
/* An engine takes the lease and cannot take the target over, at `point`, once for itself and once for the
 * abort that it hears then; after that the target is back. Nothing may stay there. */
static void abort_with_a_target_that_comes_back(const char *point)
{
    struct tmv_request request = {.operation = TMV_OP_ABORT, .reason = "back again"};
    char fault[160];
    struct tmv_uuid id;
    struct tmv_error err;

    life_begin_and_wait_until_ready();
    assert_true(life_count(l.on_target) > 0);
    life_stop_engine();
    snprintf(fault, sizeof fault, "lease.taken=stop,%s=error,%s=error", point, point);
    pid_t pid = worker_start("second", fault);
    worker_wait_until_stopped(pid);
    request.migration = l.migration;
    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    worker_continue(pid);
    life_wait_for("m.phase = 'aborted'");
    support_wait_until(l.on_control, "SELECT NOT EXISTS (SELECT FROM tenantmv.ledger WHERE done_at IS NULL)");
    assert_int_equal(life_count(l.on_target), 0);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.applied"), 0);
    assert_source_is_free();
    life_assert_one_audit_row("migration_aborted");
    worker_end(pid);
}

static void an_abort_cleans_a_target_that_comes_back_before_it_was_read(void **state)
{
    (void)state;
    abort_with_a_target_that_comes_back("takeover.target_sessions_ended");
}

static void an_abort_cleans_a_target_that_comes_back_before_its_rows_were_counted(void **state)
{
    (void)state;
    abort_with_a_target_that_comes_back("takeover.target_raised");
}
#endif

static void an_abort_frees_the_source_when_the_targets_table_was_dropped(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_target, "DROP TABLE public.events CASCADE");
    life_wait_for("m.is_paused OR s.waiting_since IS NOT NULL");
    life_expect(life_ask(TMV_OP_ABORT, "dropped"), TMV_COMMAND_DONE, "aborted");
    assert_target_was_left();
    assert_source_is_free();
}

/* The source is what an abort frees: it cannot do without. */
static void an_abort_says_that_it_needs_the_source(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    assert_done(cluster_stop(support_cluster("source", NULL), CLUSTER_IMMEDIATE, &err), &err);
    life_wait_for("s.waiting_since IS NOT NULL");
    life_expect(life_ask(TMV_OP_ABORT, "r"), TMV_COMMAND_FAILED, "not aborted: ");
    assert_done(cluster_resume(support_cluster("source", NULL), &err), &err);
    pgx_close(TAKE(l.on_source));
    l.on_source = support_connect(l.source.conninfo);
    life_wait_for("s.ready");
    assert_true(life_count(l.on_target) > 0);
}

static void an_unreadable_configuration_pauses_one_migration_and_can_be_aborted(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(l.on_control, "UPDATE public.tenant_migrations SET config = '{\"batch_size\": \"many\"}'");
    life_wait_for("m.is_paused AND m.pause_reason LIKE '%%batch_size%%'");
    life_expect(life_ask(TMV_OP_ABORT, "r"), TMV_COMMAND_DONE, "aborted");
    support_wait_until(l.on_control, "SELECT NOT EXISTS (SELECT FROM tenantmv.ledger WHERE done_at IS NULL)");
    life_assert_source_as_it_was();
    assert_int_equal(life_count(l.on_target), 0);
}

/* ---- pending ---- */

static void a_target_that_is_away_while_pending_does_not_end_the_migration(void **state)
{
    struct tmv_error err;

    (void)state;
    stop_target();
    assert_done(life_begin(&err), &err);
    life_start_engine();
    life_wait_for("m.phase = 'pending' AND s.waiting_since IS NOT NULL");
    resume_target();
    life_wait_for("m.phase = 'dual_write' AND s.ready");
}

#define QUEUED 6 /* starts at once beside the first, of which LIMIT may move at a time */
#define LIMIT 2

/* How many move at a time, at every moment at which one begins or ends; and which ones were READY. */
static void watch_the_limit(int limit)
{
    support_sql(
        l.on_control,
        "CREATE TABLE public.seen (moving bigint);"
        "CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen "
        "SELECT count(*) FROM public.tenant_migrations WHERE phase IN ('bulk_copy', 'dual_write', "
        "'cutover'); "
        "RETURN NULL; END $$;"
        "CREATE TRIGGER see AFTER UPDATE ON public.tenant_migrations FOR EACH ROW WHEN (OLD.phase <> "
        "NEW.phase) "
        "EXECUTE FUNCTION public.see()");
    support_sql(l.on_control,
                "CREATE TABLE public.ready (id uuid PRIMARY KEY);"
                "CREATE FUNCTION public.see_ready() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO "
                "public.ready VALUES (NEW.migration_id) ON CONFLICT DO NOTHING; RETURN NULL; END $$;"
                "CREATE TRIGGER see AFTER UPDATE ON tenantmv.migration_state FOR EACH ROW WHEN (NEW.ready) "
                "EXECUTE FUNCTION public.see_ready()");
    support_sql(l.on_control, "UPDATE tenantmv.store SET moving_limit = %d WHERE id = 'shared'", limit);
}

static void start_one(int number)
{
    struct tmv_start_options options = {.settings = l.settings};
    struct tmv_store_info target;
    struct tmv_uuid id;
    char name[40];
    struct tmv_error err;

    snprintf(name, sizeof name, "dedicated%d", number);
    support_store(support_cluster("target", NULL), name, false, &target);
    assert_done(tmv_store_add(l.handle, &target, &err), &err);
    options.tenant = tmv_uuid_random();
    options.target = name;
    options.settings.auto_cutover = true; /* it leaves as soon as every gate is green */
    assert_done(tmv_routing_register(l.handle, &options.tenant, l.source.id, &err), &err);
    support_fill(l.on_source, &options.tenant, 2, 3);
    assert_done(tmv_start(l.handle, &options, &amy, &id, &err), &err);
}

static void assert_queue_is_shown(void)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_error err;
    int queued = 0;

    support_wait_until(l.on_control,
                       "SELECT count(*) FILTER (WHERE step LIKE 'queued, place %%') >= %d FROM "
                       "tenantmv.migration_state",
                       QUEUED - LIMIT);
    assert_done(tmv_snapshot_read(l.handle, NULL, 100, &snapshot, &err), &err);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];

        assert_int_not_equal(m->show, TMV_SHOW_ORPHAN);
        queued += strstr(m->step, "queued, place ") != NULL;
    }
    assert_true(queued > 0);
    tmv_snapshot_free(snapshot);
}

static void starts_beyond_the_limit_wait_and_begin_by_themselves(void **state)
{
    (void)state;
    watch_the_limit(LIMIT);
    for (int i = 0; i < QUEUED; i++)
        start_one(i);
    /* the first two stay until all others were seen waiting */
    support_sql(l.on_control,
                "UPDATE public.tenant_migrations SET config = config || '{\"auto_cutover\": false}' WHERE id "
                "IN (SELECT id FROM public.tenant_migrations ORDER BY created_at, id LIMIT %d)",
                LIMIT);
    life_start_engine();
    assert_queue_is_shown();
    support_wait_until(l.on_control, "SELECT count(*) = %d FROM tenantmv.migration_state WHERE ready", LIMIT);
    support_sql(l.on_control,
                "UPDATE public.tenant_migrations SET config = config || '{\"auto_cutover\": true}'");
    support_wait_until(l.on_control,
                       "SELECT count(*) FILTER (WHERE phase = 'completed') = %d FROM "
                       "public.tenant_migrations",
                       QUEUED);
    assert_int_equal(support_int(l.on_control, "SELECT max(moving) FROM public.seen"), LIMIT);
    assert_int_equal(
        support_int(l.on_control,
                    "SELECT count(*) FROM public.migration_audit_log WHERE new_phase = 'aborted'"),
        0);
}

#define MANY 40
#define MANY_LIMIT 4

/* Every one has a thread of the engine, so nothing but the limit holds them back. */
static void forty_starts_at_once_are_all_ready_in_the_end(void **state)
{
    const struct tmv_engine_options options = {
        .control_conninfo = l.control, .name = "test", .max_migrations = MANY};
    struct tmv_error err;

    (void)state;
    watch_the_limit(MANY_LIMIT);
    for (int i = 0; i < MANY; i++)
        start_one(100 + i);
    assert_done(tmv_engine_start(&options, &l.engine, &err), &err);
    for (int done = 0; done < MANY;) { /* as long as one after the other ends, however slow this machine is */
        support_wait_until(l.on_control,
                           "SELECT count(*) > %d FROM public.tenant_migrations WHERE phase IN ('completed', "
                           "'aborted', 'failed')",
                           done);
        done = (int)support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase IN "
                                              "('completed', 'aborted', 'failed')");
    }
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'completed'"),
        MANY);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM public.ready"), MANY);
    assert_int_equal(support_int(l.on_control, "SELECT max(moving) FROM public.seen"), MANY_LIMIT);
}

/* Two engines count at the same moment: the one that comes second sees the first. */
static void two_that_come_at_the_same_moment_are_not_both_let_in(void **state)
{
    struct tmv_uuid ids[2];

    (void)state;
    support_sql(l.on_control, "UPDATE tenantmv.store SET moving_limit = 1 WHERE id = 'shared'");
    for (int i = 0; i < 2; i++)
        start_one(10 + i);
    for (int i = 0; i < 2; i++) {
        AUTO_FREE char *text = support_text(
            l.on_control, "SELECT id FROM public.tenant_migrations ORDER BY created_at, id LIMIT 1 OFFSET %d",
            i);
        assert_true(tmv_uuid_parse(text, &ids[i]));
    }
    support_sql(l.on_control,
                "UPDATE tenantmv.migration_state SET waiting_since = clock_timestamp()"); /* nobody's turn */
    for (int i = 0; i < 2; i++) {
        char id[TMV_UUID_TEXT];
        AUTO_FREE char *answer =
            support_text(l.on_control,
                         "WITH taken AS MATERIALIZED (SELECT t.epoch, m.id, e.engine FROM "
                         "public.tenant_migrations m, (SELECT "
                         "gen_random_uuid() AS engine OFFSET 0) e, LATERAL tenantmv.take_lease(m.tenant_id, "
                         "m.id, e.engine, 'x', "
                         "1000000) t WHERE m.id = '%s') SELECT tenantmv.change_phase(id, epoch, engine, "
                         "'pending', 'bulk_copy', "
                         "'phase_changed', NULL, NULL, NULL) FROM taken",
                         tmv_uuid_format(&ids[i], id));
        assert_string_equal(answer, i == 0 ? "ok" : "queue");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_engine_that_tries_again_keeps_its_migration_and_says_why,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(what_needs_the_stores_is_refused_with_the_cause, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(an_abort_frees_the_source_while_the_target_is_away, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(an_abort_frees_the_source_when_the_targets_table_was_dropped,
                                        life_plain, life_done),
#ifdef TMV_FAULT_POINTS
        cmocka_unit_test_setup_teardown(an_abort_cleans_a_target_that_comes_back_before_it_was_read,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(an_abort_cleans_a_target_that_comes_back_before_its_rows_were_counted,
                                        life_plain, life_done),
#endif
        cmocka_unit_test_setup_teardown(an_abort_says_that_it_needs_the_source, life_with_control_elsewhere,
                                        life_done),
        cmocka_unit_test_setup_teardown(an_unreadable_configuration_pauses_one_migration_and_can_be_aborted,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_target_that_is_away_while_pending_does_not_end_the_migration,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(starts_beyond_the_limit_wait_and_begin_by_themselves, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(forty_starts_at_once_are_all_ready_in_the_end, life_plain, life_done),
        cmocka_unit_test_setup_teardown(two_that_come_at_the_same_moment_are_not_both_let_in, life_plain,
                                        life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
