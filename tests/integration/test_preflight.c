/* Every check of preflight against two real clusters: each row breaks one thing, names the check that must
 * notice and part of what it must say, and mends it again. A new check is a new row here.
 *
 * The engine's role is an ordinary one, so the checks of rights are real; the rows break things as the
 * superuser.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "control/repositories.h"
#include "sql_embedded.h"
#include "support/support.h"
#include "tenantmv/preflight.h"
#include "test.h"

enum where { SOURCE, TARGET, ENDS /* their number; in a row: both */ };

static struct {
    struct tmv_store_info stores[ENDS]; /* as the engine's role */
    struct pgx_conn *super[ENDS];
    char super_conninfo[ENDS][CLUSTER_CONNINFO_MAX];
    struct tmv_control *control; /* in the source's database */
    struct tmv_uuid tenant;
} bed;

#define TENANT "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define NOBODY "33333333-3333-4333-8333-333333333333"
#define NEW_EVENT(tenant, stream, version)                                                                   \
    "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "    \
    "timestamp, "                                                                                            \
    "payload) VALUES (gen_random_uuid(), " stream ", 'Order', 'Made', " tenant ", " version ", now(), '{}')"
#define FIRST_STREAM                                                                                         \
    "(SELECT aggregate_id FROM public.events WHERE tenant_id = '" TENANT "' ORDER BY 1 LIMIT 1)"
#define NOOP_FUNCTION                                                                                        \
    "CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "

struct broken {
    const char *name; /* of the test */
    enum where where;
    const char *setup;
    const char *check;
    enum tmv_verdict verdict;
    const char *says; /* stands in what was seen or what to do */
    const char *teardown;
    const char *hold; /* run by a session of its own that stays open during the preflight; NULL: none */
    const char *also_refuses; /* another check or group that may refuse for the same reason; NULL: none */
};

