/* The control database on a real server: installation, starting, ownership, commands, the ledger, and what
 * plain SQL of other programs does underneath. The audit and the snapshot have a file of their own. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "control_fixture.h"

static void installs_twice_and_changes_nothing_the_second_time(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("source", NULL), conninfo);
    assert_done(tmv_control_init(conninfo, &err), &err);
    AUTO_CONN struct pgx_conn *conn = support_connect(conninfo);
    int64_t before = support_int(conn, "SELECT sum(xmin::text::bigint) FROM pg_catalog.pg_class");
    int64_t functions = support_int(conn, "SELECT sum(xmin::text::bigint) FROM pg_catalog.pg_proc");
    assert_done(tmv_control_init(conninfo, &err), &err);
    assert_int_equal(support_int(conn, "SELECT sum(xmin::text::bigint) FROM pg_catalog.pg_class"), before);
    assert_int_equal(support_int(conn, "SELECT sum(xmin::text::bigint) FROM pg_catalog.pg_proc"), functions);
}

/* As the engine's session of the control database: one that stood still within a transaction would keep the
 * lease's row from a successor. */
static void goes_no_further_in_a_transaction_that_was_left_open(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    AUTO_CONN struct pgx_conn *conn = NULL;
    const struct pgx_options options = {.conninfo = conninfo, .part = "control", .autocommit_only = true};
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("source", NULL), conninfo);
    assert_done(pgx_connect(&options, &conn, &err), &err);
    assert_done(pgx_script(conn, SUPPORT_TIMEOUT_US, "BEGIN; SELECT 1; COMMIT", 0, NULL, &err), &err);
    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, "SELECT 1", PGX_NONE, NULL, &err), &err);
    assert_done(pgx_begin(conn, SUPPORT_TIMEOUT_US, &err), &err);
    assert_fails(pgx_query(conn, SUPPORT_TIMEOUT_US, "SELECT 1", PGX_NONE, NULL, &err), &err,
                 TMV_ERR_INTERNAL);
    assert_fails(pgx_script(conn, SUPPORT_TIMEOUT_US, "SELECT 1", 0, NULL, &err), &err, TMV_ERR_INTERNAL);
}

static void installs_beside_a_stores_schema_in_the_same_database(void **state)
{
    struct tmv_store_info store;
    struct tmv_error err = {0};

    (void)state;
    support_store(support_cluster("source", NULL), "shared", false, &store);
    AUTO_CONN struct pgx_conn *conn = support_connect(store.conninfo);
    support_sql(conn, "%s", sql_store_schema);
    assert_done(tmv_control_init(store.conninfo, &err), &err);
    support_sql(conn, "%s", sql_store_schema);
}

static void keeps_tables_that_eventsource_py_made(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("source", NULL), conninfo);
    assert_done(tmv_control_init(conninfo, &err), &err);
    AUTO_CONN struct pgx_conn *conn = support_connect(conninfo);
    support_sql(
        conn, "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES (gen_random_uuid(), 'theirs');"
              "DROP SCHEMA tenantmv CASCADE");
    assert_done(tmv_control_init(conninfo, &err), &err);
    assert_int_equal(
        support_int(conn, "SELECT count(*) FROM public.tenant_routing WHERE store_id = 'theirs'"), 1);
}

static void refuses_a_missing_or_newer_schema(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_control *control = NULL;
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("source", NULL), conninfo);
    assert_fails(tmv_control_open(conninfo, &control, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.hint, "tenantmv init"));
    assert_done(tmv_control_init(conninfo, &err), &err);
    AUTO_CONN struct pgx_conn *conn = support_connect(conninfo);
    support_sql(conn, "UPDATE tenantmv.control_version SET version = 999");
    assert_fails(tmv_control_open(conninfo, &control, &err), &err, TMV_ERR_REFUSED);
    assert_fails(tmv_control_init(conninfo, &err), &err, TMV_ERR_REFUSED);
    assert_int_equal(support_int(conn, "SELECT version FROM tenantmv.control_version"), 999);
}

