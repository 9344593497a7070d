/* Stores and a control database of the last release are taken over by this program: what that release left,
 * as pg_dump read it, is restored into private clusters (tests/integration/release). One tenant is mirrored,
 * one has moved and is judged by the shared triggers, one has moved and still has triggers of its own. */
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/life.h"

#define MIRRORED "11111111-1111-4111-8111-111111111111"
#define FOLDED "22222222-2222-4222-8222-222222222222"
#define NOT_FOLDED "33333333-3333-4333-8333-333333333333"
#define ELSEWHERE "44444444-4444-4444-8444-444444444444" /* in a second events table */
#define OLD_VERSION 3
#define TARGETS 3
#define FILE_MAX 200000
#define WRITERS 4

static struct pgx_conn *homes[TARGETS]; /* of the three tenants after their moves */

/* ---- what the last release left ---- */

static char *read_file(const char *name)
{
    char path[600], *text = calloc(1, FILE_MAX);
    FILE *file;

    assert_non_null(text);
    snprintf(path, sizeof path, "%s/release/%s", INTEGRATION_DIR, name);
    file = fopen(path, "re");
    assert_non_null(file);
    assert_in_range(fread(text, 1, FILE_MAX - 1, file), 1, FILE_MAX - 2);
    fclose(file);
    return text;
}

static void restore(const char *conninfo, const char *name)
{
    AUTO_CONN struct pgx_conn *conn = support_connect(conninfo);
    AUTO_FREE char *text = read_file(name);
    struct tmv_error err;

    support_sql(conn, "SET search_path = ''; SET check_function_bodies = off");
    assert_done(pgx_script(conn, SUPPORT_TIMEOUT_US, text, 0, NULL, &err), &err);
    /* transaction ids of the cluster that was dumped mean nothing in this one */
    support_sql(conn, "UPDATE tenantmv.fence SET changed_xid = pg_current_xact_id()");
}

/* The facts of a guard as the last release took them; a restored catalogue has other oids than the dumped
 * one. */
static char *old_digest(struct pgx_conn *conn, const char *mark)
{
    AUTO_FREE char *statement = read_file("facts.sql");
    AUTO_RESULT struct pgx_result *row = NULL;
    struct tmv_error err;

    assert_done(pgx_query(conn, SUPPORT_TIMEOUT_US, statement,
                          PGX_ARGS(PGX_TEXT("public.events"), PGX_TEXT(mark)), &row, &err),
                &err);
    return strdup(pgx_text(row, 0, 0));
}

static char *mark_of(const char *table, const char *tenant)
{
    return support_text(l.on_control,
                        "SELECT encode(substr(sha256(convert_to('tenantmv:%s:%s', 'UTF8')), 9, 8), 'hex')",
                        table, tenant);
}

static void note_facts(void)
{
    AUTO_FREE char *mark = mark_of("public.events", MIRRORED);
    AUTO_FREE char *source = old_digest(l.on_source, mark);
    AUTO_FREE char *target = old_digest(l.on_target, mark);

    support_sql(
        l.on_control,
        "UPDATE tenantmv.ledger SET facts = jsonb_build_object('digest', CASE store WHEN 'source' THEN '%s' "
        "ELSE '%s' END) WHERE kind = 'guard' AND name = '%s'; "
        "UPDATE tenantmv.proof p SET guards = '%s/%s' FROM public.tenant_migrations m "
        "WHERE m.id = p.migration_id AND m.tenant_id = '" MIRRORED "'",
        source, target, mark, source, target);
}

static void restore_all(void)
{
    char conninfo[TARGETS][CLUSTER_CONNINFO_MAX];

    support_database(support_cluster("source", NULL), l.control);
    restore(l.control, "source.dump");
    l.on_control = support_connect(l.control);
    l.on_source = support_connect(l.control);
    support_sql(l.on_control, "UPDATE tenantmv.store SET conninfo = '%s' WHERE id = 'shared'", l.control);
    for (int i = 0; i < TARGETS; i++) {
        char name[20];

        snprintf(name, sizeof name, "target_%d.dump", i + 1);
        support_database(support_cluster("target", NULL), conninfo[i]);
        restore(conninfo[i], name);
        homes[i] = support_connect(conninfo[i]);
        support_sql(l.on_control, "UPDATE tenantmv.store SET conninfo = '%s' WHERE id = 'dedicated%.*s'",
                    conninfo[i], i > 0, i == 1 ? "2" : "3");
    }
    l.on_target = support_connect(conninfo[0]);
}