static const struct broken cases[] = {
    /* places */
    {"refuses_a_source_whose_transactions_are_read_only", SOURCE,
     "ALTER ROLE engine SET default_transaction_read_only = on", "source-writable", TMV_VERDICT_REFUSE,
     "default_transaction_read_only", "ALTER ROLE engine RESET default_transaction_read_only", NULL, NULL},
    {"refuses_a_target_whose_transactions_are_read_only", TARGET,
     "ALTER ROLE engine SET default_transaction_read_only = on", "target-writable", TMV_VERDICT_REFUSE,
     "read only", "ALTER ROLE engine RESET default_transaction_read_only", NULL, NULL},
    {"refuses_a_tenant_that_lives_elsewhere", SOURCE,
     "UPDATE public.tenant_routing SET store_id = 'elsewhere' WHERE tenant_id = '" TENANT "'", "routing",
     TMV_VERDICT_REFUSE, "start from elsewhere",
     "UPDATE public.tenant_routing SET store_id = 'shared' WHERE tenant_id = '" TENANT "'", NULL, NULL},
    {"refuses_a_tenant_without_a_route", SOURCE,
     "DELETE FROM public.tenant_routing WHERE tenant_id = '" TENANT "'", "routing", TMV_VERDICT_REFUSE,
     "no routing row",
     "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES ('" TENANT "', 'shared')", NULL, NULL},
    {"refuses_while_another_migration_of_the_tenant_is_active_and_names_it", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) VALUES "
     "('" NOBODY "', '" TENANT "', 'shared', 'third', 'bulk_copy')",
     "no-active-migration", TMV_VERDICT_REFUSE, NOBODY, "DELETE FROM public.tenant_migrations", NULL, NULL},
    {"accepts_its_own_pending_migration", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id) VALUES "
     "('" NOBODY "', '" TENANT "', 'shared', 'dedicated')",
     "no-active-migration", TMV_VERDICT_OK, NOBODY, "DELETE FROM public.tenant_migrations", NULL, NULL},
    {"says_that_the_twenty_first_guard_of_a_store_waits", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) SELECT "
     "gen_random_uuid(), "
     "gen_random_uuid(), 'shared', 'd' || n, 'bulk_copy' FROM generate_series(1, 20) n",
     "source-guards", TMV_VERDICT_WARN, "waits in the queue", "DELETE FROM public.tenant_migrations", NULL,
     NULL},
    {"refuses_a_source_whose_fence_says_that_the_tenant_moved", SOURCE,
     "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, store_id, events) VALUES ('" TENANT
     "', 'moved', 2, 'third', 'public.events')",
     "source-fence", TMV_VERDICT_REFUSE, "start from third", "DELETE FROM tenantmv.fence", NULL, NULL},
    {"refuses_a_source_whose_fence_an_earlier_migration_left_closed", SOURCE,
     "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, events) VALUES ('" TENANT
     "', 'closed', 2, 'public.events')",
     "source-fence", TMV_VERDICT_REFUSE, "not resolved", "DELETE FROM tenantmv.fence", NULL, NULL},
    {"refuses_a_target_whose_fence_is_armed", TARGET,
     "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, events) VALUES ('" TENANT
     "', 'armed', 2, 'public.events')",
     "target-fence", TMV_VERDICT_REFUSE, "armed", "DELETE FROM tenantmv.fence", NULL, NULL},
    {"refuses_when_the_role_has_no_connections_left", TARGET, "ALTER ROLE engine CONNECTION LIMIT 2",
     "target-connections", TMV_VERDICT_REFUSE, "CONNECTION LIMIT", "ALTER ROLE engine CONNECTION LIMIT -1",
     NULL, NULL},

    /* rights */
    {"refuses_without_ownership_of_the_events_table_and_prints_the_grant", SOURCE,
     "CREATE ROLE proprietor; ALTER TABLE public.events OWNER TO proprietor; GRANT ALL ON public.events TO "
     "engine; "
     "GRANT ALL ON public.events_global_position_seq TO engine",
     "source-owner", TMV_VERDICT_REFUSE, "GRANT proprietor TO engine;",
     "ALTER TABLE public.events OWNER TO engine; DROP OWNED BY proprietor; DROP ROLE proprietor", NULL, NULL},
    {"refuses_a_table_of_a_superuser_and_prints_how_to_take_it_over", TARGET,
     "ALTER TABLE public.events OWNER TO postgres; GRANT ALL ON public.events TO engine; "
     "GRANT ALL ON public.events_global_position_seq TO engine",
     "target-owner", TMV_VERDICT_REFUSE, "ALTER TABLE public.events OWNER TO engine;",
     "ALTER TABLE public.events OWNER TO engine", NULL, NULL},
    {"warns_of_a_superuser", TARGET, "ALTER ROLE engine SUPERUSER", "target-not-superuser", TMV_VERDICT_WARN,
     "superuser", "ALTER ROLE engine NOSUPERUSER", NULL, NULL},
    {"refuses_a_schema_tenantmv_of_somebody_else", TARGET,
     "ALTER SCHEMA tenantmv OWNER TO app; GRANT USAGE ON SCHEMA tenantmv TO engine", "target-schema-tenantmv",
     TMV_VERDICT_REFUSE, "GRANT app TO engine;", "ALTER SCHEMA tenantmv OWNER TO engine", NULL,
     "target-signal"},
    {"refuses_a_schema_of_a_newer_program", TARGET, "UPDATE tenantmv.store_version SET version = 99",
     "target-schema-version", TMV_VERDICT_REFUSE, "newer tenantmv",
     "UPDATE tenantmv.store_version SET version = 2", NULL, NULL},
    {"refuses_a_source_that_the_role_may_not_read_and_prints_the_grant", SOURCE,
     "REVOKE TRIGGER ON public.events FROM engine", "source-table", TMV_VERDICT_REFUSE,
     "GRANT TRIGGER ON TABLE public.events TO engine;", "GRANT TRIGGER ON public.events TO engine", NULL,
     NULL},
    {"refuses_a_target_that_the_role_may_not_fill_and_prints_the_grant", TARGET,
     "REVOKE INSERT, DELETE ON public.events FROM engine", "target-table", TMV_VERDICT_REFUSE,
     "GRANT INSERT, DELETE ON TABLE public.events TO engine;",
     "GRANT INSERT, DELETE ON public.events TO engine", NULL, NULL},
    {"refuses_a_target_schema_in_which_no_index_can_be_built", TARGET,
     "REVOKE CREATE ON SCHEMA public FROM engine", "target-table", TMV_VERDICT_REFUSE,
     "GRANT CREATE ON SCHEMA public TO engine;", "GRANT CREATE ON SCHEMA public TO engine", NULL, NULL},
    {"refuses_a_sequence_that_the_role_may_not_set", TARGET,
     "REVOKE UPDATE ON public.events_global_position_seq FROM engine", "target-sequence", TMV_VERDICT_REFUSE,
     "GRANT UPDATE ON SEQUENCE \"public\".\"events_global_position_seq\" TO engine;",
     "GRANT UPDATE ON public.events_global_position_seq TO engine", NULL, NULL},
    {"refuses_without_temporary_tables", TARGET,
     "DO 'BEGIN EXECUTE format(''REVOKE TEMPORARY ON DATABASE %I FROM public'', current_database()); END'",
     "target-temporary", TMV_VERDICT_REFUSE, "GRANT TEMPORARY ON DATABASE",
     "DO 'BEGIN EXECUTE format(''GRANT TEMPORARY ON DATABASE %I TO public'', current_database()); END'", NULL,
     NULL},
    {"warns_when_other_sessions_ages_are_hidden", SOURCE, "REVOKE pg_read_all_stats FROM engine",
     "source-statistics", TMV_VERDICT_WARN, "GRANT pg_read_all_stats TO engine;",
     "GRANT pg_read_all_stats TO engine", NULL, NULL},
    {"refuses_row_security_that_hides_events", SOURCE,
     "ALTER TABLE public.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "source-row-security",
     TMV_VERDICT_REFUSE, "ALTER ROLE engine BYPASSRLS;",
     "ALTER TABLE public.events NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY", NULL, "data"},
    {"refuses_writers_that_may_not_write_to_the_target_and_prints_the_grant", TARGET,
     "REVOKE INSERT ON public.events FROM app; REVOKE USAGE ON public.events_global_position_seq FROM app",
     "writers", TMV_VERDICT_REFUSE, "GRANT SELECT, INSERT ON public.events TO app;",
     "GRANT INSERT ON public.events TO app; GRANT USAGE ON public.events_global_position_seq TO app", NULL,
     NULL},
    {"warns_of_writers_that_do_not_exist_on_the_target", SOURCE,
     "CREATE ROLE writer2 LOGIN; GRANT INSERT ON public.events TO writer2", "writers", TMV_VERDICT_WARN,
     "writer2", "DROP OWNED BY writer2; DROP ROLE writer2", NULL, NULL},

    /* shape */
    {"refuses_a_source_without_an_events_table", SOURCE, "ALTER TABLE public.events RENAME TO gone",
     "source-events-table", TMV_VERDICT_REFUSE, "no table public.events",
     "ALTER TABLE public.gone RENAME TO events", NULL, NULL},
    {"refuses_a_target_without_an_events_table", TARGET, "ALTER TABLE public.events RENAME TO gone",
     "target-events-table", TMV_VERDICT_REFUSE, "no table public.events",
     "ALTER TABLE public.gone RENAME TO events", NULL, NULL},
    {"warns_of_a_column_that_only_the_source_has", SOURCE, "ALTER TABLE public.events ADD region text",
     "columns", TMV_VERDICT_WARN, "only on the source, so not copied: region",
     "ALTER TABLE public.events DROP region", NULL, NULL},
    {"warns_of_a_column_that_only_the_target_has", TARGET, "ALTER TABLE public.events ADD region text",
     "columns", TMV_VERDICT_WARN, "only on the target", "ALTER TABLE public.events DROP region", NULL, NULL},
    {"refuses_a_column_that_the_target_insists_on", TARGET,
     "ALTER TABLE public.events ADD region text NOT NULL", "columns", TMV_VERDICT_REFUSE, "region",
     "ALTER TABLE public.events DROP region", NULL, NULL},
    {"refuses_bigint_against_float8", TARGET, "ALTER TABLE public.events ALTER version TYPE float8", "types",
     TMV_VERDICT_REFUSE, "version is integer there and double precision here",
     "ALTER TABLE public.events ALTER version TYPE integer", NULL, NULL},
    {"refuses_a_shorter_varchar", TARGET, "ALTER TABLE public.events ALTER event_type TYPE varchar(100)",
     "types", TMV_VERDICT_REFUSE, "character varying(100)",
     "ALTER TABLE public.events ALTER event_type TYPE varchar(255)", NULL, NULL},
    {"accepts_a_longer_varchar", TARGET, "ALTER TABLE public.events ALTER event_type TYPE varchar(1000)",
     "types", TMV_VERDICT_OK, "same types", "ALTER TABLE public.events ALTER event_type TYPE varchar(255)",
     NULL, NULL},
    {"refuses_arrays_of_a_users_type", ENDS,
     "CREATE TYPE public.mood AS ENUM ('good'); ALTER TABLE public.events ADD moods public.mood[]", "types",
     TMV_VERDICT_REFUSE, "moods", "ALTER TABLE public.events DROP moods; DROP TYPE public.mood", NULL, NULL},
    {"accepts_a_users_type_that_both_sides_have", ENDS,
     "CREATE TYPE public.mood AS ENUM ('good'); ALTER TABLE public.events ADD mood public.mood", "types",
     TMV_VERDICT_OK, "same types", "ALTER TABLE public.events DROP mood; DROP TYPE public.mood", NULL, NULL},
    {"says_which_columns_the_target_computes", TARGET,
     "ALTER TABLE public.events ADD twice bigint GENERATED ALWAYS AS (version * 2) STORED",
     "generated-columns", TMV_VERDICT_OK, "twice", "ALTER TABLE public.events DROP twice", NULL, NULL},
    {"warns_of_a_column_that_the_target_computes_and_the_source_stores", TARGET,
     "ALTER TABLE public.events DROP actor_id, ADD actor_id varchar(255) GENERATED ALWAYS AS ('x') STORED",
     "generated-columns", TMV_VERDICT_WARN, "actor_id",
     "ALTER TABLE public.events DROP actor_id, ADD actor_id varchar(255)", NULL, NULL},
    {"refuses_positions_that_do_not_come_from_a_sequence", SOURCE,
     "ALTER TABLE public.events ALTER global_position SET DEFAULT 1 + "
     "nextval('public.events_global_position_seq')",
     "source-position", TMV_VERDICT_REFUSE, "not exactly nextval",
     "ALTER TABLE public.events ALTER global_position SET DEFAULT "
     "nextval('public.events_global_position_seq')",
     NULL, NULL},
    {"refuses_a_sequence_that_steps_by_ten", SOURCE,
     "ALTER SEQUENCE public.events_global_position_seq INCREMENT BY 10", "source-position",
     TMV_VERDICT_REFUSE, "INCREMENT BY 1", "ALTER SEQUENCE public.events_global_position_seq INCREMENT BY 1",
     NULL, NULL},
    {"refuses_a_sequence_that_cycles", SOURCE, "ALTER SEQUENCE public.events_global_position_seq CYCLE",
     "source-position", TMV_VERDICT_REFUSE, "NO CYCLE",
     "ALTER SEQUENCE public.events_global_position_seq NO CYCLE", NULL, NULL},
    {"refuses_a_sequence_that_caches", TARGET, "ALTER SEQUENCE public.events_global_position_seq CACHE 20",
     "target-position", TMV_VERDICT_REFUSE, "CACHE 1",
     "ALTER SEQUENCE public.events_global_position_seq CACHE 1", NULL, NULL},
    {"refuses_a_sequence_narrower_than_its_column", TARGET,
     "ALTER SEQUENCE public.events_global_position_seq AS integer", "target-position", TMV_VERDICT_REFUSE,
     "AS bigint", "ALTER SEQUENCE public.events_global_position_seq AS bigint", NULL, NULL},
    {"refuses_a_source_without_an_index_on_positions", SOURCE,
     "ALTER TABLE public.events DROP CONSTRAINT events_pkey", "source-position-index", TMV_VERDICT_REFUSE,
     "CREATE INDEX", "ALTER TABLE public.events ADD PRIMARY KEY (global_position)", NULL, NULL},
    {"refuses_a_trigger_that_fires_after_the_guard", SOURCE,
     NOOP_FUNCTION
     "CREATE TRIGGER \"~zz\" BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.noop()",
     "source-late-triggers", TMV_VERDICT_REFUSE, "ALTER TRIGGER \"~zz\"",
     "DROP FUNCTION public.noop() CASCADE", NULL, NULL},
    {"refuses_a_users_trigger_that_wears_the_guards_name", SOURCE,
     NOOP_FUNCTION "CREATE TRIGGER \"~tenantmv_x\" BEFORE INSERT ON public.events FOR EACH ROW "
                   "EXECUTE FUNCTION public.noop()",
     "source-late-triggers", TMV_VERDICT_REFUSE, "~tenantmv_x", "DROP FUNCTION public.noop() CASCADE", NULL,
     NULL},
    {"accepts_a_trigger_that_fires_before_the_guard_but_misses_it_on_the_target", SOURCE,
     NOOP_FUNCTION
     "CREATE TRIGGER zz BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.noop()",
     "triggers-alike", TMV_VERDICT_WARN, "zz", "DROP FUNCTION public.noop() CASCADE", NULL, NULL},
    {"warns_of_a_trigger_that_would_fire_for_copied_events", TARGET,
     NOOP_FUNCTION
     "CREATE TRIGGER tell AFTER INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.noop()",
     "copy-triggers", TMV_VERDICT_WARN, "DISABLE TRIGGER tell;", "DROP FUNCTION public.noop() CASCADE", NULL,
     NULL},
    {"refuses_a_trigger_that_could_change_copied_events", TARGET,
     NOOP_FUNCTION
     "CREATE TRIGGER mend BEFORE INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.noop()",
     "copy-triggers", TMV_VERDICT_REFUSE, "DISABLE TRIGGER mend;", "DROP FUNCTION public.noop() CASCADE",
     NULL, NULL},
    {"refuses_rules_on_the_source", SOURCE,
     "CREATE RULE silent AS ON DELETE TO public.events DO INSTEAD NOTHING", "source-rules",
     TMV_VERDICT_REFUSE, "DROP RULE silent", "DROP RULE silent ON public.events", NULL, NULL},
    {"refuses_rules_on_the_target", TARGET,
     "CREATE RULE silent AS ON DELETE TO public.events DO INSTEAD NOTHING", "target-rules",
     TMV_VERDICT_REFUSE, "DROP RULE silent", "DROP RULE silent ON public.events", NULL, NULL},
    {"refuses_tables_that_inherit_from_the_events_table", SOURCE,
     "CREATE TABLE public.child () INHERITS (public.events)", "source-table-kind", TMV_VERDICT_REFUSE,
     "public.child inherits", "DROP TABLE public.child", NULL, NULL},
    {"refuses_a_target_that_a_crash_would_empty", TARGET, "ALTER TABLE public.events SET UNLOGGED",
     "target-table-kind", TMV_VERDICT_REFUSE, "SET LOGGED", "ALTER TABLE public.events SET LOGGED", NULL,
     NULL},
    {"warns_of_a_check_that_only_the_target_has", TARGET,
     "ALTER TABLE public.events ADD CONSTRAINT small CHECK (version < 1000)", "check-constraints",
     TMV_VERDICT_WARN, "small", "ALTER TABLE public.events DROP CONSTRAINT small", NULL, NULL},
    {"refuses_a_target_without_the_unique_constraint_that_writers_race_on", TARGET,
     "ALTER TABLE public.events DROP CONSTRAINT uq_events_aggregate_version", "unique", TMV_VERDICT_REFUSE,
     "CREATE UNIQUE INDEX uq_events_aggregate_version",
     "ALTER TABLE public.events ADD CONSTRAINT uq_events_aggregate_version UNIQUE (aggregate_id, "
     "aggregate_type, version)",
     NULL, NULL},
    {"warns_of_a_unique_index_that_only_the_target_has", TARGET,
     "CREATE UNIQUE INDEX only_here ON public.events (payload)", "unique", TMV_VERDICT_WARN, "only_here",
     "DROP INDEX public.only_here", NULL, NULL},
    {"warns_of_foreign_keys", SOURCE,
     "CREATE TABLE public.note (event uuid REFERENCES public.events (event_id))", "source-foreign-keys",
     TMV_VERDICT_WARN, "public.note", "DROP TABLE public.note", NULL, NULL},
    {"warns_of_a_publication_that_would_carry_the_history", TARGET,
     "CREATE PUBLICATION all_events FOR TABLE public.events", "target-replication", TMV_VERDICT_WARN,
     "all_events", "DROP PUBLICATION all_events", NULL, NULL},

    /* data */
    {"says_when_a_tenant_has_no_events", SOURCE,
     "UPDATE public.events SET tenant_id = '" NOBODY "' WHERE tenant_id = '" TENANT "'", "tenant-events",
     TMV_VERDICT_OK, "no events yet",
     "UPDATE public.events SET tenant_id = '" TENANT "' WHERE tenant_id = '" NOBODY "'", NULL, NULL},
    {"refuses_a_target_that_holds_the_tenants_events", TARGET,
     NEW_EVENT("'" TENANT "'", "gen_random_uuid()", "1"), "target-without-tenant", TMV_VERDICT_REFUSE,
     "DELETE FROM", "DELETE FROM public.events", NULL, NULL},
    {"refuses_a_target_that_holds_another_tenant", TARGET, NEW_EVENT("'" OTHER "'", "gen_random_uuid()", "1"),
     "target-without-others", TMV_VERDICT_REFUSE, OTHER, "DELETE FROM public.events", NULL, NULL},
    {"refuses_a_target_that_holds_events_of_nobody", TARGET, NEW_EVENT("NULL", "gen_random_uuid()", "1"),
     "target-without-others", TMV_VERDICT_REFUSE, "no tenant", "DELETE FROM public.events", NULL, NULL},
    {"refuses_a_target_to_which_another_tenant_is_on_the_way", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) VALUES "
     "('" NOBODY "', '" OTHER "', 'shared', 'dedicated', 'dual_write')",
     "target-unclaimed", TMV_VERDICT_REFUSE, NOBODY, "DELETE FROM public.tenant_migrations", NULL, NULL},
    {"refuses_a_target_to_which_another_tenant_is_routed", SOURCE,
     "INSERT INTO public.tenant_routing (tenant_id, store_id) VALUES ('" NOBODY "', 'dedicated')",
     "target-unclaimed", TMV_VERDICT_REFUSE, NOBODY,
     "DELETE FROM public.tenant_routing WHERE tenant_id = '" NOBODY "'", NULL, NULL},
    {"refuses_streams_that_mix_tenants", SOURCE, NEW_EVENT("'" OTHER "'", FIRST_STREAM, "900"),
     "streams-unmixed", TMV_VERDICT_REFUSE, "1 events of other tenants and 0 without",
     "DELETE FROM public.events WHERE version = 900", NULL, NULL},
    {"refuses_rows_without_a_tenant_in_the_tenants_streams", SOURCE, NEW_EVENT("NULL", FIRST_STREAM, "900"),
     "streams-unmixed", TMV_VERDICT_REFUSE, "0 events of other tenants and 1 without",
     "DELETE FROM public.events WHERE version = 900", NULL, NULL},
    {"warns_of_gaps_in_versions", SOURCE, NEW_EVENT("'" TENANT "'", FIRST_STREAM, "900"), "version-gaps",
     TMV_VERDICT_WARN, "1 streams", "DELETE FROM public.events WHERE version = 900", NULL, NULL},
    {"warns_of_a_column_that_may_be_empty_on_the_source_only", TARGET,
     "ALTER TABLE public.events ALTER tenant_id SET NOT NULL", "nulls", TMV_VERDICT_WARN, "tenant_id",
     "ALTER TABLE public.events ALTER tenant_id DROP NOT NULL", NULL, NULL},
    {"refuses_an_event_without_a_value_that_the_target_insists_on", TARGET,
     "ALTER TABLE public.events ALTER actor_id SET NOT NULL", "nulls", TMV_VERDICT_REFUSE, "actor_id",
     "ALTER TABLE public.events ALTER actor_id DROP NOT NULL", NULL, NULL},
    {"refuses_an_event_below_the_first_position", SOURCE,
     "UPDATE public.events SET global_position = -7 WHERE global_position = (SELECT min(global_position) "
     "FROM "
     "public.events WHERE tenant_id = '" TENANT "')",
     "positions", TMV_VERDICT_REFUSE,
     "1 events of the tenant have a position below 1 or none, the lowest is -7",
     "UPDATE public.events SET global_position = nextval('public.events_global_position_seq') WHERE "
     "global_position = -7",
     NULL, NULL},
    {"accepts_other_tenants_below_the_first_position", SOURCE,
     "UPDATE public.events SET global_position = 0 WHERE global_position = (SELECT min(global_position) FROM "
     "public.events WHERE tenant_id <> '" TENANT "')",
     "positions", TMV_VERDICT_OK, "positions begin at 1",
     "UPDATE public.events SET global_position = nextval('public.events_global_position_seq') WHERE "
     "global_position = 0",
     NULL, NULL},
    {"warns_of_a_sequence_near_its_end", SOURCE,
     "SELECT setval('public.events_global_position_seq', 9223372036854775800)", "positions", TMV_VERDICT_WARN,
     "7 positions left", "SELECT setval('public.events_global_position_seq', 100000)", NULL, NULL},
    {"refuses_a_sequence_at_its_end", SOURCE,
     "SELECT setval('public.events_global_position_seq', 9223372036854775807)", "positions",
     TMV_VERDICT_REFUSE, "0 positions left", "SELECT setval('public.events_global_position_seq', 100000)",
     NULL, NULL},
    {"refuses_a_position_ahead_of_the_sequence", SOURCE,
     "UPDATE public.events SET global_position = 1000000 WHERE global_position = (SELECT "
     "max(global_position) FROM "
     "public.events)",
     "positions", TMV_VERDICT_REFUSE, "SELECT setval",
     "UPDATE public.events SET global_position = (SELECT last_value FROM public.events_global_position_seq) "
     "WHERE "
     "global_position = 1000000",
     NULL, NULL},

    /* load */
    {"warns_of_a_long_transaction_on_the_events_table", SOURCE, "SELECT 1", "source-long-transactions",
     TMV_VERDICT_WARN, "pg_terminate_backend", "SELECT 1",
     "BEGIN; LOCK TABLE public.events IN ROW EXCLUSIVE MODE; SELECT pg_sleep(2.1)", NULL},
    {"warns_of_prepared_transactions", SOURCE,
     "BEGIN; LOCK TABLE public.events IN ROW EXCLUSIVE MODE; "
     "PREPARE TRANSACTION 'left behind'",
     "source-prepared", TMV_VERDICT_WARN, "ROLLBACK PREPARED 'left behind';",
     "ROLLBACK PREPARED 'left behind'", NULL, NULL},
    {"warns_of_maintenance_on_the_table", SOURCE, "SELECT 1", "source-maintenance", TMV_VERDICT_WARN,
     "maintenance runs", "SELECT 1", "BEGIN; LOCK TABLE public.events IN SHARE UPDATE EXCLUSIVE MODE", NULL},
    {"warns_of_a_lock_timeout_below_the_pause", SOURCE, "ALTER ROLE app SET lock_timeout = '50ms'",
     "source-timeouts", TMV_VERDICT_WARN, "role app: lock_timeout = 50ms",
     "ALTER ROLE app RESET lock_timeout", NULL, NULL},
    {"warns_of_a_statement_timeout_below_the_pause", TARGET, "ALTER ROLE app SET statement_timeout = 100",
     "target-timeouts", TMV_VERDICT_WARN, "role app: statement_timeout = 100",
     "ALTER ROLE app RESET statement_timeout", NULL, NULL},
    {"accepts_a_lock_timeout_above_the_pause", SOURCE, "ALTER ROLE app SET lock_timeout = '2s'",
     "source-timeouts", TMV_VERDICT_OK, "no configured timeout", "ALTER ROLE app RESET lock_timeout", NULL,
     NULL},
    {"warns_of_a_password_that_ends_soon", SOURCE,
     "DO 'BEGIN EXECUTE format(''ALTER ROLE engine VALID UNTIL %L'', now() + interval ''1 hour''); END'",
     "source-sessions", TMV_VERDICT_WARN, "VALID UNTIL", "ALTER ROLE engine VALID UNTIL 'infinity'", NULL,
     NULL},
    {"warns_of_a_deadlock_timeout_within_the_lock_budget", SOURCE,
     "ALTER ROLE engine SET deadlock_timeout = '5ms'", "source-sessions", TMV_VERDICT_WARN,
     "deadlock_timeout", "ALTER ROLE engine RESET deadlock_timeout", NULL, NULL},
};

