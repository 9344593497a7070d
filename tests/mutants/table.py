"""What can be wrong with a database, a request or the data, and for each row one or two mistakes that somebody could make in
the code that deals with it. The text to replace stands exactly once in its file; the case must fail with the replacement.
"""

from typing import NamedTuple

# The rows of bad input and bad days; the part of a mutant's name before the slash.
ROWS = """unreachable refused wrong-password too-old missing-schema missing-privilege unknown-tenant unknown-store unknown-migration
same-store target-has-tenant lives-elsewhere no-events empty-payload large-payload jsonb-shapes null-actor non-ascii extra-columns
types version-gaps mixed-streams target-refuses-event target-disk-full target-read-only long-transaction changed-underneath registry""".split()


class Mutant(NamedTuple):
    name: str  # row/mistake
    file: str
    text: str  # stands there once
    instead: str
    test: str  # as meson calls it
    case: str  # must fail


CONN = "core/pg/conn.c"
DATA = "core/migrate/preflight/data.c"
SHAPE = "core/migrate/preflight/shape.c"
PLACES = "core/migrate/preflight/places.c"
RIGHTS = "core/migrate/preflight/rights.c"
REQUESTS = "core/control/operations.c"
CONTROL = "core/sql/control_functions.sql"
COORDINATOR = "core/migrate/coordinator.c"
PASSWORDS = "says_what_to_do_when_the_password_is_wrong_or_the_server_refuses"
UNKNOWN = "refuses_to_start_what_it_does_not_know"
PAYLOADS = "carries_every_shape_of_payload"

