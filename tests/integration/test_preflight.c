/* Every check of preflight against two real clusters: each row breaks one thing, names the check that must
 * notice and part of what it must say, and mends it again. A new check is a new row here.
 *
 * The engine's role is an ordinary one, so the checks of rights are real; the rows break things as the
 * superuser.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "control/repositories.h"
#include "sql_embedded.h"
#include "support/preflight_bed.h"
#include "support/replica.h"
#include "tenantmv/preflight.h"
#include "test.h"

static struct preflight_bed bed;

#define NOOP_FUNCTION                                                                                        \
    "CREATE FUNCTION public.noop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "

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
    {"names_what_ends_a_migration_that_another_program_left_behind", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase, "
     "created_by) "
     "VALUES ('" NOBODY "', '" TENANT "', 'shared', 'third', 'bulk_copy', 'sync@app1')",
     "no-active-migration", TMV_VERDICT_REFUSE,
     "another program runs it (sync@app1): let that program end it; when it is gone: tenantmv abort " TENANT
     " --foreign",
     "DELETE FROM public.tenant_migrations", NULL, NULL},
    {"takes_no_pending_migration_of_another_program_for_its_own", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id) VALUES "
     "('" NOBODY "', '" TENANT "', 'shared', 'dedicated')",
     "no-active-migration", TMV_VERDICT_REFUSE, "--foreign", "DELETE FROM public.tenant_migrations", NULL,
     NULL},
    {"accepts_its_own_pending_migration", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id) VALUES "
     "('" NOBODY "', '" TENANT "', 'shared', 'dedicated'); "
     "INSERT INTO tenantmv.migration_state (migration_id) VALUES ('" NOBODY "')",
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
    {"names_the_rights_that_are_missing_in_the_control_database", SOURCE,
     "REVOKE INSERT, UPDATE ON tenantmv.command, tenantmv.lease FROM engine; REVOKE UPDATE ON "
     "public.tenant_routing FROM engine; REVOKE USAGE ON SEQUENCE public.migration_audit_log_id_seq FROM "
     "engine",
     "control-rights", TMV_VERDICT_REFUSE,
     "GRANT USAGE ON SEQUENCE public.migration_audit_log_id_seq TO engine; GRANT INSERT, UPDATE ON "
     "tenantmv.command, tenantmv.lease TO engine; GRANT UPDATE ON public.tenant_routing TO engine;",
     "GRANT INSERT, UPDATE ON tenantmv.command, tenantmv.lease TO engine; GRANT UPDATE ON "
     "public.tenant_routing TO engine; GRANT USAGE ON SEQUENCE public.migration_audit_log_id_seq TO engine",
     NULL, NULL},
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
     "GRANT INSERT, DELETE ON public.events TO engine", NULL, "trial"},
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
     "trial"},
    {"warns_when_other_sessions_ages_are_hidden", SOURCE, "REVOKE pg_read_all_stats FROM engine",
     "source-statistics", TMV_VERDICT_WARN, "GRANT pg_read_all_stats TO engine;",
     "GRANT pg_read_all_stats TO engine", NULL, NULL},
    {"refuses_row_security_that_hides_events", SOURCE,
     "ALTER TABLE public.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", "source-row-security",
     TMV_VERDICT_REFUSE, "ALTER ROLE engine BYPASSRLS;",
     "ALTER TABLE public.events NO FORCE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY", NULL, "data trial"},
    {"refuses_writers_that_may_not_write_to_the_target_and_prints_the_grant", TARGET,
     "REVOKE INSERT ON public.events FROM app; REVOKE USAGE ON public.events_global_position_seq FROM app",
     "writers", TMV_VERDICT_REFUSE, "GRANT SELECT, INSERT ON public.events TO app;",
     "GRANT INSERT ON public.events TO app; GRANT USAGE ON public.events_global_position_seq TO app", NULL,
     NULL},
    {"warns_of_writers_that_do_not_exist_on_the_target", SOURCE,
     "CREATE ROLE writer2 LOGIN; GRANT INSERT ON public.events TO writer2", "writers", TMV_VERDICT_WARN,
     "writer2", "DROP OWNED BY writer2; DROP ROLE writer2", NULL, NULL},

    /* way back */
    {"refuses_a_way_back_to_a_table_that_the_role_may_not_write_to_and_prints_the_grant", SOURCE,
     "REVOKE INSERT ON public.events FROM engine", "way-back-table", TMV_VERDICT_REFUSE,
     "GRANT INSERT ON TABLE public.events TO engine;", "GRANT INSERT ON public.events TO engine", NULL, NULL,
     .held = true},
    {"refuses_a_way_back_without_the_sources_positions_and_prints_the_grant", SOURCE,
     "REVOKE USAGE, UPDATE ON public.events_global_position_seq FROM engine", "way-back-sequence",
     TMV_VERDICT_REFUSE, "GRANT USAGE ON SEQUENCE \"public\".\"events_global_position_seq\" TO engine;",
     "GRANT USAGE, UPDATE ON public.events_global_position_seq TO engine", NULL, "source-sequence trial",
     .held = true},
    {"refuses_a_column_that_cannot_be_carried_back", TARGET, "ALTER TABLE public.events ADD COLUMN note text",
     "way-back-columns", TMV_VERDICT_REFUSE, "note (text)", "ALTER TABLE public.events DROP COLUMN note",
     NULL, NULL, .held = true},
    {"refuses_a_type_that_is_narrower_on_the_way_back", TARGET,
     "ALTER TABLE public.events ALTER COLUMN event_type TYPE text", "way-back-columns", TMV_VERDICT_REFUSE,
     "event_type (text)", "ALTER TABLE public.events ALTER COLUMN event_type TYPE varchar(255)", NULL,
     "types", .held = true},
    {"refuses_a_column_of_the_source_that_nothing_fills_on_the_way_back", SOURCE,
     "ALTER TABLE public.events ADD COLUMN place text NOT NULL DEFAULT 'x'; ALTER TABLE public.events ALTER "
     "COLUMN place DROP DEFAULT",
     "way-back-columns", TMV_VERDICT_REFUSE, "place (text)", "ALTER TABLE public.events DROP COLUMN place",
     NULL, NULL, .leave_column = "place", .held = true},
    {"warns_of_a_value_that_only_the_source_insists_on", TARGET,
     "ALTER TABLE public.events ALTER COLUMN event_type DROP NOT NULL", "way-back-columns", TMV_VERDICT_WARN,
     "event_type", "ALTER TABLE public.events ALTER COLUMN event_type SET NOT NULL", NULL, NULL,
     .held = true},
    {"lists_the_triggers_that_fire_for_carried_events", SOURCE,
     NOOP_FUNCTION
     "CREATE TRIGGER tell AFTER INSERT ON public.events FOR EACH ROW EXECUTE FUNCTION public.noop()",
     "way-back-triggers", TMV_VERDICT_WARN, "tell (AFTER)", "DROP FUNCTION public.noop() CASCADE", NULL, NULL,
     .held = true},
    {"asks_nothing_of_a_way_back_that_nobody_wants", SOURCE, "REVOKE INSERT ON public.events FROM engine",
     "source-table", TMV_VERDICT_OK, "", "GRANT INSERT ON public.events TO engine", NULL, NULL},

    /* shape */
    {"refuses_a_source_without_an_events_table", SOURCE, "ALTER TABLE public.events RENAME TO gone",
     "source-events-table", TMV_VERDICT_REFUSE, "no table public.events",
     "ALTER TABLE public.gone RENAME TO events", NULL, NULL},
    {"refuses_a_target_without_an_events_table", TARGET, "ALTER TABLE public.events RENAME TO gone",
     "target-events-table", TMV_VERDICT_REFUSE, "no table public.events",
     "ALTER TABLE public.gone RENAME TO events", NULL, NULL},
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
     "DELETE FROM", "DELETE FROM public.events", NULL, "trial"},
    {"offers_no_removal_where_the_fence_says_that_the_tenant_is_at_home", TARGET,
     "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, store_id, events) VALUES ('" TENANT
     "', 'open', 2, 'shared', 'public.events'); " NEW_EVENT("'" TENANT "'", "gen_random_uuid()", "1"),
     "target-without-tenant", TMV_VERDICT_REFUSE, "do not remove them",
     "DELETE FROM tenantmv.fence; DELETE FROM public.events", NULL, "target-fence trial"},
    {"offers_the_removal_of_what_a_tenant_left_behind", TARGET,
     "INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, store_id, events) VALUES ('" TENANT
     "', 'moved', 2, 'shared', 'public.events'); " NEW_EVENT("'" TENANT "'", "gen_random_uuid()", "1"),
     "target-without-tenant", TMV_VERDICT_REFUSE, "DELETE FROM",
     "DELETE FROM tenantmv.fence; DELETE FROM public.events", NULL, "trial"},
    {"refuses_a_target_that_holds_another_tenant", TARGET, NEW_EVENT("'" OTHER "'", "gen_random_uuid()", "1"),
     "target-without-others", TMV_VERDICT_REFUSE, OTHER, "DELETE FROM public.events", NULL, NULL},
    {"refuses_a_target_that_holds_events_of_nobody", TARGET, NEW_EVENT("NULL", "gen_random_uuid()", "1"),
     "target-without-others", TMV_VERDICT_REFUSE, "no tenant", "DELETE FROM public.events", NULL, NULL},
    {"refuses_a_target_to_which_another_tenant_is_on_the_way", SOURCE,
     "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) VALUES "
     "('" NOBODY "', '" OTHER "', 'shared', 'dedicated', 'dual_write')",
     "target-unclaimed", TMV_VERDICT_REFUSE, "tenantmv abort " OTHER " --foreign",
     "DELETE FROM public.tenant_migrations", NULL, NULL},
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
     "ALTER TABLE public.events ALTER actor_id DROP NOT NULL", NULL, "trial"}, /* it may try such an event */
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