static struct tmv_preflight *preflight(const char *source, const char *target)
{
    struct tmv_start_options options = {.tenant = bed.tenant, .source = source, .target = target};
    struct tmv_preflight *result = NULL;
    struct tmv_error err = {0};

    tmv_settings_default(&options.settings);
    assert_done(tmv_preflight_run(bed.control, &options, true, &result, &err), &err);
    return result;
}

static const struct tmv_check *find(const struct tmv_preflight *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->checks[i].name, name) == 0)
            return &p->checks[i];
    return NULL;
}

static void show(const struct tmv_preflight *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->checks[i].verdict != TMV_VERDICT_OK)
            print_error("  %s %s %s\n    %s\n    %s\n", p->checks[i].group, p->checks[i].name,
                        tmv_verdict_name(p->checks[i].verdict), p->checks[i].seen, p->checks[i].todo);
}

static void assert_verdict(const struct tmv_preflight *p, const char *name, enum tmv_verdict verdict,
                           const char *says)
{
    const struct tmv_check *c = find(p, name);

    if (c && c->verdict == verdict && (strstr(c->seen, says) || strstr(c->todo, says)) &&
        (verdict == TMV_VERDICT_OK) == (c->todo[0] == '\0'))
        return;
    show(p);
    if (!c)
        fail_msg("there is no row %s", name);
    else
        fail_msg("%s: %s, wanted %s\n  seen: %s\n  todo: %s\n  wanted: %s", name,
                 tmv_verdict_name(c->verdict), tmv_verdict_name(verdict), c->seen, c->todo, says);
}

