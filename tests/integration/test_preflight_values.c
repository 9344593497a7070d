/* Whether every value of the tenant arrives, and means the same: preflight's groups columns, unique, trial
 * and application. As in test_preflight.c, each row breaks one thing, names the check that must notice and
 * part of what it must say, and puts it right again. */
#include <stdio.h>
#include <string.h>

#include "support/preflight_bed.h"
#include "test.h"

static struct preflight_bed bed;

/* One statement on the source, another on the target: the control tables are in the source's database. */
#define EACH(source, target)                                                                                 \
    "DO $do$ BEGIN IF to_regclass('public.tenant_routing') IS NOT NULL THEN EXECUTE $sql$" source            \
    "$sql$; ELSE EXECUTE $sql$" target "$sql$; END IF; END $do$; "
#define EVENTS "ALTER TABLE public.events "

static const struct broken cases[] = {
    /* columns that only one side has */
    {"refuses_a_column_that_only_the_source_has_and_says_how_to_give_it_up", SOURCE,
     EVENTS "ADD region text DEFAULT 'north'", "left-columns", TMV_VERDICT_REFUSE, "--leave-column region",
     EVENTS "DROP region", NULL, NULL},
    {"says_that_a_column_which_only_the_source_has_is_empty", SOURCE, EVENTS "ADD region text",
     "left-columns", TMV_VERDICT_OK, "without values of the tenant: region", EVENTS "DROP region", NULL,
     NULL},
    {"sees_one_value_among_many_events", SOURCE,
     EVENTS "ADD region text; UPDATE public.events SET region = '' WHERE global_position = (SELECT "
            "max(global_position) FROM public.events WHERE tenant_id = '" TENANT "')",
     "left-columns", TMV_VERDICT_REFUSE, "region", EVENTS "DROP region", NULL, NULL},
    {"lets_another_tenant_have_values_in_such_a_column", SOURCE,
     EVENTS "ADD region text; UPDATE public.events SET region = 'x' WHERE tenant_id = '" OTHER "'",
     "left-columns", TMV_VERDICT_OK, "region", EVENTS "DROP region", NULL, NULL},
    {"refuses_an_empty_column_when_nothing_would_look_for_a_later_value", SOURCE, EVENTS "ADD region text",
     "left-columns", TMV_VERDICT_REFUSE, "without verification", EVENTS "DROP region", NULL, NULL,
     .unverified = true},
    {"warns_of_a_column_that_is_left_behind_as_asked", SOURCE, EVENTS "ADD region text DEFAULT 'north'",
     "left-columns", TMV_VERDICT_WARN, "as asked: region", EVENTS "DROP region", NULL, NULL,
     .leave_column = "region"},
    {"refuses_to_leave_a_column_that_is_not_there", SOURCE, "SELECT 1", "left-column-names",
     TMV_VERDICT_REFUSE, "no column regoin", "SELECT 1", NULL, NULL, .leave_column = "regoin"},
    {"refuses_to_leave_what_every_event_needs", SOURCE, "SELECT 1", "left-column-names", TMV_VERDICT_REFUSE,
     "payload is part of every event", "SELECT 1", NULL, "columns trial", .leave_column = "payload"},
    {"warns_of_a_column_that_only_the_target_has", TARGET, EVENTS "ADD region text", "columns",
     TMV_VERDICT_WARN, "the target's defaults fill them", EVENTS "DROP region", NULL, NULL},
    {"refuses_a_column_that_the_target_insists_on", TARGET, EVENTS "ADD region text NOT NULL", "columns",
     TMV_VERDICT_REFUSE, "region", EVENTS "DROP region", NULL, "trial"},
    {"refuses_to_leave_a_column_that_the_target_insists_on", ENDS,
     EVENTS "ADD region text DEFAULT 'north' NOT NULL; " EVENTS "ALTER region DROP DEFAULT", "columns",
     TMV_VERDICT_REFUSE, "region", EVENTS "DROP region", NULL, "trial", .leave_column = "region"},

    /* columns that one side generates */
    {"refuses_a_column_that_only_the_source_generates", ENDS,
     EACH(EVENTS "ADD kind text GENERATED ALWAYS AS (upper(event_type)) STORED", EVENTS "ADD kind text"),
     "left-columns", TMV_VERDICT_REFUSE, "kind (only the source generates it)", EVENTS "DROP kind", NULL,
     NULL},
    {"refuses_a_column_that_only_the_target_generates", TARGET,
     EVENTS "DROP actor_id, ADD actor_id varchar(255) GENERATED ALWAYS AS ('x') STORED", "left-columns",
     TMV_VERDICT_REFUSE, "actor_id (only the target generates it)",
     EVENTS "DROP actor_id, ADD actor_id varchar(255)", NULL, NULL},
    {"says_which_columns_the_target_computes", ENDS,
     EVENTS "ADD twice bigint GENERATED ALWAYS AS (version * 2) STORED", "generated-columns", TMV_VERDICT_OK,
     "twice", EVENTS "DROP twice", NULL, NULL},
    {"refuses_a_column_that_both_compute_in_different_ways", ENDS,
     EACH(EVENTS "ADD more bigint GENERATED ALWAYS AS (version * 2) STORED",
          EVENTS "ADD more bigint GENERATED ALWAYS AS (version * 3) STORED"),
     "generated-columns", TMV_VERDICT_REFUSE, "--leave-column more", EVENTS "DROP more", NULL, NULL},
    {"accepts_the_targets_own_computation_as_asked", ENDS,
     EACH(EVENTS "ADD more bigint GENERATED ALWAYS AS (version * 2) STORED",
          EVENTS "ADD more bigint GENERATED ALWAYS AS (version * 3) STORED"),
     "generated-columns", TMV_VERDICT_OK, "more", EVENTS "DROP more", NULL, NULL, .leave_column = "more"},

    /* values that mean something in one database only */
    {"refuses_object_ids", ENDS, EVENTS "ADD big oid DEFAULT 16400", "left-columns", TMV_VERDICT_REFUSE,
     "big (its values mean something in the source's database only)", EVENTS "DROP big", NULL, NULL},
    {"refuses_names_of_relations", ENDS, EVENTS "ADD source regclass DEFAULT 'public.events'", "left-columns",
     TMV_VERDICT_REFUSE, "source", EVENTS "DROP source", NULL, NULL},
    {"refuses_a_users_own_column_of_the_transactions_type", ENDS, EVENTS "ADD seen xid8 DEFAULT '7'",
     "left-columns", TMV_VERDICT_REFUSE, "seen", EVENTS "DROP seen", NULL, NULL},
    {"refuses_places_in_the_wal_within_arrays", ENDS, EVENTS "ADD places pg_lsn[] DEFAULT '{0/1}'",
     "left-columns", TMV_VERDICT_REFUSE, "places", EVENTS "DROP places", NULL, NULL},
    {"refuses_object_ids_within_domains_and_composites", ENDS,
     "CREATE DOMAIN public.thing AS regtype; CREATE TYPE public.pair AS (a integer, b public.thing); " EVENTS
     "ADD two public.pair DEFAULT ROW(1, 'int')::public.pair",
     "left-columns", TMV_VERDICT_REFUSE, "two (its values mean",
     EVENTS "DROP two; DROP TYPE public.pair; DROP DOMAIN public.thing", NULL, NULL},
    {"says_that_such_a_column_is_empty", ENDS, EVENTS "ADD big oid", "left-columns", TMV_VERDICT_OK,
     "without values of the tenant: big", EVENTS "DROP big", NULL, NULL},
    {"leaves_object_ids_behind_as_asked", ENDS, EVENTS "ADD big oid DEFAULT 16400", "left-columns",
     TMV_VERDICT_WARN, "as asked: big", EVENTS "DROP big", NULL, NULL, .leave_column = "big"},

    /* types */
    {"refuses_bigint_against_float8", TARGET, EVENTS "ALTER version TYPE float8", "types", TMV_VERDICT_REFUSE,
     "version is integer there and double precision here", EVENTS "ALTER version TYPE integer", NULL,
     "trial"},
    {"refuses_a_shorter_varchar", TARGET, EVENTS "ALTER event_type TYPE varchar(100)", "types",
     TMV_VERDICT_REFUSE, "character varying(100)", EVENTS "ALTER event_type TYPE varchar(255)", NULL, NULL},
    {"accepts_a_longer_varchar", TARGET, EVENTS "ALTER event_type TYPE varchar(1000)", "types",
     TMV_VERDICT_OK, "same types", EVENTS "ALTER event_type TYPE varchar(255)", NULL, NULL},
    {"compares_types_though_a_role_quotes_every_name", SOURCE,
     "ALTER ROLE engine SET quote_all_identifiers = on", "types", TMV_VERDICT_OK, "same types",
     "ALTER ROLE engine RESET quote_all_identifiers", NULL, NULL},
    {"refuses_arrays_of_a_users_type", ENDS,
     "CREATE TYPE public.mood AS ENUM ('good'); " EVENTS "ADD moods public.mood[] DEFAULT '{good}'",
     "left-columns", TMV_VERDICT_REFUSE, "moods (its type has no binary form",
     EVENTS "DROP moods; DROP TYPE public.mood", NULL, NULL},
    {"refuses_composites_of_a_users_type", ENDS,
     "CREATE TYPE public.mood AS ENUM ('good'); CREATE TYPE public.pair AS (a integer, m "
     "public.mood); " EVENTS "ADD two public.pair DEFAULT ROW(1, 'good')::public.pair",
     "left-columns", TMV_VERDICT_REFUSE, "two (its type has no binary form",
     EVENTS "DROP two; DROP TYPE public.pair; DROP TYPE public.mood", NULL, NULL},
    {"accepts_a_users_type_that_both_sides_have", ENDS,
     "CREATE TYPE public.mood AS ENUM ('good'); " EVENTS "ADD mood public.mood DEFAULT 'good'",
     "trial-engine", TMV_VERDICT_OK, "written to the target", EVENTS "DROP mood; DROP TYPE public.mood", NULL,
     NULL},
    {"refuses_an_enum_that_lacks_a_label", ENDS,
     EACH("CREATE TYPE public.mood AS ENUM ('good', 'bad')", "CREATE TYPE public.mood AS ENUM ('good')")
         EVENTS "ADD mood public.mood DEFAULT 'good'",
     "type-parts", TMV_VERDICT_REFUSE, "has the label 'bad'", EVENTS "DROP mood; DROP TYPE public.mood", NULL,
     NULL},
    {"refuses_a_composite_whose_attributes_are_in_another_order", ENDS,
     EACH("CREATE TYPE public.span AS (low integer, high integer)",
          "CREATE TYPE public.span AS (high integer, low integer)") EVENTS
     "ADD span public.span DEFAULT ROW(1, 2)::public.span",
     "type-parts", TMV_VERDICT_REFUSE, "attribute 1 of public.span is low integer",
     EVENTS "DROP span; DROP TYPE public.span", NULL, NULL},

    /* unique */
    {"refuses_a_target_without_the_unique_constraint_that_writers_race_on", TARGET,
     EVENTS "DROP CONSTRAINT uq_events_aggregate_version", "unique", TMV_VERDICT_REFUSE,
     "CREATE UNIQUE INDEX uq_events_aggregate_version",
     EVENTS "ADD CONSTRAINT uq_events_aggregate_version UNIQUE (aggregate_id, aggregate_type, version)", NULL,
     NULL},
    {"refuses_a_name_that_applications_would_not_know", TARGET,
     EVENTS "RENAME CONSTRAINT events_event_id_key TO one_of_each", "unique", TMV_VERDICT_REFUSE,
     "RENAME TO events_event_id_key;", EVENTS "RENAME CONSTRAINT one_of_each TO events_event_id_key", NULL,
     NULL},
    {"refuses_the_right_name_on_the_wrong_column", TARGET,
     EVENTS "DROP CONSTRAINT events_event_id_key; CREATE UNIQUE INDEX events_event_id_key ON public.events "
            "(event_id, version)",
     "unique", TMV_VERDICT_REFUSE, "no unique index events_event_id_key",
     "DROP INDEX public.events_event_id_key; " EVENTS "ADD CONSTRAINT events_event_id_key UNIQUE (event_id)",
     NULL, NULL},
    {"does_not_mind_other_names_on_the_source", SOURCE,
     EVENTS "RENAME CONSTRAINT events_event_id_key TO one_of_each", "unique", TMV_VERDICT_OK,
     "unique on the target", EVENTS "RENAME CONSTRAINT one_of_each TO events_event_id_key", NULL, NULL},
    {"takes_the_tenants_column_for_nothing", TARGET,
     EVENTS "DROP CONSTRAINT events_event_id_key; " EVENTS
            "ADD CONSTRAINT events_event_id_key UNIQUE (tenant_id, event_id)",
     "unique", TMV_VERDICT_OK, "unique on the target",
     EVENTS "DROP CONSTRAINT events_event_id_key; " EVENTS
            "ADD CONSTRAINT events_event_id_key UNIQUE (event_id)",
     NULL, NULL},
    {"warns_of_a_unique_index_that_the_target_lacks", SOURCE,
     "CREATE UNIQUE INDEX slots ON public.events (aggregate_id, (version + 0))", "unique", TMV_VERDICT_WARN,
     "CREATE UNIQUE INDEX slots", "DROP INDEX public.slots", NULL, NULL},
    {"accepts_a_unique_index_of_the_target_that_the_events_keep", TARGET,
     "CREATE UNIQUE INDEX only_here ON public.events (aggregate_id, (version + 0))", "duplicates",
     TMV_VERDICT_OK, "keep every unique index", "DROP INDEX public.only_here", NULL, NULL},
    {"counts_the_events_that_a_unique_index_of_the_target_would_turn_away", TARGET,
     "CREATE UNIQUE INDEX only_here ON public.events (version)", "duplicates", TMV_VERDICT_REFUSE,
     "only_here 10 times, for example", "DROP INDEX public.only_here", NULL, "trial"},
    {"counts_through_predicates_and_nulls", TARGET,
     "CREATE UNIQUE INDEX only_here ON public.events (actor_id) WHERE version = 3", "duplicates",
     TMV_VERDICT_OK, "keep every unique index", "DROP INDEX public.only_here", NULL, NULL},
    {"says_which_unique_index_it_could_not_count", TARGET,
     "CREATE FUNCTION public.slot(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1'; CREATE "
     "UNIQUE "
     "INDEX only_here ON public.events (aggregate_id, public.slot(version))",
     "duplicates", TMV_VERDICT_WARN, "only_here (", "DROP INDEX public.only_here; DROP FUNCTION public.slot",
     NULL, NULL},

    /* trial */
    {"refuses_a_check_whose_function_cannot_work_on_the_target", ENDS,
     "CREATE FUNCTION public.low(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)'; CREATE "
     "FUNCTION "
     "public.okay(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN low(t) <> ''bad''; "
     "END'; " EVENTS "ADD CONSTRAINT okay CHECK (public.okay(aggregate_type)) NOT VALID;" EACH(
         "SELECT 1", "DROP FUNCTION public.low"),
     "trial-engine", TMV_VERDICT_REFUSE, "does not take the event at position",
     EVENTS "DROP CONSTRAINT okay; DROP FUNCTION public.okay; DROP FUNCTION IF EXISTS public.low", NULL,
     "trial"},
    {"accepts_a_check_that_finds_its_functions_as_the_applications_do", ENDS,
     "CREATE FUNCTION public.low(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower($1)'; CREATE "
     "FUNCTION "
     "public.okay(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN low(t) <> ''bad''; "
     "END'; " EVENTS "ADD CONSTRAINT okay CHECK (public.okay(aggregate_type)) NOT VALID;",
     "trial-engine", TMV_VERDICT_OK, "written to the target",
     EVENTS "DROP CONSTRAINT okay; DROP FUNCTION public.okay; DROP FUNCTION public.low", NULL, NULL},
    {"does_not_look_for_functions_where_everybody_may_create_them", TARGET,
     "GRANT CREATE ON SCHEMA public TO PUBLIC; CREATE FUNCTION public.low(text) RETURNS text IMMUTABLE "
     "LANGUAGE sql "
     "AS 'SELECT lower($1)'; CREATE FUNCTION public.okay(t text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql "
     "AS "
     "'BEGIN RETURN low(t) <> ''bad''; END'; " EVENTS
     "ADD CONSTRAINT okay CHECK (public.okay(aggregate_type)) NOT VALID;",
     "trial-engine", TMV_VERDICT_REFUSE, "REVOKE CREATE ON SCHEMA",
     "REVOKE CREATE ON SCHEMA public FROM PUBLIC; " EVENTS
     "DROP CONSTRAINT okay; DROP FUNCTION public.okay; DROP FUNCTION public.low",
     NULL, "trial"},
    {"tries_the_last_event_too", TARGET, EVENTS "ADD CONSTRAINT early CHECK (version < 10)", "trial-engine",
     TMV_VERDICT_REFUSE, "\"early\"", EVENTS "DROP CONSTRAINT early", NULL, "trial"},
    {"tries_the_widest_event", ENDS,
     EACH("UPDATE public.events SET payload = jsonb_build_object('x', repeat('y', 1500)) WHERE "
          "global_position = "
          "(SELECT global_position FROM public.events WHERE tenant_id = '" TENANT
          "' ORDER BY global_position OFFSET 77 LIMIT 1)",
          EVENTS "ADD CONSTRAINT narrow CHECK (length(payload::text) < 1000)"),
     "trial-engine", TMV_VERDICT_REFUSE, "\"narrow\"",
     EACH("UPDATE public.events SET payload = '{}' WHERE length(payload::text) > 1000",
          EVENTS "DROP CONSTRAINT narrow"),
     NULL, "trial"},
    {"checks_what_is_deferred_to_the_end", TARGET,
     "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''not here''; "
     "END'; "
     "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.events DEFERRABLE INITIALLY DEFERRED FOR EACH "
     "ROW "
     "EXECUTE FUNCTION public.no()",
     "trial-engine", TMV_VERDICT_REFUSE, "at the end of a transaction",
     "DROP TRIGGER late ON public.events; DROP FUNCTION public.no", NULL, "trial"},
    {"tries_as_a_writer_that_the_engine_may_act_as", TARGET, "GRANT app TO engine", "trial-writers",
     TMV_VERDICT_OK, "takes the tenant's events from app", "REVOKE app FROM engine", NULL, NULL},
    {"says_that_it_could_not_try_as_a_writer", TARGET, "SELECT 1", "trial-writers", TMV_VERDICT_OK,
     "no member of them: app", "SELECT 1", NULL, NULL},
    {"refuses_what_fails_for_a_writer_only", TARGET,
     "GRANT app TO engine; CREATE TABLE public.log (x integer); CREATE FUNCTION public.note() RETURNS "
     "trigger "
     "LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.log VALUES (1); RETURN NEW; END'; GRANT ALL ON "
     "public.log TO "
     "engine; CREATE TRIGGER note BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.note()",
     "trial-writers", TMV_VERDICT_REFUSE, "from app: ",
     "DROP TRIGGER note ON public.events; DROP FUNCTION public.note; DROP TABLE public.log; REVOKE app FROM "
     "engine",
     NULL, "copy-triggers"},
    {"only_warns_when_a_policy_refuses_a_writer", TARGET,
     "GRANT app TO engine; ALTER TABLE public.events ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON "
     "public.events "
     "TO app USING (tenant_id::text = current_setting('app.tenant', true))",
     "trial-writers", TMV_VERDICT_WARN, "row-level security",
     "DROP POLICY mine ON public.events; ALTER TABLE public.events DISABLE ROW LEVEL SECURITY; REVOKE app "
     "FROM engine",
     NULL, NULL},
    {"tries_nothing_while_a_migration_of_the_tenant_is_under_way", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) VALUES "
     "('" NOBODY "', '" TENANT "', 'shared', 'dedicated', 'bulk_copy')",
     "trial-engine", TMV_VERDICT_OK, "under way", "DELETE FROM public.tenant_migrations", NULL,
     "no-active-migration"},

    /* application */
    {"refuses_a_target_without_the_outbox", SOURCE, "CREATE TABLE public.event_outbox (id uuid)",
     "application-tables", TMV_VERDICT_REFUSE, "pg_dump --schema-only --table public.event_outbox",
     "DROP TABLE public.event_outbox", NULL, NULL},
    {"does_without_a_table_as_asked", SOURCE, "CREATE TABLE public.event_outbox (id uuid)", "without-tables",
     TMV_VERDICT_WARN, "event_outbox", "DROP TABLE public.event_outbox", NULL, NULL,
     .without_table = "event_outbox"},
    {"refuses_a_table_of_the_application_that_lacks_a_column", ENDS,
     EACH("CREATE TABLE public.snapshots (id uuid, state jsonb)", "CREATE TABLE public.snapshots (id uuid)"),
     "application-tables", TMV_VERDICT_REFUSE, "column state of snapshots", "DROP TABLE public.snapshots",
     NULL, NULL},
    {"refuses_a_table_of_the_application_that_a_writer_may_not_use", ENDS,
     "CREATE TABLE public.projection_checkpoints (name text);" EACH(
         "GRANT SELECT, INSERT, UPDATE ON public.projection_checkpoints TO app", "SELECT 1"),
     "application-tables", TMV_VERDICT_REFUSE,
     "GRANT INSERT, SELECT, UPDATE ON public.projection_checkpoints TO app;",
     "DROP TABLE public.projection_checkpoints", NULL, NULL},
    {"refuses_a_sequence_of_the_application_that_a_writer_may_not_use", ENDS,
     "CREATE TABLE public.dead_letter_queue (id bigserial); GRANT INSERT ON public.dead_letter_queue TO app",
     "application-tables", TMV_VERDICT_REFUSE,
     "GRANT USAGE ON SEQUENCE public.dead_letter_queue_id_seq TO app;", "DROP TABLE public.dead_letter_queue",
     NULL, NULL},
    {"accepts_tables_of_the_application_that_both_sides_have", ENDS,
     "CREATE TABLE public.event_outbox (id uuid); GRANT INSERT ON public.event_outbox TO app",
     "application-tables", TMV_VERDICT_OK, "beside the events", "DROP TABLE public.event_outbox", NULL, NULL},
};

