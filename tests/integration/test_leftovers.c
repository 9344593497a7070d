/* What preflight advises when the target holds events of the tenant: a removal only where nothing says that
 * the tenant may live there, whatever name leads to that database.
 */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "support/preflight_bed.h"

static struct preflight_bed bed;

/* The stores shared and dedicated have a second name each; nobody has looked at what it leads to. */
#define SHARED_AGAIN "shared-again"
#define DEDICATED_AGAIN "dedicated-again"

struct claim {
    const char *name; /* of the test */
    const char *source, *target;
    const char *control;      /* what the control database says; it begins with a route to shared */
    const char *fence_source; /* state and store_id there, as SQL; NULL: no fence */
    const char *advice;       /* part of it */
    bool removal;             /* a DELETE is offered */
};

#define ROUTE(store) "UPDATE public.tenant_routing SET store_id = '" store "' WHERE tenant_id = '" TENANT "'"
#define UNROUTE "DELETE FROM public.tenant_routing WHERE tenant_id = '" TENANT "'"
#define MIGRATION(phase, from, to)                                                                           \
    "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase, "         \
    "completed_at) "                                                                                         \
    "VALUES (gen_random_uuid(), '" TENANT "', '" from "', '" to "', '" phase "', now())"
#define IDENTITY(store, like)                                                                                \
    "UPDATE tenantmv.store SET (system_identifier, database_oid) = (SELECT system_identifier, database_oid " \
    "FROM tenantmv.store WHERE id = '" like "') WHERE id = '" store "'"

static const struct claim claims[] = {
    {"offers_the_removal_of_what_nothing_says_is_alive", "shared", "dedicated", "SELECT 1", NULL,
     "DELETE FROM \"public\".\"events\" WHERE tenant_id = '" TENANT "'", true},
    /* routing */
    {"offers_none_where_the_source_is_the_target_under_a_second_name", "shared", SHARED_AGAIN, "SELECT 1",
     NULL, "the tenant lives there", false},
    {"offers_none_where_the_second_name_is_the_source", SHARED_AGAIN, "shared", "SELECT 1", NULL,
     "the tenant lives there", false},
    {"offers_none_where_the_route_names_the_target", "dedicated", "shared", "SELECT 1", NULL,
     "the tenant lives there", false},
    {"offers_none_where_the_tenant_has_no_route", "dedicated", "shared", UNROUTE, NULL,
     "has no routing row, so it may live there", false},
    {"offers_none_where_the_route_names_a_third_store", "dedicated", "shared", ROUTE(SHARED_AGAIN), NULL,
     "the tenant lives on " SHARED_AGAIN ", which was not looked at", false},
    {"offers_none_where_the_source_cannot_be_looked_at", "away", "shared", ROUTE("away"), NULL,
     "the tenant lives on away", false},
    /* migrations */
    {"offers_none_where_a_migration_under_way_writes", "shared", "dedicated",
     MIGRATION("bulk_copy", "shared", "dedicated"), NULL, "the tenant lives there, or is about to", false},
    {"offers_none_where_a_migration_under_way_writes_by_a_second_name", "shared", "dedicated",
     MIGRATION("dual_write", "shared", DEDICATED_AGAIN) "; " IDENTITY(DEDICATED_AGAIN, "dedicated"), NULL,
     "the tenant lives on " DEDICATED_AGAIN, false},
    {"offers_none_where_a_migration_under_way_may_write", "shared", "dedicated",
     MIGRATION("dual_write", "shared", DEDICATED_AGAIN), NULL, "the tenant lives on " DEDICATED_AGAIN, false},
    {"offers_none_where_the_last_migration_brought_it", "shared", "dedicated",
     MIGRATION("completed", "shared", DEDICATED_AGAIN) "; " IDENTITY(DEDICATED_AGAIN, "dedicated"), NULL,
     "the tenant lives on " DEDICATED_AGAIN, false},
    {"offers_none_where_a_store_that_is_not_registered_may_be_its_home", "shared", "dedicated",
     MIGRATION("completed", "shared", "forgotten"), NULL, "the tenant lives on forgotten", false},
    {"offers_it_where_the_last_migration_brought_it_elsewhere", "shared", "dedicated",
     MIGRATION("completed", "dedicated", "elsewhere"), NULL, "DELETE FROM", true},
    {"offers_it_while_a_migration_waits_that_has_written_nothing", "shared", "dedicated",
     MIGRATION("pending", "shared", "dedicated"), NULL, "DELETE FROM", true},
    /* fences */
    {"offers_none_where_the_source_says_that_it_moved_there", "shared", "dedicated", "SELECT 1",
     "'moved', 'dedicated'", "the tenant lives there", false},
    {"offers_none_where_the_source_says_that_it_moved_away", "shared", "dedicated", "SELECT 1",
     "'moved', '" DEDICATED_AGAIN "'", "the tenant lives on " DEDICATED_AGAIN, false},
    {"offers_none_while_the_source_is_not_open_yet", "shared", "dedicated", "SELECT 1", "'armed', NULL",
     "the tenant lives there, or is about to", false},
    {"offers_it_where_the_source_is_open", "shared", "dedicated", "SELECT 1", "'open', NULL", "DELETE FROM",
     true},
};

