/* The registry names a store and remembers which database it was: another database under a known name gets no
 * event, from whoever sends it, and every change of the registry is written down. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "control_fixture.h"
#include "store/shape.h"
#include "support/life.h"
#include "support/replica.h"
#include "support/router_bed.h"

/* ---- the registry itself ---- */

static void a_name_that_is_taken_is_refused(void **state)
{
    struct control_fixture f;
    const struct tmv_store_info again = {.id = "shared", .conninfo = "host=/nonexistent/other"};
    struct tmv_store_info now;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_fails(tmv_store_add(f.control, &again, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.hint, "--replace"));
    assert_done(tmv_store_get(f.control, "shared", &now, &err), &err);
    assert_string_equal(now.conninfo, "host=/nonexistent/one");
    control_fixture_close(&f);
}

static void a_store_in_use_is_replaced_only_when_that_was_confirmed(void **state)
{
    struct control_fixture f;
    const struct tmv_store_info home = {.id = "shared", .conninfo = "host=/nonexistent/other"};
    const struct tmv_store_info target = {.id = "dedicated", .conninfo = "host=/nonexistent/other"};
    struct tmv_store_uses uses;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_fails(tmv_store_replace(f.control, &home, false, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "by tenant "));
    assert_done(tmv_store_replace(f.control, &target, false, &err), &err); /* nobody uses it yet */
    control_fixture_start(&f);
    assert_fails(tmv_store_replace(f.control, &target, false, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "by migration "));
    assert_done(tmv_store_uses(f.control, "dedicated", &uses, &err), &err);
    assert_int_equal(uses.migrations, 1);
    assert_int_equal(uses.tenants, 0);
    assert_done(tmv_store_replace(f.control, &home, true, &err), &err);
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM tenantmv.store WHERE conninfo = 'host=/nonexistent/other'"),
        2);
    const struct tmv_store_info unknown = {.id = "nowhere", .conninfo = "host=h"};
    assert_fails(tmv_store_replace(f.control, &unknown, true, &err), &err, TMV_ERR_NOT_FOUND);
    control_fixture_close(&f);
}

static void a_replacement_without_a_look_keeps_the_database_that_was_known(void **state)
{
    struct control_fixture f;
    struct tmv_store_info store = {
        .id = "third",
        .conninfo = "host=/nonexistent/three",
        .identity = {.system_identifier = "71", .database_oid = 5, .events_oid = 7}};
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_done(tmv_store_add(f.control, &store, &err), &err);
    store.identity = (struct tmv_store_identity){0};
    assert_done(tmv_store_replace(f.control, &store, false, &err), &err);
    assert_done(tmv_store_get(f.control, "third", &store, &err), &err);
    assert_string_equal(store.identity.system_identifier, "71");
    assert_int_equal(store.identity.database_oid, 5);
    assert_int_equal(store.identity.events_oid, 7);
    control_fixture_close(&f);
}

static void every_change_of_the_registry_is_audited(void **state)
{
    struct control_fixture f;
    struct tmv_store_info store = {.id = "third", .conninfo = "host=/nonexistent/three"};
    const struct tmv_store_identity identity = {.system_identifier = "71", .database_oid = 5};
    static const char *const actions[] = {"store_added", "store_identified", "store_replaced",
                                          "store_removed", "tenant_registered"};
    struct tmv_registry_entry *entries = NULL;
    struct tmv_uuid tenant = tmv_uuid_random();
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    int64_t before = support_int(f.conn, "SELECT max(id) FROM tenantmv.registry_audit"); /* of the fixture */
    tmv_control_set_actor(f.control, &f.actor);
    assert_done(tmv_store_add(f.control, &store, &err), &err);
    assert_fails(tmv_store_add(f.control, &store, &err), &err, TMV_ERR_REFUSED); /* not a change */
    assert_done(control_store_identify(f.conn, &store, &identity, "worker one", &err), &err);
    assert_done(tmv_store_replace(f.control, &store, false, &err), &err);
    assert_done(tmv_store_remove(f.control, "third", &err), &err);
    assert_done(tmv_routing_register(f.control, &tenant, "shared", &err), &err);
    assert_done(tmv_routing_register(f.control, &tenant, "shared", &err), &err); /* not a change */
    assert_done(tmv_registry_audit(f.control, before, 100, &entries, &count, &err), &err);
    assert_int_equal(count, ARRAY_LEN(actions));
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(entries[i].action, actions[i]);
        assert_string_equal(entries[i].operator_name, i == 1 ? "worker one" : "amy");
        assert_string_equal(entries[i].came_from, i == 1 ? "first contact" : "bastion2 pid 4711");
    }
    assert_non_null(strstr(entries[2].details, "\"system_identifier\": \"71\""));
    free(entries);
    control_fixture_close(&f);
}