/* Nothing but the broken thing is refused, and what the rows depend on. */
static void assert_only_refuses(const struct tmv_preflight *p, const struct broken *b)
{
    for (size_t i = 0; i < p->count; i++) {
        const struct tmv_check *c = &p->checks[i];

        if (c->verdict != TMV_VERDICT_REFUSE || strcmp(c->name, b->check) == 0)
            continue;
        if (!b->also_refuses ||
            (strcmp(c->name, b->also_refuses) != 0 && strcmp(c->group, b->also_refuses) != 0)) {
            show(p);
            fail_msg("%s refuses as well", c->name);
        }
    }
}

static void run_at(enum where where, const char *sql)
{
    for (int i = 0; i < ENDS; i++)
        if (where == (enum where)i || where == ENDS)
            support_sql(bed.super[i], "%s", sql);
}

static void notices_what_is_broken(void **state)
{
    const struct broken *b = *state;
    struct pgx_conn *holder = NULL;
    struct tmv_preflight *p;

    run_at(b->where, b->setup);
    if (b->hold) {
        holder = support_connect(bed.super_conninfo[b->where]);
        /* A session of the engine would be left out. */
        support_sql(holder, "SET application_name = 'psql'; %s", b->hold);
    }
    p = preflight("shared", "dedicated");
    pgx_close(holder);
    run_at(b->where, b->teardown);
    assert_verdict(p, b->check, b->verdict, b->says);
    assert_only_refuses(p, b);
    tmv_preflight_free(p);
}