static void upgrades_the_schema_of_an_older_program(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_control *control = NULL;
    struct tmv_error err = {0};

    (void)state;
    support_database(support_cluster("source", NULL), conninfo);
    assert_done(tmv_control_init(conninfo, &err), &err);
    AUTO_CONN struct pgx_conn *conn = support_connect(conninfo);
    /* as version 1 made it */
    support_sql(
        conn, "DROP TABLE tenantmv.proof, tenantmv.dialog; ALTER TABLE tenantmv.command DROP COLUMN repair;"
              " ALTER TABLE tenantmv.migration_state DROP COLUMN unsettled, DROP COLUMN retired;"
              " DROP TABLE tenantmv.registry_audit; ALTER TABLE tenantmv.store DROP COLUMN system_identifier,"
              " DROP COLUMN database_oid, DROP COLUMN events_oid;"
              " UPDATE tenantmv.control_version SET version = 1");
    assert_fails(tmv_control_open(conninfo, &control, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.hint, "tenantmv init"));
    assert_done(tmv_control_init(conninfo, &err), &err);
    assert_done(tmv_control_open(conninfo, &control, &err), &err);
    tmv_control_close(control);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM tenantmv.proof"), 0);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM tenantmv.dialog"), 0);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM tenantmv.registry_audit"), 0);
    assert_int_equal(support_int(conn, "SELECT count(system_identifier) FROM tenantmv.store"), 0);
    assert_int_equal(support_int(conn, "SELECT count(repair) FROM tenantmv.command"), 0);
    assert_int_equal(support_int(conn, "SELECT count(retired) FROM tenantmv.migration_state"), 0);
    assert_int_equal(support_int(conn, "SELECT count(unsettled) FROM tenantmv.migration_state"), 0);
}