static void take_back(void)
{
    support_sql(bed.super[SOURCE],
                "DELETE FROM public.tenant_migrations; DELETE FROM tenantmv.fence; " UNROUTE "; "
                "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES ('" TENANT "', 'shared'); "
                "UPDATE tenantmv.store SET (system_identifier, database_oid) = (NULL, NULL) WHERE id = "
                "'" DEDICATED_AGAIN "'");
}

static void advises(void **state)
{
    const struct claim *c = *state;
    struct tmv_preflight *p;

    support_sql(bed.super[SOURCE], "%s", c->control);
    if (c->fence_source)
        support_sql(bed.super[SOURCE],
                    "INSERT INTO tenantmv.fence (tenant_id, state, store_id, placement_epoch, events) VALUES "
                    "('" TENANT "', %s, 2, 'public.events')",
                    c->fence_source);
    p = preflight(&bed, c->source, c->target);
    take_back();
    assert_verdict(p, "target-without-tenant", TMV_VERDICT_REFUSE, c->advice);
    for (size_t i = 0; i < p->count && !c->removal; i++)
        if (strstr(p->checks[i].todo, "DELETE"))
            fail_msg("%s: %s", p->checks[i].name, p->checks[i].todo);
    tmv_preflight_free(p);
}

static void add_store(enum where like, const char *id, bool known)
{
    struct tmv_store_info store = bed.stores[like];
    struct tmv_error err = {0};

    snprintf(store.id, sizeof store.id, "%s", id);
    assert_done(tmv_store_add(bed.control, &store, &err), &err);
    if (known)
        support_sql(bed.super[SOURCE],
                    "UPDATE tenantmv.store SET (system_identifier, database_oid) = (SELECT "
                    "s.system_identifier, d.oid FROM pg_control_system() s, pg_database d WHERE d.datname = "
                    "current_database()) WHERE id = '%s'",
                    id);
}

static int set_up(void **state)
{
    struct tmv_store_info away;
    struct tmv_store_facts facts;
    struct tmv_error err = {0};

    if (support_setup(state) != 0)
        return -1;
    preflight_bed_make(&bed);
    support_sql(bed.super[TARGET], "%s", NEW_EVENT("'" TENANT "'", "gen_random_uuid()", "1"));
    add_store(SOURCE, SHARED_AGAIN, false);
    add_store(TARGET, DEDICATED_AGAIN, false);
    add_store(SOURCE, "elsewhere", true);
    away = bed.stores[SOURCE];
    snprintf(away.id, sizeof away.id, "away");
    snprintf(away.conninfo, sizeof away.conninfo, "host=%s dbname=x", support_temporary_dir());
    assert_done(tmv_store_add(bed.control, &away, &err), &err);
    assert_done(tmv_store_check(&bed.stores[TARGET], &facts, &err), &err);
    support_sql(bed.super[SOURCE],
                "UPDATE tenantmv.store SET (system_identifier, database_oid) = ('%s', %lld) WHERE id = "
                "'dedicated'",
                facts.identity.system_identifier, (long long)facts.identity.database_oid);
    return 0;
}

static int tear_down(void **state)
{
    preflight_bed_end(&bed);
    return support_teardown(state);
}

#define CLAIMS (sizeof claims / sizeof *claims)

int main(void)
{
    static struct CMUnitTest tests[CLAIMS];

    for (size_t i = 0; i < CLAIMS; i++)
        tests[i] = (struct CMUnitTest){
            .name = claims[i].name,
            .test_func = advises,
            .initial_state = (void *)(uintptr_t)&claims[i],
        };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