MUTANTS = [Mutant(*row) for row in [
    ("unreachable/no-hint", CONN,
     'err_hint(err, "check that the server runs and that host and port are right: tenantmv store check");',
     "err_hint(err, \"%s\", \"\");", "bad_days", "says_what_to_do_when_a_database_is_unreachable"),
    ("unreachable/only-a-warning", PLACES, 'check_seen(check, TMV_VERDICT_REFUSE, "%s", end->why_not.message);',
     'check_seen(check, TMV_VERDICT_WARN, "%s", end->why_not.message);',
     "preflight", "refuses_a_store_that_cannot_be_reached_and_looks_at_the_rest"),
    ("refused/not-told-apart", CONN, ' ||\n        strstr(why, "pg_hba.conf")) {', ") {", "bad_days", PASSWORDS),
    ("wrong-password/not-told-apart", CONN, 'strstr(why, "authentication failed") || ', "", "bad_days", PASSWORDS),
    ("wrong-password/missing-password-not-told-apart", CONN, 'strstr(why, "no password supplied") ||', "", "bad_days", PASSWORDS),
    ("too-old/check-left-out", CONN, "#define LOWEST_VERSION 130000", "#define LOWEST_VERSION 90600",
     "bad_days", "refuses_a_server_that_is_too_old"),
    ("too-old/no-hint", CONN, 'return err_hint(err, "upgrade the server, or move the tenant from a replica of a newer version");',
     "return false;", "bad_days", "refuses_a_server_that_is_too_old"),
    ("missing-schema/no-hint", "core/control/schema.c", 'return err_hint(err, "run once: tenantmv init");', "return false;",
     "bad_days", "names_the_command_that_makes_a_missing_control_schema"),
    ("missing-schema/not-looked-for", "core/control/handle.c", "if (!control_schema_check(control->conn, err))",
     "if (!read_only && control->read_only && !control_schema_check(control->conn, err))",
     "bad_days", "names_the_command_that_makes_a_missing_control_schema"),
    ("missing-schema/no-events-table", "core/store/shape.c",
     'err_set(err, TMV_ERR_REFUSED, "%s has no table %s.%s", pgx_place(conn), shape->schema, shape->table);',
     'err_set(err, TMV_ERR_REFUSED, "cannot read the store");', "bad_moves", "refuses_a_target_without_an_events_table"),
    ("missing-privilege/create-not-asked-for", "core/sql/preflight_schema_rights.sql",
     "has_database_privilege(current_database(), 'CREATE')", "has_database_privilege(current_database(), 'CONNECT')",
     "bad_moves", "says_which_grant_is_missing"),
    ("missing-privilege/delete-not-asked-for", RIGHTS, "SELECT,INSERT,UPDATE,DELETE,TRIGGER", "SELECT,INSERT,UPDATE,TRIGGER",
     "preflight", "refuses_a_target_that_the_role_may_not_fill_and_prints_the_grant"),
    ("missing-privilege/no-grant-printed", "core/control/schema.c",
     'err_wrap(err, "installing the control schema in %s", pgx_place(conn));\n    if (err_is_sqlstate(err, "42501"))',
     'err_wrap(err, "installing the control schema in %s", pgx_place(conn));\n    if (err_is_sqlstate(err, "42502"))',
     "control", "says_which_grant_is_missing"),
    ("unknown-tenant/no-hint", REQUESTS,
     'return err_hint(err, "register it where it lives now: see `tenantmv routing --help`");', "return false;", "bad_days", UNKNOWN),
    ("unknown-tenant/not-named", "core/migrate/preflight/run.c",
     'err_set(err, TMV_ERR_NOT_FOUND, "the tenant %s has no routing row", view->tenant);',
     'err_set(err, TMV_ERR_NOT_FOUND, "no routing row");', "preflight", "names_an_unknown_store_and_an_unknown_tenant"),
    ("unknown-store/only-the-source-looked-up", CONTROL, "FROM unnest(ARRAY[source, p_target]) AS name",
     "FROM unnest(ARRAY[source]) AS name", "bad_days", UNKNOWN),
    ("unknown-store/no-hint", REQUESTS, 'return err_hint(err, "add it with `tenantmv store add`");', "return false;",
     "bad_days", UNKNOWN),
    ("unknown-migration/another-class", REQUESTS, 'return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", id);',
     'return err_set(err, TMV_ERR_SQL, "there is no migration %s", id);', "bad_days", UNKNOWN),
    ("same-store/check-left-out", CONTROL, "IF source = p_target THEN", "IF source = p_target AND source IS NULL THEN",
     "bad_days", UNKNOWN),
    ("same-store/same-database-under-another-name", PLACES,
     "if (strcmp(view->source.facts.identity, end->facts.identity) != 0)",
     "if (strcmp(view->source.store.id, end->store.id) != 0)", "preflight", "refuses_a_source_that_is_the_target"),
    ("target-has-tenant/off-by-one", DATA, "int64_t found = pgx_int(count, 0, 0);\n    if (found == 0)",
     "int64_t found = pgx_int(count, 0, 0);\n    if (found <= 1)", "preflight", "refuses_a_target_that_holds_the_tenants_events"),
    ("target-has-tenant/only-a-warning", DATA, 'check_seen(check, TMV_VERDICT_REFUSE, "the target holds %s%" PRId64',
     'check_seen(check, TMV_VERDICT_WARN, "the target holds %s%" PRId64',
     "bad_moves", "refuses_a_target_that_holds_the_tenants_events_and_leaves_them"),
    ("lives-elsewhere/check-left-out", CONTROL, "IF source <> place THEN", "IF source <> place AND source IS NULL THEN",
     "bad_moves", "refuses_a_tenant_that_lives_elsewhere"),
    ("lives-elsewhere/route-not-compared", PLACES, "} else if (strcmp(view->route.store_id, source) != 0) {",
     "} else if (!*view->route.store_id) {", "preflight", "refuses_a_tenant_that_lives_elsewhere"),
    ("no-events/not-said", DATA, "if (counted == 0)", "if (counted < 0)", "preflight", "says_when_a_tenant_has_no_events"),
    ("no-events/plan-insists-on-some", "core/migrate/bulk_copier.c",
     "    c->total = c->plan.events;",
     "    if (c->plan.events == 0)\n        return err_set(err, TMV_ERR_REFUSED, \"nothing to copy\");\n"
     "    c->total = c->plan.events;", "bad_moves", "moves_a_tenant_with_no_events"),
    ("empty-payload/left-out-by-the-tail", "core/sql/tail_read.sql", "WHERE e.{{tenant}} = $3::uuid ORDER BY",
     "WHERE e.{{tenant}} = $3::uuid AND e.{{payload}} <> '{}' ORDER BY", "bad_moves", PAYLOADS),
    ("empty-payload/left-out-by-the-copy", "core/sql/copy_out.sql", "WHERE e.{{tenant}} = '{{tenant_id}}') TO STDOUT",
     "WHERE e.{{tenant}} = '{{tenant_id}}' AND e.{{payload}} <> '{}') TO STDOUT", "bad_moves", PAYLOADS),
    ("large-payload/tail-holds-a-megabyte", "core/migrate/tail_apply.c", "#define STREAM_MAX ((size_t)1 << 30)",
     "#define STREAM_MAX ((size_t)1 << 20)", "bad_moves", PAYLOADS),
    ("large-payload/append-holds-a-megabyte", "core/store/append.c", "bytes > STORE_APPEND_BYTES_MAX) {", "bytes > 1000000) {",
     "store", "stores_a_payload_of_a_megabyte"),
    ("jsonb-shapes/only-objects-and-arrays", "core/sql/tail_read.sql", "WHERE e.{{tenant}} = $3::uuid ORDER BY",
     "WHERE e.{{tenant}} = $3::uuid AND jsonb_typeof(e.{{payload}}) IN ('object', 'array') ORDER BY", "bad_moves", PAYLOADS),
    ("jsonb-shapes/backslash-not-escaped", "core/store/append.c", 'size_t plain = strcspn(text, "\\"\\\\");',
     'size_t plain = strcspn(text, "\\"");', "store", "stores_every_shape_of_payload"),
    ("null-actor/left-out-by-the-tail", "core/sql/tail_read.sql", "WHERE e.{{tenant}} = $3::uuid ORDER BY",
     "WHERE e.{{tenant}} = $3::uuid AND e.{{actor}} IS NOT NULL ORDER BY", "bad_moves", PAYLOADS),
    ("null-actor/empty-instead", "core/store/append.c", "add_element(&a->actors, e->actor);",
     'add_element(&a->actors, e->actor ? e->actor : "");', "store", "stores_every_shape_of_payload"),
    ("non-ascii/latin1-session", CONN, 'OPTION("client_encoding", "UTF8");', 'OPTION("client_encoding", "LATIN1");',
     "bad_moves", PAYLOADS),
    ("non-ascii/encodings-not-compared", PLACES, "if (strcmp(from, to) != 0) {", "if (!*from || !*to) {",
     "preflight", "refuses_different_encodings"),
    ("extra-columns/required-one-accepted", SHAPE, "add_name(c->not_null && !c->has_default ? &lists->required : &lists->extra, c->name);",
     "add_name(&lists->extra, c->name);", "preflight", "refuses_a_column_that_the_target_insists_on"),
    ("extra-columns/copied-all-the-same", "core/store/shape.c", "if (!to || from->generated || to->generated ||",
     "if (from->generated || (to && to->generated) ||", "bad_moves", "copies_what_both_sides_have_when_columns_differ"),
    ("types/only-a-warning", SHAPE, 'check_seen(check, TMV_VERDICT_REFUSE, "%s", buf_text(&wrong));',
     'check_seen(check, TMV_VERDICT_WARN, "%s", buf_text(&wrong));', "bad_moves", "refuses_different_types_before_it_touches_anything"),
    ("types/length-ignored", SHAPE, "&& room >= have;", "&& room > 0 && have > 0;", "preflight", "refuses_a_shorter_varchar"),
    ("version-gaps/refused", DATA, 'check_seen(check, TMV_VERDICT_WARN, "%s streams have a gap',
     'check_seen(check, TMV_VERDICT_REFUSE, "%s streams have a gap', "bad_moves", "keeps_gaps_in_versions_as_they_are"),
    ("version-gaps/only-the-first-version-looked-at", "core/sql/preflight_version_gaps.sql",
     "HAVING count(*) <> max({{version}}) OR min({{version}}) <> 1", "HAVING min({{version}}) <> 1",
     "preflight", "warns_of_gaps_in_versions"),
    ("mixed-streams/others-not-counted", DATA, "if (others + nobodys == 0)", "if (nobodys == 0)",
     "bad_moves", "refuses_streams_that_mix_tenants"),
    ("mixed-streams/null-is-not-unequal", "core/sql/preflight_mixed_streams.sql",
     "WHERE e.{{tenant}} IS DISTINCT FROM $1::uuid", "WHERE e.{{tenant}} <> $1::uuid",
     "preflight", "refuses_rows_without_a_tenant_in_the_tenants_streams"),
    ("target-refuses-event/conflict-ignored", "core/migrate/tail_apply.c", "if (pgx_rows(wrong) == 0)\n        return true;",
     "if (pgx_rows(wrong) >= 0)\n        return true;",
     "bad_moves", "stops_at_an_event_that_the_target_refuses_and_goes_on_without_the_stray"),
    ("target-refuses-event/tried-for-ever", "core/base/error.c", "{TMV_ERR_DIVERGED, NULL, TMV_CLASS_FATAL, 1},",
     "{TMV_ERR_DIVERGED, NULL, TMV_CLASS_RETRY, 1},",
     "bad_moves", "stops_at_an_event_that_the_target_refuses_and_goes_on_without_the_stray"),
    ("target-disk-full/gives-up", COORDINATOR, '{"53", "25006",', '{"25006",', "bad_moves", "survives_a_full_disk_on_the_target"),
    ("target-disk-full/not-said", COORDINATOR, 'if (!coordinator_say(c, "waiting to try again", note, &ignored) ||',
     'if (!coordinator_say(c, "waiting to try again", "", &ignored) ||', "bad_moves", "survives_a_full_disk_on_the_target"),
    ("target-read-only/gives-up", COORDINATOR, '{"53", "25006",', '{"53",',
     "bad_moves", "waits_while_the_target_is_read_only_and_goes_on_by_itself"),
    ("target-read-only/not-refused-at-the-start", PLACES, "if (!end->facts.read_only)", "if (!end->facts.read_only || end == &view->target)",
     "preflight", "refuses_a_target_whose_transactions_are_read_only"),
    ("long-transaction/queues-behind-it", "core/store/guard.c", 'SET LOCAL lock_timeout = %d", TABLE_LOCK_TRY_MS);',
     'SET LOCAL lock_timeout = %d", 20000 + TABLE_LOCK_TRY_MS);',
     "bad_moves", "waits_for_a_long_transaction_without_holding_up_the_neighbours"),
    ("long-transaction/refused-at-once", "core/store/guard.c",
     'if (!err_is_sqlstate(err, "55P03") && !err_is_sqlstate(err, "40P01"))\n        return false;\n    return pgx_script(conn, GUARD',
     'if (err->code != TMV_OK)\n        return false;\n    return pgx_script(conn, GUARD',
     "bad_moves", "waits_for_a_long_transaction_without_holding_up_the_neighbours"),
    ("changed-underneath/pause-not-read", "core/migrate/phase_mirror.c", "    if (c->row.paused) {\n        if (!pgx_wait_readable",
     "    if (c->row.paused && c->ended) {\n        if (!pgx_wait_readable", "bad_moves", "obeys_a_pause_that_another_program_sets"),
    ("changed-underneath/phase-not-compared", CONTROL, "WHERE m.id = migration AND m.phase = from_phase\n       AND NOT (to_phase",
     "WHERE m.id = migration\n       AND NOT (to_phase", "control", "loses_the_race_for_a_phase_that_changed_underneath"),
    ("changed-underneath/nothing-taken-back", "core/migrate/phase_abort.c", "(touched && !clean_stores(c, false, err))",
     "(touched && c->ended && !clean_stores(c, false, err))", "bad_moves", "takes_everything_back_when_another_program_aborts"),
    ("registry/name-overwritten", "core/sql/control_store_add.sql", "ON CONFLICT (id) DO NOTHING",
     "ON CONFLICT (id) DO UPDATE SET conninfo = excluded.conninfo", "registry", "a_name_that_is_taken_is_refused"),
    ("registry/in-use-not-asked", "core/sql/control_store_replace.sql",
     "($10::boolean OR NOT EXISTS (SELECT FROM used))", "($10::boolean OR NOT EXISTS (SELECT FROM used WHERE false))",
     "registry", "a_store_in_use_is_replaced_only_when_that_was_confirmed"),
    ("registry/identity-forgotten", "core/sql/control_store_replace.sql", "coalesce($5::text, s.system_identifier)", "$5::text",
     "registry", "a_replacement_without_a_look_keeps_the_database_that_was_known"),
    ("registry/server-not-compared", "core/store/identity.c",
     "if (strcmp(known->system_identifier, found->system_identifier) != 0)",
     "if (strcmp(known->system_identifier, found->system_identifier) == 99)",
     "registry", "another_server_database_or_table_is_refused_and_the_difference_named"),
    ("registry/table-not-compared", "core/store/identity.c", "else if (known->events_oid && ", "else if (!known->events_oid && ",
     "registry", "another_server_database_or_table_is_refused_and_the_difference_named"),
    ("registry/not-compared-at-connect", "core/store/shape.c", "if (store->identity.system_identifier[0] &&",
     "if (!conn && store->identity.system_identifier[0] &&",
     "registry", "a_router_sends_nothing_to_another_database_under_a_known_name"),
    ("registry/own-string-not-compared", "core/route/registry.c", "asked = !store->registered || store->asked;", "asked = true;",
     "registry", "a_routers_own_string_leads_to_the_registered_database_or_nowhere"),
    ("registry/replacement-not-heard", "core/route/watch.c", 'if (strcmp(channel, "tenantmv_store") == 0)',
     'if (strcmp(channel, "tenantmv_stores") == 0)', "registry", "a_running_router_follows_a_store_that_was_replaced"),
    ("registry/replacement-not-seen-by-a-cutover", "core/migrate/phase_mirror.c",
     "|| !registry_agrees(c, &c->ends.target_store, err)) {", "|| c->ended) {",
     "registry", "a_cutover_is_refused_when_the_target_was_replaced"),
    ("registry/change-not-audited", "core/sql/control_routing_register.sql", "FROM added a", "FROM added a WHERE false",
     "registry", "every_change_of_the_registry_is_audited"),
]]