static void says_which_grant_is_missing(void **state)
{
    struct control_fixture f;
    struct tmv_control *control = NULL;
    struct tmv_error err = {0};
    char empty[CLUSTER_CONNINFO_MAX];
    char conninfo[CLUSTER_CONNINFO_MAX + 40];

    (void)state;
    control_fixture_open(&f);
    support_sql(
        f.conn,
        "DO $$ BEGIN CREATE ROLE control_nobody LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    snprintf(conninfo, sizeof conninfo, "%s user=control_nobody", f.conninfo);
    assert_fails(tmv_control_open(conninfo, &control, &err), &err, TMV_ERR_SQL);
    assert_non_null(strstr(err.hint, "GRANT USAGE ON SCHEMA tenantmv TO \"control_nobody\""));
    assert_int_equal(tmv_error_exit_code(&err), 3);
    assert_fails(tmv_control_init(conninfo, &err), &err, TMV_ERR_SQL);
    assert_non_null(strstr(err.hint, "GRANT"));
    control_fixture_close(&f);
    /* Where nothing stands yet, the first statement that creates something is refused. */
    support_database(support_cluster("source", NULL), empty);
    snprintf(conninfo, sizeof conninfo, "%s user=control_nobody", empty);
    assert_fails(tmv_control_init(conninfo, &err), &err, TMV_ERR_SQL);
    assert_non_null(strstr(err.hint, "GRANT CREATE ON DATABASE"));
}

static void refuses_a_second_start_with_the_id_of_the_first(void **state)
{
    struct control_fixture f;
    struct tmv_start_options options;
    struct tmv_uuid second;
    struct tmv_error err = {0};
    char first[TMV_UUID_TEXT];

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    control_fixture_options(&f, &options);
    assert_fails(tmv_start(f.control, &options, &f.actor, &second, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, tmv_uuid_format(&f.migration, first)));
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM public.tenant_migrations"), 1);
    control_fixture_close(&f);
}

static void refuses_starts_that_cannot_be_right(void **state)
{
    struct control_fixture f;
    struct tmv_start_options options;
    struct tmv_uuid id;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_options(&f, &options);
    options.target = "shared";
    assert_fails(tmv_start(f.control, &options, &f.actor, &id, &err), &err,
                 TMV_ERR_REFUSED); /* the same store */
    options.target = "nowhere";
    assert_fails(tmv_start(f.control, &options, &f.actor, &id, &err), &err, TMV_ERR_NOT_FOUND);
    options.target = "shared";
    options.source = "dedicated"; /* lives elsewhere */
    assert_fails(tmv_start(f.control, &options, &f.actor, &id, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "shared"));
    control_fixture_options(&f, &options);
    options.tenant = tmv_uuid_random(); /* no routing row */
    assert_fails(tmv_start(f.control, &options, &f.actor, &id, &err), &err, TMV_ERR_REFUSED);
    control_fixture_options(&f, &options);
    options.settings.copy_workers = 0;
    assert_fails(tmv_start(f.control, &options, &f.actor, &id, &err), &err, TMV_ERR_USAGE);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM public.tenant_migrations"), 0);
    control_fixture_close(&f);
}

static void records_who_started_and_from_where(void **state)
{
    struct control_fixture f;
    struct migration_row row;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    assert_done(control_migration_get(f.conn, &f.migration, &row, &err), &err);
    assert_int_equal(row.phase, TMV_PHASE_PENDING);
    assert_string_equal(row.created_by, "amy");
    assert_string_equal(row.source, "shared");
    assert_int_equal(row.settings.cutover_timeout_ms, 500);
    assert_int_equal(support_int(f.conn,
                                 "SELECT count(*) FROM tenantmv.command WHERE operation = 'start' AND "
                                 "state = 'done' AND requested_from = 'bastion2 pid 4711'"),
                     1);
    control_fixture_close(&f);
}

static void loses_the_race_for_a_phase_that_changed_underneath(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    control_fixture_to(&f, TMV_PHASE_PENDING, TMV_PHASE_BULK_COPY);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'aborted'"); /* as eventsource-py does */
    const struct phase_change change = {.move = MOVE_BEGIN_DUAL_WRITE, .from = TMV_PHASE_BULK_COPY};
    assert_fails(control_phase_change(f.conn, &f.owner, &change, &err), &err, TMV_ERR_CONFLICT);
    AUTO_FREE char *routing = support_text(
        f.conn, "SELECT migration_state || ' ' || (active_migration_id IS NULL) FROM public.tenant_routing");
    assert_string_equal(routing, "normal true");
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.migration_audit_log WHERE new_phase = 'dual_write'"),
        0);
    control_fixture_close(&f);
}

static void refuses_an_illegal_change_of_phase(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};
    const struct phase_change change = {.move = MOVE_BEGIN_DUAL_WRITE, .from = TMV_PHASE_PENDING};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    assert_fails(control_phase_change(f.conn, &f.owner, &change, &err), &err, TMV_ERR_REFUSED);
    control_fixture_close(&f);
}

static void completes_store_and_state_in_one_update(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    support_sql(
        f.conn,
        "CREATE TABLE public.seen (at text, store_id text, migration_state text);"
        "CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen "
        "(store_id, migration_state) VALUES (NEW.store_id, NEW.migration_state); RETURN NULL; END $$;"
        "CREATE TRIGGER see AFTER UPDATE ON public.tenant_routing FOR EACH ROW EXECUTE FUNCTION "
        "public.see()");
    assert_done(control_complete_cutover(f.conn, &f.owner, "dedicated", "{\"pause_us\":4600}", "amy", &err),
                &err);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM public.seen"), 1);
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.tenant_routing WHERE store_id = 'dedicated' AND "
                            "migration_state = 'migrated' AND active_migration_id IS NULL"),
        1);
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'completed' AND "
                            "completed_at IS NOT NULL AND cutover_started_at IS NOT NULL"),
        1);
    /* exactly one audit row per transition */
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.migration_audit_log WHERE new_phase IS NOT NULL"),
        5);
    assert_int_equal(support_int(f.conn, "SELECT count(DISTINCT new_phase) FROM public.migration_audit_log"),
                     5);
    assert_fails(control_complete_cutover(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err,
                 TMV_ERR_CONFLICT);
    assert_done(control_follow_decision(f.conn, &f.owner, "dedicated", NULL, NULL, &err),
                &err); /* idempotent */
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.migration_audit_log WHERE new_phase = 'completed'"),
        1);
    control_fixture_close(&f);
}