static void make_ready(enum where where, const char *id)
{
    struct pgx_conn *conn;

    support_store(support_cluster(where == SOURCE ? "source" : "target", NULL), id, false,
                  &bed.stores[where]);
    text_copy(bed.super_conninfo[where], sizeof bed.super_conninfo[where], bed.stores[where].conninfo);
    conn = bed.super[where] = support_connect(bed.super_conninfo[where]);
    support_sql(
        conn,
        "DO 'BEGIN IF to_regrole(''engine'') IS NULL THEN CREATE ROLE engine LOGIN; CREATE ROLE app LOGIN; "
        "END IF; END'; GRANT pg_read_all_stats TO engine; ALTER TABLE public.events OWNER TO engine; "
        "GRANT CREATE, USAGE ON SCHEMA public TO engine; GRANT USAGE ON SCHEMA public TO app; "
        "GRANT SELECT, INSERT ON public.events TO app; "
        "GRANT USAGE ON public.events_global_position_seq TO app");
    support_sql(conn, "GRANT CREATE ON DATABASE %s TO engine", pgx_database(conn));
    char engine[TMV_CONNINFO_MAX];
    snprintf(engine, sizeof engine, "%s user=engine", bed.super_conninfo[where]);
    text_copy(bed.stores[where].conninfo, sizeof bed.stores[where].conninfo, engine);
}