static int last_release(void **state)
{
    struct tmv_error err;

    (void)state;
    memset(&l, 0, sizeof l);
    restore_all();
    note_facts();
    support_sql(l.on_control, "UPDATE tenantmv.migration_state SET ready = false, gates = '[]', note = ''");
    assert_done(tmv_control_init(l.control, &err), &err);
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
    assert_done(tmv_store_get(l.handle, "shared", &l.source, &err), &err);
    assert_done(tmv_store_get(l.handle, "dedicated", &l.target, &err), &err);
    text_copy(l.tenant_text, sizeof l.tenant_text, MIRRORED);
    assert_true(tmv_uuid_parse(MIRRORED, &l.tenant));
    AUTO_FREE char *id = support_text(
        l.on_control, "SELECT id FROM public.tenant_migrations WHERE tenant_id = '" MIRRORED "'");
    assert_true(tmv_uuid_parse(id, &l.migration));
    return 0;
}

static int done(void **state)
{
    (void)state;
    life_release();
    for (int i = 0; i < TARGETS; i++)
        pgx_close(TAKE(homes[i]));
    return 0;
}

static int64_t version_of(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT version FROM tenantmv.store_version");
}

/* ---- taken over ---- */

struct writer {
    pthread_t thread;
    int stream;
    int64_t acknowledged;
};
static atomic_bool moved;

/* Writes to the source until the source says that the tenant has moved; anything else than that and a wait is
 * a failed write. */
static void *write_until_moved(void *arg)
{
    struct writer *w = arg;
    AUTO_CONN struct pgx_conn *conn = support_connect(l.source.conninfo);
    struct tmv_error err = {0};

    for (int version = 1; !moved; version++) {
        if (move_insert(conn, &l.tenant, w->stream, version, &err)) {
            w->acknowledged++;
            stop_sleep(NULL, 5 * US_PER_MS);
            continue;
        }
        assert_int_equal(err.code, TMV_ERR_MOVED);
        moved = true;
    }
    return NULL;
}

static void assert_refused(const char *tenant)
{
    struct tmv_uuid id;
    struct tmv_error err;

    assert_true(tmv_uuid_parse(tenant, &id));
    assert_fails(move_insert(l.on_source, &id, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_false(pgx_query(l.on_source, SUPPORT_TIMEOUT_US,
                           "UPDATE public.events SET actor_id = 'x' WHERE tenant_id = $1::uuid",
                           PGX_ARGS(PGX_UUID(&id)), NULL, &err));
    assert_string_equal(err.sqlstate, "TM003");
}

static int64_t upgrade_rows(void)
{
    char id[TMV_UUID_TEXT];

    return support_int(
        l.on_control,
        "SELECT count(*) FROM public.migration_audit_log WHERE migration_id = '%s' AND details ? "
        "'upgraded'",
        tmv_uuid_format(&l.migration, id));
}

static void cuts_over_what_the_last_release_mirrored_and_loses_nothing(void **state)
{
    struct writer writers[WRITERS] = {0};
    int64_t before = life_count(l.on_source);

    (void)state;
    moved = false;
    assert_int_equal(version_of(l.on_source), OLD_VERSION);
    assert_int_equal(version_of(l.on_target), OLD_VERSION);
    for (int i = 0; i < WRITERS; i++) {
        writers[i].stream = 100 + i;
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_until_moved, &writers[i]), 0);
    }
    life_start_engine();
    support_wait_until(l.on_target, "SELECT version > %d FROM tenantmv.store_version", OLD_VERSION);
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    /* Budgets that a slow machine keeps. */
    support_sql(l.on_control,
                "UPDATE public.tenant_migrations SET config = config || '{\"cutover_max_lag_ms\": 60000, "
                "\"lock_budget_ms\": 900, \"drain_budget_ms\": 30000, \"cutover_timeout_ms\": 60000}' "
                "WHERE phase = 'dual_write'");
    assert_int_equal(upgrade_rows(), 2);
    life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        assert_true(writers[i].acknowledged > 0);
        before += writers[i].acknowledged;
    }
    assert_int_equal(life_count(l.on_target), before);
    life_assert_moved();
}