static void a_store_that_was_replaced_meanwhile_is_not_identified(void **state)
{
    struct control_fixture f;
    struct tmv_store_info store = {.id = "third", .conninfo = "host=/nonexistent/three"}, seen;
    const struct tmv_store_identity identity = {.system_identifier = "71", .database_oid = 5};
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    assert_done(tmv_store_add(f.control, &store, &err), &err);
    seen = store;
    text_copy(store.conninfo, sizeof store.conninfo, "host=/nonexistent/four");
    assert_done(tmv_store_replace(f.control, &store, false, &err), &err);
    assert_done(control_store_identify(f.conn, &seen, &identity, "worker one", &err), &err);
    assert_done(tmv_store_get(f.control, "third", &store, &err), &err);
    assert_string_equal(store.identity.system_identifier, "");
    control_fixture_close(&f);
}

/* ---- which database it is ---- */

static struct tmv_store_identity identity_of(const struct tmv_store_info *store)
{
    AUTO_CONN struct pgx_conn *conn = support_connect(store->conninfo);
    struct tmv_store_identity identity;
    struct tmv_error err;

    assert_done(store_identity_read(conn, store, &identity, &err), &err);
    return identity;
}

static void connects(const struct tmv_store_info *store)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    struct tmv_error err;

    assert_done(store_connect(store, &(struct pgx_options){.part = "test"}, &conn, &err), &err);
}

static void is_refused(const struct tmv_store_info *store, const char *difference)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    struct tmv_error err = {0};

    assert_fails(store_connect(store, &(struct pgx_options){.part = "test"}, &conn, &err), &err,
                 TMV_ERR_REFUSED);
    if (!strstr(err.message, difference))
        fail_msg("\"%s\" does not say \"%s\"", err.message, difference);
    assert_non_null(strstr(err.hint, "--replace"));
    assert_null(conn);
}

static void another_server_database_or_table_is_refused_and_the_difference_named(void **state)
{
    struct tmv_store_info here, beside, there;

    (void)state;
    support_store(support_cluster("source", NULL), "shared", false, &here);
    support_store(support_cluster("source", NULL), "beside", false, &beside);
    support_store(support_cluster("target", NULL), "there", false, &there);
    here.identity = beside.identity = there.identity = identity_of(&here);
    connects(&here);
    is_refused(&beside, "another one on the same server");
    is_refused(&there, "another server");
    AUTO_CONN struct pgx_conn *conn = support_connect(here.conninfo);
    support_sql(conn, "ALTER TABLE public.events RENAME TO events_old; CREATE TABLE public.events (LIKE "
                      "public.events_old INCLUDING ALL)");
    is_refused(&here, "the events table of store shared");
}

static void a_promoted_replica_is_the_same_database(void **state)
{
    struct cluster *primary = support_cluster("failing", NULL);
    struct tmv_store_info store;
    struct tmv_error err = {0};
    char text[2 * CLUSTER_CONNINFO_MAX];

    (void)state;
    support_store(primary, "shared", false, &store);
    store.identity = identity_of(&store);
    AUTO_CONN struct pgx_conn *conn = support_connect(store.conninfo);
    AUTO_FREE char *database = support_text(conn, "SELECT current_database()");
    struct cluster *replica = replica_start(primary, "heir");
    text_copy(store.conninfo, sizeof store.conninfo, replica_conninfo(primary, replica, database, text));
    assert_done(cluster_stop(primary, CLUSTER_IMMEDIATE, &err), &err);
    replica_promote(replica);
    connects(&store);
    cluster_free(replica);
}

/* ---- routers ---- */

static struct router_bed bed;

static int routed(void **state)
{
    (void)state;
    router_bed_stores(&bed, false);
    return 0;
}

static int routed_done(void **state)
{
    (void)state;
    router_bed_close(&bed);
    return 0;
}

/* The registry knows which database store `info` is. */
static void make_known(const struct tmv_store_info *info)
{
    const struct tmv_store_identity identity = identity_of(info);
    struct tmv_error err;

    assert_done(control_store_identify(bed.control_conn, info, &identity, "test", &err), &err);
}

static void assert_writes_are_refused(void)
{
    struct tmv_append_result result;
    struct tmv_error err = {0};

    assert_fails(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "is not the database that store shared was registered with"));
    assert_int_equal(router_bed_count(bed.b), 0);
}