static void decides_nothing_when_paused_or_rerouted_underneath(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET is_paused = true");
    assert_fails(control_complete_cutover(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err,
                 TMV_ERR_CONFLICT);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET is_paused = false;"
                        "UPDATE public.tenant_routing SET store_id = 'third'");
    assert_fails(control_complete_cutover(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err,
                 TMV_ERR_CONFLICT);
    support_sql(f.conn, "UPDATE public.tenant_routing SET store_id = 'shared'");
    assert_done(control_complete_cutover(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err);
    control_fixture_close(&f);
}

static void refuses_cutover_while_paused_by_plain_sql(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};
    const struct phase_change change = {.move = MOVE_BEGIN_CUTOVER, .from = TMV_PHASE_DUAL_WRITE};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET is_paused = true");
    assert_fails(control_phase_change(f.conn, &f.owner, &change, &err), &err, TMV_ERR_CONFLICT);
    control_fixture_close(&f);
}

static void records_a_decision_even_if_another_program_aborted(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'aborted'");
    assert_done(control_follow_decision(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err);
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.tenant_routing WHERE store_id = 'dedicated' AND "
                            "migration_state = 'migrated'"),
        1);
    control_fixture_close(&f);
}

static void rolls_back_to_dual_write_without_touching_routing(void **state)
{
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    int64_t before = support_int(f.conn, "SELECT xmin::text::bigint FROM public.tenant_routing");
    AUTO_FREE char *state_then = support_text(f.conn, "SELECT migration_state FROM public.tenant_routing");
    assert_string_equal(state_then, "dual_write"); /* never cutover_paused */
    control_fixture_to(&f, TMV_PHASE_CUTOVER, TMV_PHASE_DUAL_WRITE);
    assert_int_equal(support_int(f.conn, "SELECT xmin::text::bigint FROM public.tenant_routing"), before);
    control_fixture_close(&f);
}

/* The functions of the control schema and the table of moves are two places for one thing. */
static void writes_what_the_table_of_moves_says(void **state)
{
    static const enum move_id way[] = {MOVE_BEGIN_COPY, MOVE_BEGIN_DUAL_WRITE, MOVE_BEGIN_CUTOVER,
                                       MOVE_ROLL_BACK, MOVE_ABORT};
    enum tmv_phase phase = TMV_PHASE_PENDING;
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    for (size_t i = 0; i < ARRAY_LEN(way); i++) {
        const struct phase_change change = {.move = way[i], .from = phase};

        assert_done(control_phase_change(f.conn, &f.owner, &change, &err), &err);
        AUTO_FREE char *routing = support_text(f.conn, "SELECT migration_state FROM public.tenant_routing");
        AUTO_FREE char *audit = support_text(
            f.conn, "SELECT event_type || ' ' || old_phase || ' ' || new_phase FROM "
                    "public.migration_audit_log WHERE new_phase IS NOT NULL ORDER BY id DESC LIMIT 1");
        char expected[200];

        snprintf(expected, sizeof expected, "%s %s %s", audit_event_name(move_row(way[i])->audit),
                 tmv_phase_name(phase), tmv_phase_name(move_leads_to(way[i], phase)));
        assert_string_equal(audit, expected);
        assert_string_equal(routing, tmv_routing_state_name(move_row(way[i])->routing));
        phase = move_leads_to(way[i], phase);
        if (phase == TMV_PHASE_DUAL_WRITE)
            control_fixture_look(&f);
    }
    control_fixture_close(&f);
}