static void goes_on_refusing_tenants_that_moved_before(void **state)
{
    struct tmv_uuid folded;
    struct tmv_error err;

    (void)state;
    assert_refused(FOLDED);
    assert_refused(NOT_FOLDED);
    life_start_engine();
    support_wait_until(l.on_source, "SELECT version > %d FROM tenantmv.store_version", OLD_VERSION);
    assert_refused(FOLDED);
    assert_refused(NOT_FOLDED);
    /* the third tenant's own triggers go, and the shared ones know it */
    support_wait_until(
        l.on_source,
        "SELECT count(*) = 0 FROM pg_trigger WHERE encode(tgargs, 'escape') LIKE '%%" NOT_FOLDED "%%'");
    /* and those where it lives, in a store that no migration upgrades */
    support_wait_until(
        homes[2],
        "SELECT count(*) = 0 FROM pg_trigger WHERE encode(tgargs, 'escape') LIKE '%%" NOT_FOLDED "%%'");
    assert_refused(FOLDED);
    assert_refused(NOT_FOLDED);
    assert_true(tmv_uuid_parse(FOLDED, &folded));
    assert_done(move_insert(homes[1], &folded, 900, 1, &err), &err);
}

/* What was proven under the old functions counts for nothing: only a comparison from the first event finds an
 * event that was changed before. */
static void verifies_again_from_the_first_event(void **state)
{
    (void)state;
    support_sql(
        l.on_target,
        "SELECT set_config('tenantmv.pass', migration_id || '/' || owner_epoch, false) FROM tenantmv.owner; "
        "UPDATE public.events SET payload = '{}' WHERE global_position = (SELECT min(global_position) FROM "
        "public.events); RESET tenantmv.pass");
    life_start_engine();
    support_wait_until(l.on_source, "SELECT version > %d FROM tenantmv.store_version", OLD_VERSION);
    life_wait_for("s.note LIKE 'verification found%%'");
    assert_int_equal(upgrade_rows(), 2);
}

/* Somebody had turned the guard off for a while: that is not the upgrade, and stays a reason to refuse. */
static void tells_a_change_before_the_upgrade_from_the_upgrade(void **state)
{
    AUTO_FREE char *mark = mark_of("public.events", MIRRORED);

    (void)state;
    support_sql(l.on_source,
                "ALTER TABLE public.events DISABLE TRIGGER \"~tenantmv_%s_insert\"; "
                "ALTER TABLE public.events ENABLE ALWAYS TRIGGER \"~tenantmv_%s_insert\"",
                mark, mark);
    life_start_engine();
    life_wait_for("s.gates @> '[{\"name\": \"guard\", \"green\": false}]'");
    assert_int_equal(upgrade_rows(), 1); /* the target's */
}

/* The release knew nothing of what engines see of the stores. */
static void writes_what_it_sees_of_the_stores(void **state)
{
    (void)state;
    life_start_engine();
    support_wait_until(l.on_control, "SELECT count(*) = (SELECT count(*) FROM tenantmv.store) FROM "
                                     "tenantmv.store_observation WHERE measured_at IS NOT NULL");
}

/* ---- the schema alone ---- */

static void prepare(struct tmv_error *err)
{
    AUTO_FREE struct store_shape *shape = calloc(1, sizeof *shape);

    assert_non_null(shape);
    assert_done(store_shape_discover(l.on_source, "public", "events", shape, err), err);
    assert_done(guard_prepare_store(l.on_source, shape, err), err);
}

static void assert_fences(const char *tenant, const char *expected)
{
    AUTO_FREE char *tables = support_text(
        l.on_source,
        "SELECT string_agg(format('%%s.%%s %%s', c.relnamespace::regnamespace, c.relname, f.state), ', ' "
        "ORDER BY "
        "c.relnamespace::regnamespace::text) FROM tenantmv.fence f JOIN pg_class c ON c.oid = f.events WHERE "
        "f.tenant_id = '%s'",
        tenant);

    assert_string_equal(tables, expected);
}

/* Two events tables of one database shared everything: what belongs to one is known by its triggers' names,
 * and what both enforced, both go on enforcing. */