/* Somebody changed the string in the table itself. */
static void a_router_sends_nothing_to_another_database_under_a_known_name(void **state)
{
    (void)state;
    make_known(&bed.a_info);
    support_sql(bed.control_conn, "UPDATE tenantmv.store SET conninfo = '%s' WHERE id = 'shared'",
                bed.b_info.conninfo);
    router_bed_router(&bed, (struct tmv_router_options){0});
    assert_writes_are_refused();
}

static void a_routers_own_string_leads_to_the_registered_database_or_nowhere(void **state)
{
    struct tmv_store_info own = bed.b_info;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    make_known(&bed.a_info);
    router_bed_router(&bed, (struct tmv_router_options){0});
    text_copy(own.id, sizeof own.id, "shared");
    assert_done(tmv_router_register_store(bed.router, &own, &err), &err);
    assert_writes_are_refused();
    assert_done(tmv_router_register_store(bed.router, &bed.a_info, &err), &err);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
}

static bool arrives_at_b(struct tmv_router *router)
{
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)router;
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    return router_bed_count(bed.b) > 0;
}

/* The dump was restored elsewhere, and the store replaced on purpose: a router that runs follows. */
static void a_running_router_follows_a_store_that_was_replaced(void **state)
{
    struct tmv_store_info moved = bed.b_info;
    struct tmv_control *handle;
    struct tmv_append_result result;
    struct tmv_error err = {0};

    (void)state;
    make_known(&bed.a_info);
    router_bed_router(&bed, (struct tmv_router_options){0});
    router_bed_wait(&bed, router_bed_listens);
    assert_done(router_bed_append(&bed, TMV_EXPECT_ANY, &result, &err), &err);
    assert_int_equal(router_bed_count(bed.a), 1);
    text_copy(moved.id, sizeof moved.id, "shared");
    moved.identity = identity_of(&moved);
    assert_done(tmv_control_open(bed.control, &handle, &err), &err);
    assert_done(tmv_store_replace(handle, &moved, true, &err), &err);
    tmv_control_close(handle);
    router_bed_wait(&bed, arrives_at_b);
}

/* ---- engines ---- */

static void an_engine_remembers_what_it_met_first(void **state)
{
    struct tmv_store_info known;
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    for (int i = 0; i < 2; i++) {
        const struct tmv_store_info *store = i ? &l.target : &l.source;
        const struct tmv_store_identity met = identity_of(store);

        assert_done(tmv_store_get(l.handle, store->id, &known, &err), &err);
        assert_string_equal(known.identity.system_identifier, met.system_identifier);
        assert_int_equal(known.identity.database_oid, met.database_oid);
        assert_int_equal(known.identity.events_oid, met.events_oid);
    }
}

static void an_engine_pauses_where_a_name_leads_to_another_database(void **state)
{
    struct tmv_store_info other;

    (void)state;
    life_begin_and_wait_until_ready();
    life_stop_engine();
    support_store(support_cluster("target", NULL), "dedicated", false, &other);
    support_sql(l.on_control, "UPDATE tenantmv.store SET conninfo = '%s' WHERE id = 'dedicated'",
                other.conninfo);
    life_start_engine();
    life_wait_for("m.is_paused AND m.pause_reason LIKE '%%is not the database that store dedicated%%'");
    AUTO_CONN struct pgx_conn *conn = support_connect(other.conninfo);
    assert_int_equal(support_int(conn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'tenantmv'"), 0);
}

/* The decision would send the tenant's writers to a database that nothing was copied to. */
static void a_cutover_is_refused_when_the_target_was_replaced(void **state)
{
    struct tmv_store_info other;
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    support_store(support_cluster("target", NULL), "dedicated", false, &other);
    other.identity = identity_of(&other);
    assert_done(tmv_store_replace(l.handle, &other, true, &err), &err);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "store dedicated was replaced");
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
}

/* The first look at the registry has passed; the cutover waits for the totals, which the table's lock holds
 * up. */
static void a_cutover_is_refused_when_the_target_was_replaced_meanwhile(void **state)
{
    struct tmv_request cutover = {.operation = TMV_OP_CUTOVER};
    AUTO_CONN struct pgx_conn *in_the_way = NULL;
    struct tmv_command_info info;
    struct tmv_store_info other;
    struct tmv_uuid id;
    char text[TMV_UUID_TEXT];
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    support_store(support_cluster("target", NULL), "dedicated", false, &other);
    other.identity = identity_of(&other);
    in_the_way = support_connect(l.target.conninfo);
    support_sql(in_the_way, "BEGIN; LOCK TABLE public.events IN ACCESS EXCLUSIVE MODE");
    cutover.migration = l.migration;
    assert_done(tmv_request(l.handle, &cutover, &amy, &id, &err), &err);
    support_wait_until(l.on_control,
                       "SELECT EXISTS (SELECT FROM tenantmv.command WHERE operation = 'cutover' "
                       "AND started_at IS NOT NULL)");
    support_wait_until(l.on_target,
                       "SELECT count(*) > 0 FROM pg_stat_activity WHERE %d = ANY (pg_blocking_pids(pid)) AND "
                       "query LIKE '%%count(*) FILTER%%IS NOT TRUE%%'",
                       pgx_backend_pid(in_the_way));
    assert_done(tmv_store_replace(l.handle, &other, true, &err), &err);
    support_sql(in_the_way, "ROLLBACK");
    support_wait_until(l.on_control,
                       "SELECT state NOT IN ('requested', 'running') FROM tenantmv.command WHERE id = '%s'",
                       tmv_uuid_format(&id, text));
    assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    life_expect(info, TMV_COMMAND_REFUSED, "store dedicated was replaced");
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
}

/* Between the last look and the decision: a trigger replaces the store when the attempt is noted. */
static void replace_a_store_before_the_decision(void)
{
    struct tmv_error err;

    life_begin_and_wait_until_ready();
    support_sql(l.on_control,
                "CREATE FUNCTION public.replace_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE"
                " tenantmv.store SET events_table = 'others' WHERE id = 'dedicated'; RETURN NEW; END $$;"
                " CREATE TRIGGER replace_it BEFORE INSERT ON tenantmv.cutover_attempt FOR EACH ROW EXECUTE"
                " FUNCTION public.replace_it()");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_FAILED, "store dedicated was replaced");
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
}