static void notices_what_is_broken(void **state)
{
    assert_notices(&bed, *state);
}

/* ---- */

static struct tmv_preflight *preflight_to_new(const char *id, bool partitioned, const char *setup)
{
    struct tmv_store_info store = bed.stores[TARGET];
    struct tmv_error err = {0};
    struct pgx_conn *conn;

    support_store(support_cluster("target", NULL), id, partitioned, &store);
    conn = support_connect(store.conninfo);
    support_sql(conn,
                "GRANT SELECT, INSERT ON public.events TO app; "
                "GRANT USAGE ON public.events_global_position_seq TO app; %s",
                setup);
    pgx_close(conn);
    if (strstr(setup, "OWNER"))
        snprintf(store.conninfo + strlen(store.conninfo), sizeof store.conninfo - strlen(store.conninfo),
                 " user=engine");
    assert_done(tmv_store_add(bed.control, &store, &err), &err);
    return preflight(&bed, "shared", id);
}

static void names_the_partition_that_has_another_owner(void **state)
{
    struct tmv_preflight *p = preflight_to_new(
        "owned", true,
        "DO 'BEGIN CREATE ROLE landlord; EXCEPTION WHEN duplicate_object THEN END'; "
        "ALTER TABLE public.events OWNER TO engine; ALTER TABLE public.events_new OWNER TO engine; "
        "ALTER TABLE public.events_old OWNER TO landlord");

    (void)state;
    assert_verdict(p, "target-owner", TMV_VERDICT_REFUSE, "public.events_old belongs to landlord");
    assert_verdict(p, "target-owner", TMV_VERDICT_REFUSE, "GRANT landlord TO engine;");
    tmv_preflight_free(p);
}