static void notices_what_is_broken(void **state)
{
    assert_notices(&bed, *state);
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

static void accepts_two_good_stores_and_lists_the_statements(void **state)
{
    struct tmv_preflight *p = preflight(&bed, NULL, "dedicated");

    (void)state;
    if (p->refusals)
        preflight_show(p);
    assert_int_equal(p->refusals, 0);
    assert_verdict(p, "tenant-events", TMV_VERDICT_OK, "200 events");
    assert_verdict(p, "control-place", TMV_VERDICT_OK, "source's database");
    assert_verdict(p, "source-durability", TMV_VERDICT_WARN, "no synchronous standby");
    assert_null(preflight_find(p, "not-looked-at"));
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
    tmv_preflight_free(preflight(&bed, NULL, "dedicated"));
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
    p = preflight(&bed, "shared", "same");
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
    p = preflight(&bed, "shared", "gone");
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
    p = preflight(&bed, NULL, "dedicated");
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
    p = preflight(&bed, "shared", "latin");
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
    p = preflight(&bed, "shared", "parted");
    if (p->refusals)
        preflight_show(p);
    assert_int_equal(p->refusals, 0);
    assert_verdict(p, "target-events-table", TMV_VERDICT_OK, "partitioned");
    assert_verdict(p, "default-partition", TMV_VERDICT_WARN, "PARTITION OF public.events DEFAULT;");
    tmv_preflight_free(p);
}

static void warns_of_partitions_that_the_target_lacks(void **state)
{
    struct tmv_store_info from, to;
    struct tmv_uuid tenant = tmv_uuid_random();
    struct tmv_error err = {0};
    struct tmv_preflight *p;

    (void)state;
    support_store(support_cluster("source", NULL), "parts-here", true, &from);
    support_store(support_cluster("target", NULL), "parts-there", true, &to);
    assert_done(tmv_store_add(bed.control, &from, &err), &err);
    assert_done(tmv_store_add(bed.control, &to, &err), &err);
    assert_done(tmv_routing_register(bed.control, &tenant, "parts-here", &err), &err);
    const struct tmv_start_options options = {
        .tenant = tenant, .source = "parts-here", .target = "parts-there"};
    assert_done(tmv_preflight_run(bed.control, &options, false, &p, &err), &err);
    assert_verdict(p, "partitions", TMV_VERDICT_OK, "every partition");
    tmv_preflight_free(p);
    struct pgx_conn *conn = support_connect(to.conninfo);
    support_sql(conn, "DROP TABLE public.events_new");
    assert_done(tmv_preflight_run(bed.control, &options, false, &p, &err), &err);
    assert_verdict(p, "partitions", TMV_VERDICT_WARN,
                   "CREATE TABLE public.events_new PARTITION OF public.events FOR VALUES FROM");
    tmv_preflight_free(p);
    support_sql(conn, "CREATE TABLE public.others PARTITION OF public.events DEFAULT");
    pgx_close(conn);
    assert_done(tmv_preflight_run(bed.control, &options, false, &p, &err), &err);
    assert_verdict(p, "partitions", TMV_VERDICT_OK, "every partition");
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
    p = preflight(&bed, "shared", "dedicated");
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
    p = preflight(&bed, "shared", "dedicated");
    pgx_close(holder);
    assert_verdict(p, "target-without-tenant", TMV_VERDICT_WARN, "gave up after 4 s");
    assert_verdict(p, "version-gaps", TMV_VERDICT_OK, "without a gap");
    tmv_preflight_free(p);
}

static void refuses_when_no_synchronous_standby_confirms_a_commit(void **state)
{
    struct tmv_preflight *p;

    (void)state;
    replica_require(bed.super_conninfo[TARGET], "nobody");
    p = preflight(&bed, NULL, "dedicated");
    replica_require(bed.super_conninfo[TARGET], NULL);
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
    p = preflight(&bed, "shared", "standby");
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
        cmocka_unit_test(warns_of_partitions_that_the_target_lacks),
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