static void announces_what_others_change(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};
    char channel[64], payload[256], tenant[TMV_UUID_TEXT];

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    assert_done(pgx_script(f.conn, CONTROL_TIMEOUT_US, sql_control_listen, 0, NULL, &err), &err);
    int64_t generation = support_int(f.conn, "SELECT generation FROM tenantmv.migration_state");
    AUTO_CONN struct pgx_conn *python = support_connect(f.conninfo);
    support_sql(python, "UPDATE public.tenant_routing SET store_id = store_id");
    assert_done(pgx_wait_readable(f.conn, SUPPORT_TIMEOUT_US, &err), &err);
    assert_true(pgx_next_notification(f.conn, channel, payload));
    assert_string_equal(channel, "tenantmv_routing");
    assert_string_equal(payload, tmv_uuid_format(&f.tenant, tenant));
    support_sql(python, "UPDATE public.tenant_migrations SET is_paused = true, pause_reason = 'deploy'");
    assert_done(pgx_wait_readable(f.conn, SUPPORT_TIMEOUT_US, &err), &err);
    assert_true(pgx_next_notification(f.conn, channel, payload));
    assert_string_equal(channel, "tenantmv");
    assert_int_equal(support_int(f.conn, "SELECT generation FROM tenantmv.migration_state"), generation + 1);
    control_fixture_close(&f);
}

/* Beyond the time that a test may take: a wait that misses its change fails there. */
#define LONG_WAIT_US (3600 * 1000 * 1000LL)

static void waits_for_a_change_and_no_longer(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    assert_done(tmv_control_wait_change(f.control, LONG_WAIT_US, &err), &err); /* begins to listen */
    support_sql(f.conn, "UPDATE public.tenant_migrations SET is_paused = true");
    assert_done(tmv_control_wait_change(f.control, LONG_WAIT_US, &err), &err);
    assert_done(tmv_control_wait_change(f.control, 1000, &err), &err); /* nothing happens */
    control_fixture_close(&f);
}

static size_t dialogs_seen(struct tmv_control *control, struct tmv_dialog *ret_first)
{
    struct tmv_snapshot *snapshot;
    struct tmv_error err;

    assert_done(tmv_snapshot_read(control, NULL, 10, &snapshot, &err), &err);
    size_t count = snapshot->dialog_count;
    if (count > 0)
        *ret_first = snapshot->dialogs[0];
    tmv_snapshot_free(snapshot);
    return count;
}

static void shows_dialogs_until_they_are_closed_or_fall_silent(void **state)
{
    struct control_fixture f;
    struct tmv_control *watcher = NULL;
    struct tmv_uuid mine = tmv_uuid_random(), lost = tmv_uuid_random();
    struct tmv_dialog seen;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    assert_done(tmv_control_open_read_only(f.conninfo, &watcher, &err), &err);
    assert_done(tmv_control_wait_change(watcher, 1000, &err), &err); /* begins to listen */
    assert_done(tmv_dialog_show(f.control, &mine, &f.migration, TMV_OP_CUTOVER, &f.actor, &err), &err);
    assert_done(tmv_control_wait_change(watcher, LONG_WAIT_US, &err), &err);
    assert_int_equal(dialogs_seen(watcher, &seen), 1);
    assert_memory_equal(&seen.id, &mine, sizeof mine);
    assert_memory_equal(&seen.migration, &f.migration, sizeof mine);
    assert_int_equal(seen.operation, TMV_OP_CUTOVER);
    assert_string_equal(seen.operator_name, f.actor.name);
    assert_string_equal(seen.came_from, f.actor.from);
    /* one that nobody said again for a while is not shown; later it goes */
    assert_done(tmv_dialog_show(f.control, &lost, &f.migration, TMV_OP_ABORT, &f.actor, &err), &err);
    assert_int_equal(dialogs_seen(watcher, &seen), 2);
    support_sql(f.conn,
                "UPDATE tenantmv.dialog SET seen_at = seen_at - interval '11 s' WHERE operation = 'abort'");
    assert_int_equal(dialogs_seen(watcher, &seen), 1);
    assert_done(tmv_dialog_show(f.control, &lost, &f.migration, TMV_OP_ABORT, &f.actor, &err), &err);
    assert_int_equal(dialogs_seen(watcher, &seen), 2);
    support_sql(f.conn,
                "UPDATE tenantmv.dialog SET seen_at = seen_at - interval '61 s' WHERE operation = 'abort'");
    assert_done(tmv_dialog_show(f.control, &mine, &f.migration, TMV_OP_CUTOVER, &f.actor, &err), &err);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.dialog"), 1);
    /* it is told when one is closed; one for an unknown operation is left out */
    assert_done(tmv_control_wait_change(watcher, 1000, &err), &err); /* of `lost` */
    assert_done(tmv_dialog_close(f.control, &mine, &err), &err);
    assert_done(tmv_control_wait_change(watcher, LONG_WAIT_US, &err), &err);
    assert_int_equal(dialogs_seen(watcher, &seen), 0);
    assert_done(tmv_dialog_close(f.control, &mine, &err), &err);
    support_sql(
        f.conn,
        "INSERT INTO tenantmv.dialog VALUES (gen_random_uuid(), gen_random_uuid(), 'teleport', 'x', 'y')");
    assert_int_equal(dialogs_seen(watcher, &seen), 0);
    assert_fails(tmv_dialog_show(watcher, &mine, &f.migration, TMV_OP_CUTOVER, &f.actor, &err), &err,
                 TMV_ERR_REFUSED);
    tmv_control_close(watcher);
    control_fixture_close(&f);
}