static void finds_out_that_a_partition_is_missing(void **state)
{
    struct tmv_preflight *p =
        preflight_to_new("gap", true,
                         "DROP TABLE public.events_new; DROP TABLE public.events_old; CREATE TABLE "
                         "public.events_late PARTITION OF public.events FOR VALUES FROM "
                         "('2999-01-01') TO (MAXVALUE)");

    (void)state;
    assert_verdict(p, "trial-engine", TMV_VERDICT_REFUSE, "create the missing partition");
    tmv_preflight_free(p);
}

static void refuses_an_encoding_that_says_nothing(void **state)
{
    struct tmv_store_info ascii = bed.stores[TARGET];
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err = {0};
    struct tmv_preflight *p;

    (void)state;
    support_sql(bed.super[TARGET],
                "CREATE DATABASE ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    snprintf(ascii.id, sizeof ascii.id, "ascii");
    snprintf(ascii.conninfo, sizeof ascii.conninfo, "%s",
             cluster_conninfo(support_cluster("target", NULL), "ascii", conninfo));
    assert_done(tmv_store_add(bed.control, &ascii, &err), &err);
    p = preflight(&bed, "shared", "ascii");
    assert_verdict(p, "encodings", TMV_VERDICT_REFUSE, "the target is SQL_ASCII");
    tmv_preflight_free(p);
}

static void a_trial_leaves_nothing_on_the_target(void **state)
{
    struct pgx_conn *target = bed.super[TARGET];

    (void)state;
    support_sql(target, "GRANT app TO engine");
    tmv_preflight_free(preflight(&bed, "shared", "dedicated"));
    support_sql(target, "REVOKE app FROM engine");
    assert_int_equal(support_int(target, "SELECT count(*) FROM public.events"), 0);
    assert_int_equal(support_int(target, "SELECT count(*) FROM pg_class WHERE relname = 'tenantmv_stage'"),
                     0);
}

static int set_up(void **state)
{
    if (support_setup(state) != 0)
        return -1;
    preflight_bed_make(&bed);
    return 0;
}

static int tear_down(void **state)
{
    preflight_bed_end(&bed);
    return support_teardown(state);
}

#define CASES (sizeof cases / sizeof *cases)

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(names_the_partition_that_has_another_owner),
        cmocka_unit_test(finds_out_that_a_partition_is_missing),
        cmocka_unit_test(refuses_an_encoding_that_says_nothing),
        cmocka_unit_test(a_trial_leaves_nothing_on_the_target),
    };
    static struct CMUnitTest tests[CASES + sizeof others / sizeof *others];
    size_t n = 0;

    for (size_t i = 0; i < CASES; i++)
        tests[n++] = (struct CMUnitTest){
            .name = cases[i].name,
            .test_func = notices_what_is_broken,
            .initial_state = (void *)(uintptr_t)&cases[i],
        };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        tests[n++] = others[i];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