static void a_decision_holds_the_registered_stores(void **state)
{
    (void)state;
    replace_a_store_before_the_decision();
}

static void a_decision_compares_a_registry_that_is_elsewhere(void **state)
{
    (void)state;
    replace_a_store_before_the_decision();
}

/* Another session has what the decision writes in the control tables, from the second time on: the first is
 * the rehearsal. No writer of the tenant is in the way. */
static void a_locked_control_table_is_not_blamed_on_the_writers(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    support_sql(
        l.on_control,
        "CREATE SEQUENCE public.times; CREATE FUNCTION public.locked() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN IF NEW.phase = 'completed' AND nextval('public.times') > 1 THEN RAISE EXCEPTION"
        " 'canceling statement due to lock timeout' USING ERRCODE = '55P03'; END IF; RETURN NEW; END $$;"
        " CREATE TRIGGER locked BEFORE UPDATE ON public.tenant_migrations FOR EACH ROW EXECUTE"
        " FUNCTION public.locked()");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_FAILED,
                "writing the decision to the control tables");
    assert_int_equal(support_int(l.on_control, "SELECT last_value FROM public.times"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_is_taken_is_refused),
        cmocka_unit_test(a_store_in_use_is_replaced_only_when_that_was_confirmed),
        cmocka_unit_test(a_replacement_without_a_look_keeps_the_database_that_was_known),
        cmocka_unit_test(every_change_of_the_registry_is_audited),
        cmocka_unit_test(a_store_that_was_replaced_meanwhile_is_not_identified),
        cmocka_unit_test(another_server_database_or_table_is_refused_and_the_difference_named),
        cmocka_unit_test(a_promoted_replica_is_the_same_database),
        cmocka_unit_test_setup_teardown(a_router_sends_nothing_to_another_database_under_a_known_name, routed,
                                        routed_done),
        cmocka_unit_test_setup_teardown(a_routers_own_string_leads_to_the_registered_database_or_nowhere,
                                        routed, routed_done),
        cmocka_unit_test_setup_teardown(a_running_router_follows_a_store_that_was_replaced, routed,
                                        routed_done),
        cmocka_unit_test_setup_teardown(an_engine_remembers_what_it_met_first, life_plain, life_done),
        cmocka_unit_test_setup_teardown(an_engine_pauses_where_a_name_leads_to_another_database, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(a_cutover_is_refused_when_the_target_was_replaced, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(a_cutover_is_refused_when_the_target_was_replaced_meanwhile,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_decision_holds_the_registered_stores, life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_decision_compares_a_registry_that_is_elsewhere,
                                        life_with_control_elsewhere, life_done),
        cmocka_unit_test_setup_teardown(a_locked_control_table_is_not_blamed_on_the_writers, life_plain,
                                        life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