/* An engine holds the migration's row through a decision: saying that a dialog is open does not wait for it.
 */
static void a_dialog_waits_for_nobody(void **state)
{
    struct control_fixture f;
    struct tmv_uuid mine = tmv_uuid_random();
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    support_sql(f.conn, "BEGIN; SELECT FROM public.tenant_migrations FOR UPDATE");
    assert_done(tmv_dialog_show(f.control, &mine, &f.migration, TMV_OP_CUTOVER, &f.actor, &err), &err);
    assert_done(tmv_dialog_close(f.control, &mine, &err), &err);
    support_sql(f.conn, "COMMIT");
    control_fixture_close(&f);
}

static void keeps_the_registry_of_stores(void **state)
{
    struct control_fixture f;
    struct tmv_store_info store = {.id = "third", .conninfo = "service=third"};
    struct tmv_store_info *stores = NULL;
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_done(tmv_store_add(f.control, &store, &err), &err);
    text_copy(store.conninfo, sizeof store.conninfo, "service=moved");
    assert_done(tmv_store_replace(f.control, &store, false, &err), &err);
    assert_done(tmv_store_list(f.control, &stores, &count, &err), &err);
    assert_int_equal(count, 3);
    assert_string_equal(stores[2].conninfo, "service=moved");
    assert_string_equal(stores[2].events_table, "events");
    free(stores);
    assert_done(tmv_store_remove(f.control, "third", &err), &err);
    assert_fails(tmv_store_remove(f.control, "third", &err), &err, TMV_ERR_NOT_FOUND);
    assert_fails(tmv_store_get(f.control, "third", &store, &err), &err, TMV_ERR_NOT_FOUND);
    assert_fails(tmv_store_remove(f.control, "shared", &err), &err,
                 TMV_ERR_REFUSED); /* a tenant lives there */
    control_fixture_start(&f);
    assert_fails(tmv_store_remove(f.control, "dedicated", &err), &err,
                 TMV_ERR_REFUSED); /* a migration's target */
    control_fixture_close(&f);
}

static void never_stores_a_password_or_an_odd_name(void **state)
{
    static const struct tmv_store_info bad[] = {
        {.id = "s", .conninfo = "host=h password=secret"},
        {.id = "s", .conninfo = "postgresql://u:secret@h/d"},
        {.id = "s", .conninfo = "not a conninfo"},
        {.id = "s", .conninfo = ""},
        {.id = "", .conninfo = "host=h"},
        {.id = "a b", .conninfo = "host=h"},
        {.id = "a\033[31m", .conninfo = "host=h"},
    };
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_fails(tmv_store_add(f.control, &bad[i], &err), &err, TMV_ERR_USAGE);
        assert_null(strstr(err.message, "secret"));
    }
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.store"), 2);
    control_fixture_close(&f);
}