static int set_up(void **state)
{
    struct tmv_error err = {0};
    struct tmv_uuid other;

    if (support_setup(state) != 0)
        return -1;
    assert_true(tmv_uuid_parse(TENANT, &bed.tenant) && tmv_uuid_parse(OTHER, &other));
    make_ready(SOURCE, "shared");
    make_ready(TARGET, "dedicated");
    support_fill(bed.super[SOURCE], &bed.tenant, 20, 10);
    support_fill(bed.super[SOURCE], &other, 20, 10);
    support_sql(bed.super[SOURCE], "UPDATE public.events SET actor_id = NULL WHERE version = 3");
    assert_done(tmv_control_init(bed.stores[SOURCE].conninfo, &err), &err);
    assert_done(tmv_control_open(bed.stores[SOURCE].conninfo, &bed.control, &err), &err);
    for (int i = 0; i < ENDS; i++)
        assert_done(tmv_store_add(bed.control, &bed.stores[i], &err), &err);
    assert_done(tmv_routing_register(bed.control, &bed.tenant, "shared", &err), &err);
    assert_done(tmv_routing_register(bed.control, &other, "shared", &err), &err);
    /* The schema of a store, as an earlier migration left it. */
    for (int i = 0; i < ENDS; i++) {
        struct pgx_conn *engine = support_connect(bed.stores[i].conninfo);
        assert_done(pgx_script(engine, SUPPORT_TIMEOUT_US, sql_store_schema, 0, NULL, &err), &err);
        pgx_close(engine);
    }
    return 0;
}