static void gives_each_events_table_what_it_enforced(void **state)
{
    AUTO_FREE char *mark = mark_of("billing.events", ELSEWHERE);
    struct tmv_error err;

    (void)state;
    support_sql(
        l.on_source,
        "CREATE SCHEMA billing; CREATE TABLE billing.events (LIKE public.events INCLUDING ALL); "
        "SELECT tenantmv.share_triggers('billing.events'); "
        "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, migration_id) VALUES ('" ELSEWHERE
        "', 'open', 1, gen_random_uuid()); "
        "INSERT INTO tenantmv.owner SELECT tenant_id, migration_id, 1 FROM tenantmv.fence WHERE tenant_id = "
        "'" ELSEWHERE "'; "
        "CREATE TRIGGER \"~tenantmv_%s_insert\" BEFORE INSERT ON billing.events FOR EACH ROW WHEN "
        "(NEW.tenant_id = '" ELSEWHERE "') EXECUTE FUNCTION tenantmv.guard_insert('" ELSEWHERE "', '1')",
        mark);
    prepare(&err);
    assert_fences(MIRRORED, "public.events open");
    assert_fences(FOLDED, "billing.events moved, public.events moved");
    assert_fences(NOT_FOLDED, "billing.events moved, public.events moved");
    assert_fences(ELSEWHERE, "billing.events open");
    assert_int_equal(support_int(l.on_source,
                                 "SELECT count(*) FROM tenantmv.owner WHERE tenant_id = '" ELSEWHERE
                                 "' AND events = 'billing.events'::regclass"),
                     1);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.guarded"), 2);
    support_sql(
        l.on_source,
        "INSERT INTO billing.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) VALUES (gen_random_uuid(), gen_random_uuid(), 'a', 'b', '" ELSEWHERE
        "', 1, now(), '{}')");
}

static void *prepare_beside(void *arg)
{
    AUTO_CONN struct pgx_conn *conn = support_connect(l.source.conninfo);
    AUTO_FREE struct store_shape *shape = calloc(1, sizeof *shape);
    struct tmv_error err;

    (void)arg;
    assert_non_null(shape);
    assert_done(store_shape_discover(conn, "public", "events", shape, &err), &err);
    assert_done(guard_prepare_store(conn, shape, &err), &err);
    return NULL;
}

/* It waits for a long transaction, and the others' writes do not wait for it. */
static void lets_writers_write_while_it_waits_for_one_of_them(void **state)
{
    AUTO_CONN struct pgx_conn *slow = support_connect(l.source.conninfo);
    struct tmv_error err;
    pthread_t thread;

    (void)state;
    assert_done(pgx_begin(slow, SUPPORT_TIMEOUT_US, &err), &err);
    assert_done(move_insert(slow, &l.tenant, 901, 1, &err), &err);
    assert_int_equal(pthread_create(&thread, NULL, prepare_beside, NULL), 0);
    support_wait_until(l.on_control,
                       "SELECT count(*) > 0 FROM pg_locks WHERE mode = 'ShareRowExclusiveLock' AND "
                       "relation = 'public.events'::regclass AND NOT granted");
    support_sql(l.on_source, "SET lock_timeout = '5s'");
    for (int version = 1; version <= 100; version++)
        assert_done(move_insert(l.on_source, &l.tenant, 902, version, &err), &err);
    assert_int_equal(version_of(l.on_control), OLD_VERSION);
    assert_done(pgx_commit(slow, SUPPORT_TIMEOUT_US, &err), &err);
    pthread_join(thread, NULL);
    assert_int_equal(version_of(l.on_control), STORE_SCHEMA_VERSION);
}

static void leaves_a_store_of_a_newer_program_alone(void **state)
{
    AUTO_FREE struct store_shape *shape = calloc(1, sizeof *shape);
    struct tmv_error err;

    (void)state;
    assert_non_null(shape);
    support_sql(l.on_source, "UPDATE tenantmv.store_version SET version = 99");
    assert_done(store_shape_discover(l.on_source, "public", "events", shape, &err), &err);
    assert_fails(guard_prepare_store(l.on_source, shape, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.hint, "newer tenantmv"));
    assert_fails(guard_upgrade_store(l.on_source, shape, &err), &err, TMV_ERR_REFUSED);
    assert_int_equal(version_of(l.on_source), 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cuts_over_what_the_last_release_mirrored_and_loses_nothing,
                                        last_release, done),
        cmocka_unit_test_setup_teardown(goes_on_refusing_tenants_that_moved_before, last_release, done),
        cmocka_unit_test_setup_teardown(verifies_again_from_the_first_event, last_release, done),
        cmocka_unit_test_setup_teardown(writes_what_it_sees_of_the_stores, last_release, done),
        cmocka_unit_test_setup_teardown(tells_a_change_before_the_upgrade_from_the_upgrade, last_release,
                                        done),
        cmocka_unit_test_setup_teardown(gives_each_events_table_what_it_enforced, last_release, done),
        cmocka_unit_test_setup_teardown(lets_writers_write_while_it_waits_for_one_of_them, last_release,
                                        done),
        cmocka_unit_test_setup_teardown(leaves_a_store_of_a_newer_program_alone, last_release, done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