static void registers_a_tenant_once(void **state)
{
    struct control_fixture f;
    struct tmv_route_info *routes = NULL;
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_done(tmv_routing_register(f.control, &f.tenant, "shared", &err), &err);
    assert_fails(tmv_routing_register(f.control, &f.tenant, "dedicated", &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "on store shared already"));
    assert_non_null(strstr(err.hint, "tenantmv start"));
    assert_done(tmv_routing_list(f.control, &f.tenant, &routes, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_string_equal(routes[0].store_id, "shared"); /* as it was */
    assert_int_equal(routes[0].state, TMV_ROUTING_NORMAL);
    free(routes);
    assert_fails(tmv_routing_register(f.control, &f.tenant, "nowhere", &err), &err, TMV_ERR_NOT_FOUND);
    control_fixture_close(&f);
}

static void changes_nothing_through_a_read_only_handle(void **state)
{
    struct control_fixture f;
    struct tmv_control *watcher = NULL;
    struct tmv_start_options options;
    struct tmv_uuid id;
    struct tmv_error err = {0};
    const struct tmv_store_info store = {.id = "x", .conninfo = "host=h"};

    (void)state;
    control_fixture_open(&f);
    control_fixture_options(&f, &options);
    assert_done(tmv_control_open_read_only(f.conninfo, &watcher, &err), &err);
    assert_fails(tmv_start(watcher, &options, &f.actor, &id, &err), &err, TMV_ERR_REFUSED);
    assert_fails(tmv_store_add(watcher, &store, &err), &err, TMV_ERR_REFUSED);
    watcher->read_only = false; /* the database refuses too */
    assert_fails(tmv_store_add(watcher, &store, &err), &err, TMV_ERR_SQL);
    assert_string_equal(err.sqlstate, "25006");
    tmv_control_close(watcher);
    control_fixture_close(&f);
}

static void who_comes_late_learns_who_changed_it_and_how(void **state)
{
    struct control_fixture f;
    struct tmv_request pause = {.operation = TMV_OP_PAUSE}, resume = {.operation = TMV_OP_RESUME};
    struct tmv_uuid command;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    pause.migration = resume.migration = f.migration;
    pause.generation = support_int(f.conn, "SELECT generation FROM tenantmv.migration_state") + 7;
    resume.id = tmv_uuid_random();
    support_sql(
        f.conn,
        "INSERT INTO tenantmv.command (id, migration_id, operation, state, requested_by, requested_from) "
        "SELECT gen_random_uuid(), id, 'verify', 'done', 'bob', 'elsewhere' "
        "FROM public.tenant_migrations");
    assert_false(tmv_request(f.control, &pause, &f.actor, &command, &err));
    assert_int_equal(err.code, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "bob asked for verify"));
    assert_non_null(strstr(err.message, "has changed since you looked"));
    assert_false(tmv_request(f.control, &resume, &f.actor, &command, &err));
    assert_non_null(strstr(err.message, "bob asked for verify"));
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.command WHERE requested_by = 'amy' "
                                         "AND operation IN ('pause', 'resume')"),
                     0);
    support_sql(f.conn, "UPDATE tenantmv.command SET requested_at = requested_at - interval '1 hour'");
    assert_false(tmv_request(f.control, &resume, &f.actor, &command, &err));
    assert_null(strstr(err.message, "bob"));
    control_fixture_close(&f);
}

static void a_command_carries_the_id_that_the_asker_gave(void **state)
{
    struct control_fixture f;
    struct tmv_request pause = {.operation = TMV_OP_PAUSE, .id = tmv_uuid_random()};
    struct tmv_command_info info;
    struct tmv_uuid command;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    pause.migration = f.migration;
    assert_false(tmv_command_get(f.control, &pause.id, &info, &err));
    assert_int_equal(err.code, TMV_ERR_NOT_FOUND);
    assert_done(tmv_request(f.control, &pause, &f.actor, &command, &err), &err);
    assert_true(tmv_uuid_equal(&command, &pause.id));
    assert_done(tmv_command_get(f.control, &pause.id, &info, &err), &err);
    control_fixture_close(&f);
}