static int tear_down(void **state)
{
    tmv_control_close(bed.control);
    for (int i = 0; i < ENDS; i++)
        pgx_close(bed.super[i]);
    return support_teardown(state);
}

static void accepts_two_good_stores_and_lists_the_statements(void **state)
{
    struct tmv_preflight *p = preflight(NULL, "dedicated");

    (void)state;
    if (p->refusals)
        show(p);
    assert_int_equal(p->refusals, 0);
    assert_verdict(p, "tenant-events", TMV_VERDICT_OK, "200 events");
    assert_verdict(p, "control-place", TMV_VERDICT_OK, "source's database");
    assert_verdict(p, "source-durability", TMV_VERDICT_WARN, "no synchronous standby");
    assert_null(find(p, "not-looked-at"));
    assert_non_null(strstr(p->statements, "CREATE TRIGGER \"~tenantmv_"));
    assert_non_null(strstr(p->statements, "CREATE TRIGGER \"~tenantmv_retired_insert\""));
    assert_non_null(strstr(p->statements, TENANT));
    assert_null(strstr(p->statements, "{{"));
    tmv_preflight_free(p);
}

static void changes_nothing_in_either_store(void **state)
{
    const char *count =
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname NOT "
        "LIKE 'pg\\_%'";
    int64_t before[ENDS];

    (void)state;
    for (int i = 0; i < ENDS; i++)
        before[i] = support_int(bed.super[i], "%s", count);
    tmv_preflight_free(preflight(NULL, "dedicated"));
    for (int i = 0; i < ENDS; i++) {
        assert_int_equal(support_int(bed.super[i], "%s", count), before[i]);
        assert_int_equal(support_int(bed.super[i],
                                     "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                                     "'tenantmv/preflight%%' AND state <> 'idle'"),
                         0);
    }
}

static void refuses_a_source_that_is_the_target(void **state)
{
    struct tmv_store_info same = bed.stores[SOURCE];
    struct tmv_error err = {0};
    struct tmv_preflight *p;

    (void)state;
    snprintf(same.id, sizeof same.id, "same");
    assert_done(tmv_store_add(bed.control, &same, &err), &err);
    p = preflight("shared", "same");
    assert_verdict(p, "source-target-differ", TMV_VERDICT_REFUSE, "same database");
    tmv_preflight_free(p);
}

static void refuses_a_store_that_cannot_be_reached_and_looks_at_the_rest(void **state)
{
    struct tmv_store_info gone = bed.stores[TARGET];
    struct tmv_error err = {0};
    struct tmv_preflight *p;

    (void)state;
    snprintf(gone.id, sizeof gone.id, "gone");
    snprintf(gone.conninfo, sizeof gone.conninfo, "host=%s dbname=x", support_temporary_dir());
    assert_done(tmv_store_add(bed.control, &gone, &err), &err);
    p = preflight("shared", "gone");
    assert_verdict(p, "target-reachable", TMV_VERDICT_REFUSE, "cannot connect");
    assert_verdict(p, "not-looked-at", TMV_VERDICT_WARN, "target-");
    assert_verdict(p, "streams-unmixed", TMV_VERDICT_OK, "alone");
    tmv_preflight_free(p);
}

static void names_an_unknown_store_and_an_unknown_tenant(void **state)
{
    struct tmv_start_options options = {.tenant = bed.tenant, .target = "nowhere"};
    struct tmv_preflight *p = NULL;
    struct tmv_error err = {0};

    (void)state;
    tmv_settings_default(&options.settings);
    assert_fails(tmv_preflight_run(bed.control, &options, false, &p, &err), &err, TMV_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "nowhere"));
    assert_true(tmv_uuid_parse(NOBODY, &options.tenant));
    options.target = "dedicated";
    assert_fails(tmv_preflight_run(bed.control, &options, false, &p, &err), &err, TMV_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, NOBODY));
    assert_string_not_equal(err.hint, "");
}

static void warns_when_control_is_elsewhere(void **state)
{
    struct tmv_control *elsewhere = NULL;
    struct tmv_control *home = bed.control;
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err = {0};
    struct tmv_preflight *p;

    (void)state;
    support_database(support_cluster("target", NULL), conninfo);
    assert_done(tmv_control_init(conninfo, &err) && tmv_control_open(conninfo, &elsewhere, &err), &err);
    for (int i = 0; i < ENDS; i++)
        assert_done(tmv_store_add(elsewhere, &bed.stores[i], &err), &err);
    assert_done(tmv_routing_register(elsewhere, &bed.tenant, "shared", &err), &err);
    bed.control = elsewhere;
    p = preflight(NULL, "dedicated");
    bed.control = home;
    tmv_control_close(elsewhere);
    assert_verdict(p, "control-place", TMV_VERDICT_WARN, "TM001");
    assert_int_equal(p->refusals, 0);
    tmv_preflight_free(p);
}

static void refuses_different_encodings(void **state)
{
    struct tmv_store_info latin = bed.stores[TARGET];
    struct tmv_error err = {0};
    struct tmv_preflight *p;
    char conninfo[CLUSTER_CONNINFO_MAX];

    (void)state;
    support_sql(bed.super[TARGET],
                "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE "
                "template0");
    snprintf(latin.id, sizeof latin.id, "latin");
    snprintf(latin.conninfo, sizeof latin.conninfo, "%s",
             cluster_conninfo(support_cluster("target", NULL), "latin", conninfo));
    assert_done(tmv_store_add(bed.control, &latin, &err), &err);
    p = preflight("shared", "latin");
    assert_verdict(p, "encodings", TMV_VERDICT_REFUSE, "LATIN1");
    tmv_preflight_free(p);
}