struct asker {
    struct control_fixture *f;
    bool ok;
    struct tmv_error err;
};

static void *ask_for_a_pause(void *arg)
{
    struct asker *asker = arg;
    const struct tmv_request pause = {.operation = TMV_OP_PAUSE, .migration = asker->f->migration};
    const struct tmv_actor bob = {.name = "bob", .from = "bastion3"};
    struct tmv_uuid command;

    asker->ok = tmv_request(asker->f->control, &pause, &bob, &command, &asker->err);
    return NULL;
}

/* The other's command commits while ours waits for it: our statement's snapshot does not show it yet. */
static void tells_of_a_command_of_the_same_moment_whose_it_is(void **state)
{
    struct control_fixture f;
    struct asker asker = {.f = &f};
    pthread_t thread;
    char id[TMV_UUID_TEXT];

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    support_sql(f.conn,
                "BEGIN; INSERT INTO tenantmv.command (id, migration_id, operation, requested_by, "
                "requested_from) VALUES (gen_random_uuid(), '%s', 'pause', 'amy', 'here')",
                tmv_uuid_format(&f.migration, id));
    assert_int_equal(pthread_create(&thread, NULL, ask_for_a_pause, &asker), 0);
    support_wait_until(f.conn, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = "
                               "'transactionid')");
    support_sql(f.conn, "COMMIT");
    pthread_join(thread, NULL);
    assert_fails(asker.ok, &asker.err, TMV_ERR_REFUSED);
    assert_non_null(strstr(asker.err.message, "pause is requested already, by amy"));
    control_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(installs_twice_and_changes_nothing_the_second_time),
        cmocka_unit_test(goes_no_further_in_a_transaction_that_was_left_open),
        cmocka_unit_test(installs_beside_a_stores_schema_in_the_same_database),
        cmocka_unit_test(keeps_tables_that_eventsource_py_made),
        cmocka_unit_test(refuses_a_missing_or_newer_schema),
        cmocka_unit_test(upgrades_the_schema_of_an_older_program),
        cmocka_unit_test(says_which_grant_is_missing),
        cmocka_unit_test(refuses_a_second_start_with_the_id_of_the_first),
        cmocka_unit_test(refuses_starts_that_cannot_be_right),
        cmocka_unit_test(records_who_started_and_from_where),
        cmocka_unit_test(loses_the_race_for_a_phase_that_changed_underneath),
        cmocka_unit_test(refuses_an_illegal_change_of_phase),
        cmocka_unit_test(completes_store_and_state_in_one_update),
        cmocka_unit_test(decides_nothing_when_paused_or_rerouted_underneath),
        cmocka_unit_test(refuses_cutover_while_paused_by_plain_sql),
        cmocka_unit_test(records_a_decision_even_if_another_program_aborted),
        cmocka_unit_test(rolls_back_to_dual_write_without_touching_routing),
        cmocka_unit_test(writes_what_the_table_of_moves_says),
        cmocka_unit_test(announces_what_others_change),
        cmocka_unit_test(waits_for_a_change_and_no_longer),
        cmocka_unit_test(shows_dialogs_until_they_are_closed_or_fall_silent),
        cmocka_unit_test(a_dialog_waits_for_nobody),
        cmocka_unit_test(keeps_the_registry_of_stores),
        cmocka_unit_test(never_stores_a_password_or_an_odd_name),
        cmocka_unit_test(who_comes_late_learns_who_changed_it_and_how),
        cmocka_unit_test(a_command_carries_the_id_that_the_asker_gave),
        cmocka_unit_test(tells_of_a_command_of_the_same_moment_whose_it_is),
        cmocka_unit_test(registers_a_tenant_once),
        cmocka_unit_test(changes_nothing_through_a_read_only_handle),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