static void warns_of_a_partitioned_target_without_a_default_partition(void **state)
{
    struct tmv_store_info parted = bed.stores[TARGET];
    struct tmv_error err = {0};
    struct tmv_preflight *p;
    struct pgx_conn *conn;

    (void)state;
    support_store(support_cluster("target", NULL), "parted", true, &parted);
    conn = support_connect(parted.conninfo);
    support_sql(conn, "GRANT SELECT, INSERT ON public.events TO app; "
                      "GRANT USAGE ON public.events_global_position_seq TO app");
    pgx_close(conn);
    assert_done(tmv_store_add(bed.control, &parted, &err), &err);
    p = preflight("shared", "parted");
    if (p->refusals)
        show(p);
    assert_int_equal(p->refusals, 0);
    assert_verdict(p, "target-events-table", TMV_VERDICT_OK, "partitioned");
    assert_verdict(p, "default-partition", TMV_VERDICT_WARN, "PARTITION OF public.events DEFAULT;");
    tmv_preflight_free(p);
}

static void refuses_a_source_that_a_subscription_feeds(void **state)
{
    struct pgx_conn *source = bed.super[SOURCE];
    struct tmv_preflight *p;

    (void)state;
    support_sql(bed.super[TARGET], "CREATE PUBLICATION feed FOR TABLE public.events");
    support_sql(source,
                "CREATE SUBSCRIPTION feed CONNECTION '%s' PUBLICATION feed WITH (create_slot = false, "
                "enabled = false, slot_name = NONE)",
                bed.super_conninfo[TARGET]);
    p = preflight("shared", "dedicated");
    support_sql(source, "DROP SUBSCRIPTION feed");
    support_sql(bed.super[TARGET], "DROP PUBLICATION feed");
    assert_verdict(p, "source-replication", TMV_VERDICT_REFUSE, "a subscription feeds");
    tmv_preflight_free(p);
}

static void says_so_when_it_gives_up_on_a_question(void **state)
{
    struct pgx_conn *holder = support_connect(bed.super_conninfo[TARGET]);
    struct tmv_preflight *p;

    (void)state;
    support_sql(holder, "BEGIN; REINDEX INDEX public.events_pkey"); /* nobody can plan meanwhile */
    p = preflight("shared", "dedicated");
    pgx_close(holder);
    assert_verdict(p, "target-without-tenant", TMV_VERDICT_WARN, "gave up after 4 s");
    assert_verdict(p, "version-gaps", TMV_VERDICT_OK, "without a gap");
    tmv_preflight_free(p);
}

static void set_standby_names(struct pgx_conn *conn, const char *names)
{
    support_sql(conn, "ALTER SYSTEM SET synchronous_standby_names = '%s'", names);
    support_sql(conn, "SELECT pg_reload_conf()");
    support_wait_until(conn, "SELECT current_setting('synchronous_standby_names') = '%s'", names);
}

static void refuses_when_no_synchronous_standby_confirms_a_commit(void **state)
{
    struct tmv_preflight *p;

    (void)state;
    set_standby_names(bed.super[TARGET], "nobody");
    p = preflight(NULL, "dedicated");
    set_standby_names(bed.super[TARGET], "");
    assert_verdict(p, "target-durability", TMV_VERDICT_REFUSE, "synchronous_standby_names");
    tmv_preflight_free(p);
}

/* A server in recovery for want of anything else to do: what a standby is to a client. */
static void refuses_a_standby(void **state)
{
    struct cluster *cluster = support_cluster("standby", NULL);
    struct tmv_store_info standby = bed.stores[TARGET];
    struct tmv_error err = {0};
    struct tmv_preflight *p;
    char path[600];
    FILE *signal_file;

    (void)state;
    support_store(cluster, "standby", false, &standby);
    assert_done(cluster_stop(cluster, CLUSTER_FAST, &err), &err);
    snprintf(path, sizeof path, "%s/standby.signal", cluster_data_dir(cluster));
    signal_file = fopen(path, "we");
    assert_non_null(signal_file);
    fclose(signal_file);
    assert_done(cluster_resume(cluster, &err), &err);
    assert_done(tmv_store_add(bed.control, &standby, &err), &err);
    p = preflight("shared", "standby");
    assert_verdict(p, "target-primary", TMV_VERDICT_REFUSE, "standby");
    tmv_preflight_free(p);
}

#define CASES (sizeof cases / sizeof *cases)

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(accepts_two_good_stores_and_lists_the_statements),
        cmocka_unit_test(changes_nothing_in_either_store),
        cmocka_unit_test(refuses_a_source_that_is_the_target),
        cmocka_unit_test(refuses_a_store_that_cannot_be_reached_and_looks_at_the_rest),
        cmocka_unit_test(names_an_unknown_store_and_an_unknown_tenant),
        cmocka_unit_test(warns_when_control_is_elsewhere),
        cmocka_unit_test(refuses_different_encodings),
        cmocka_unit_test(warns_of_a_partitioned_target_without_a_default_partition),
        cmocka_unit_test(refuses_a_source_that_a_subscription_feeds),
        cmocka_unit_test(says_so_when_it_gives_up_on_a_question),
        cmocka_unit_test(refuses_when_no_synchronous_standby_confirms_a_commit),
        cmocka_unit_test(refuses_a_standby),
    };
    static struct CMUnitTest tests[CASES + sizeof others / sizeof *others];
    size_t n = 0;

    tests[n++] = others[0];
    for (size_t i = 0; i < CASES; i++)
        tests[n++] = (struct CMUnitTest){
            .name = cases[i].name,
            .test_func = notices_what_is_broken,
            .initial_state = (void *)(uintptr_t)&cases[i],
        };
    for (size_t i = 1; i < sizeof others / sizeof *others; i++)
        tests[n++] = others[i];
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
