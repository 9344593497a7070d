/* Verification in a running migration: what is proven stays proven over a restart and no longer than the
 * guard's catalogue rows stay as they are; what differs is named, kept, and mended on request, on the target
 * only. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/program.h"

static int with_control_elsewhere(void **state)
{
    (void)state;
    life_prepare(true, true);
    return 0;
}

static const char *migration(void)
{
    static char id[TMV_UUID_TEXT];

    return tmv_uuid_format(&l.migration, id);
}

/* Changes the target's events as only the engine's own sessions may: the guard's catalogue rows stay as they
 * are. */
static void change_with_the_pass(const char *change)
{
    support_sql(l.on_target,
                "SELECT set_config('tenantmv.pass', o.migration_id || '/' || o.owner_epoch, false)"
                " FROM tenantmv.owner o; %s; SET tenantmv.pass = ''",
                change);
}

/* Changes them as a superuser can who takes the guard away for a moment. */
static void change_behind_the_guard(const char *change)
{
    support_sql(
        l.on_target,
        "ALTER TABLE public.events DISABLE TRIGGER ALL; %s; ALTER TABLE public.events ENABLE TRIGGER ALL",
        change);
}

#define FIRST "(SELECT min(global_position) FROM public.events)"
#define CHANGE_ONE_FIELD                                                                                     \
    "UPDATE public.events SET created_at = created_at + interval '1 us' WHERE global_position = " FIRST

static void wait_for_proof(void)
{
    support_wait_until(l.on_control,
                       "SELECT EXISTS (SELECT FROM tenantmv.proof WHERE migration_id = '%s' AND"
                       " proven_to > 0)",
                       migration());
}

static void wait_for_difference(void)
{
    support_wait_until(l.on_control,
                       "SELECT EXISTS (SELECT FROM tenantmv.verification WHERE migration_id ="
                       " '%s' AND NOT consistent)",
                       migration());
}

static struct tmv_kept_report latest_report(void)
{
    struct tmv_kept_report *reports = NULL;
    struct tmv_kept_report latest;
    struct tmv_error err;
    size_t count = 0;

    assert_done(tmv_verify_reports(l.handle, &l.migration, 5, &reports, &count, &err), &err);
    assert_true(count > 0);
    latest = reports[0];
    free(reports);
    return latest;
}

static bool compare_fully(struct tmv_verify_report *ret_report)
{
    const struct tmv_verify_options options = {
        .source = &l.source, .target = &l.target, .tenant = l.tenant, .level = TMV_VERIFY_FULL};
    struct tmv_error err;

    assert_done(tmv_verify_stores(&options, ret_report, &err), &err);
    return ret_report->consistent;
}

/* An event below the proof is changed in the one way that the guard cannot see: an engine that went on from
 * the proof does not look at it again, one that began anew would find it. */
static void goes_on_from_what_is_proven_after_a_restart(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    wait_for_proof();
    life_stop_engine();
    change_with_the_pass(CHANGE_ONE_FIELD);
    int64_t proven = support_int(l.on_control, "SELECT proven_to FROM tenantmv.proof");
    assert_done(move_insert(l.on_source, &l.tenant, 700, 1, &err), &err);
    life_start_engine();
    support_wait_until(l.on_control, "SELECT proven_to > %lld FROM tenantmv.proof", (long long)proven);
    assert_int_equal(
        support_int(l.on_control, "SELECT count(*) FROM tenantmv.verification WHERE NOT consistent"), 0);
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_FAILED, "1 differences");
}

static void a_proof_is_void_when_the_guard_was_changed_meanwhile(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    wait_for_proof();
    life_stop_engine();
    change_behind_the_guard(CHANGE_ONE_FIELD);
    life_start_engine();
    wait_for_difference();
    assert_string_equal(latest_report().report.found[0].columns, "created_at");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "");
}

static void finds_a_target_that_is_changed_behind_its_back(void **state)
{
    struct tmv_kept_report kept;

    (void)state;
    life_begin_and_wait_until_ready();
    change_behind_the_guard(CHANGE_ONE_FIELD);
    wait_for_difference();
    kept = latest_report();
    assert_int_equal(kept.report.level, TMV_VERIFY_HASH);
    assert_int_equal(kept.report.differences, 1);
    assert_string_equal(kept.report.found[0].kind, "differs");
    assert_string_equal(kept.report.found[0].columns, "created_at");
    assert_int_equal(kept.report.found[0].position, support_int(l.on_target, "SELECT %s", FIRST));
    assert_int_equal(kept.report.found[0].version, 1);
    assert_false(tmv_uuid_is_nil(&kept.report.found[0].event_id));
    assert_false(tmv_uuid_is_nil(&kept.report.found[0].aggregate));
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED, "");
    life_wait_for("m.phase = 'dual_write'");
}

/* It says so itself, not only the note beside a green one. */
static void a_gate_that_knows_of_a_difference_is_red(void **state)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_error err = {0};
    bool red = false;

    (void)state;
    life_begin_and_wait_until_ready();
    wait_for_proof();
    change_with_the_pass(CHANGE_ONE_FIELD);
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_FAILED, "1 differences");
    life_wait_for("s.note LIKE 'verification found%%'");
    assert_done(tmv_snapshot_read(l.handle, &l.tenant, 10, &snapshot, &err), &err);
    for (size_t i = 0; i < snapshot->migrations[0].gate_count; i++) {
        const struct tmv_gate *gate = &snapshot->migrations[0].gates[i];

        red = red || (strcmp(gate->name, "verified") == 0 && !gate->green && !gate->unknown &&
                      strstr(gate->seen, "verification found 1 differences, the first at position"));
    }
    assert_true(red);
    tmv_snapshot_free(snapshot);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED,
                "verified: verification found 1 differences");
}

/* Asks; an engine that was just started has no lease yet, and has not looked at the gates. */
static struct tmv_uuid ask(struct tmv_request request)
{
    struct tmv_uuid id;
    struct tmv_error err;
    int64_t until = clock_now_us() + 90 * US_PER_S;

    request.migration = l.migration;
    while (!tmv_request(l.handle, &request, &amy, &id, &err)) {
        if (clock_now_us() >= until ||
            !(strstr(err.message, "no engine runs") || strstr(err.message, "are not known")))
            assert_done(false, &err);
        stop_sleep(NULL, 10 * US_PER_MS);
    }
    return id;
}

static struct tmv_command_info outcome_of(struct tmv_uuid id)
{
    struct tmv_command_info info = {0};
    struct tmv_error err;
    char text[TMV_UUID_TEXT];

    support_wait_until(l.on_control,
                       "SELECT state NOT IN ('requested', 'running') FROM tenantmv.command WHERE id"
                       " = '%s'",
                       tmv_uuid_format(&id, text));
    assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    return info;
}

static struct tmv_uuid send_repair(void)
{
    return ask((struct tmv_request){.operation = TMV_OP_VERIFY, .repair = true});
}

static struct tmv_command_info ask_repair(void)
{
    return outcome_of(send_repair());
}

static struct tmv_command_info force_a_cutover(void)
{
    const struct tmv_request request = {
        .operation = TMV_OP_CUTOVER, .force = true, .reason = "every option that there is"};

    return outcome_of(ask(request));
}

static void a_repair_mends_the_target_and_leaves_the_source(void **state)
{
    static const char fingerprint[] = "SELECT md5(string_agg(e::text, '' ORDER BY global_position)) FROM"
                                      " public.events e";
    struct tmv_verify_report report;

    (void)state;
    life_begin_and_wait_until_ready();
    AUTO_FREE char *before = support_text(l.on_source, fingerprint);
    /* one changed, one missing, one too many, two swapped */
    change_with_the_pass(CHANGE_ONE_FIELD);
    change_with_the_pass("DELETE FROM public.events WHERE global_position = 4");
    change_with_the_pass(
        "INSERT INTO public.events SELECT 305, gen_random_uuid(), gen_random_uuid(), 'O', 'O',"
        " tenant_id, NULL, 1, now(), '{}' FROM public.events LIMIT 1");
    change_with_the_pass(
        "UPDATE public.events SET global_position = -global_position WHERE global_position IN"
        " (7, 8); UPDATE public.events SET global_position = 15 + global_position WHERE"
        " global_position < 0");
    assert_false(compare_fully(&report));
    assert_int_equal(report.differences, 5);
    assert_int_equal(report.to_remove, 4);
    assert_int_equal(report.to_copy, 4);
    life_expect(ask_repair(), TMV_COMMAND_DONE, "repaired: 4 events removed from the target, 4 copied");
    assert_true(compare_fully(&report));
    assert_int_equal(support_int(l.on_target, "SELECT count(txid) FROM public.events"), 0);
    AUTO_FREE char *after = support_text(l.on_source, fingerprint);
    assert_string_equal(before, after);
    assert_true(latest_report().report.consistent);
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
}

/* One event missing, one changed, one too many; what the first two were is kept. */
static void damage_the_target(void)
{
    support_sql(l.on_target, "CREATE TABLE public.kept AS SELECT * FROM public.events WHERE global_position"
                             " IN (4, 6)");
    change_with_the_pass("DELETE FROM public.events WHERE global_position = 4");
    change_with_the_pass("UPDATE public.events SET created_at = created_at + interval '1 us' WHERE"
                         " global_position = 6");
    change_with_the_pass(
        "INSERT INTO public.events SELECT 305, gen_random_uuid(), gen_random_uuid(), 'O', 'O',"
        " tenant_id, NULL, 1, now(), '{}' FROM public.events LIMIT 1");
}

/* The repair has removed what is wrong, and its second pass waits: `in_the_way` has written an event where
 * another one is missing, and does not commit. */
static struct tmv_uuid repair_up_to_its_second_pass(struct pgx_conn *in_the_way)
{
    support_sql(in_the_way, "BEGIN; SELECT set_config('tenantmv.pass', o.migration_id || '/' ||"
                            " o.owner_epoch, true) FROM tenantmv.owner o;"
                            " INSERT INTO public.events SELECT 4, gen_random_uuid(), gen_random_uuid(), 'O',"
                            " 'O', tenant_id, NULL, 1, now(), '{}' FROM public.events LIMIT 1");
    struct tmv_uuid repair = send_repair();
    support_wait_until(l.on_target, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted) AND NOT EXISTS"
                                    " (SELECT FROM public.events WHERE global_position IN (4, 6, 305))");
    return repair;
}

static void begin_with_a_damaged_target(bool verified)
{
    l.settings.verify_consistency = verified;
    life_begin_and_wait_until_ready();
    damage_the_target();
}

static void no_option_lets_a_cutover_pass_a_repair(void **state)
{
    AUTO_CONN struct pgx_conn *in_the_way = NULL;

    (void)state;
    begin_with_a_damaged_target(false);
    in_the_way = support_connect(l.target.conninfo);
    struct tmv_uuid repair = repair_up_to_its_second_pass(in_the_way);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_REFUSED,
                "repair: a repair of the target is under way");
    life_expect(force_a_cutover(), TMV_COMMAND_REFUSED, "repair: a repair of the target is under way");
    support_sql(in_the_way, "ROLLBACK");
    life_expect(outcome_of(repair), TMV_COMMAND_DONE, "repaired: 2 events removed from the target, 2 copied");
    life_expect(force_a_cutover(), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
}

/* Leaves two events missing on the target. */
static void interrupt_a_repair(void)
{
    AUTO_CONN struct pgx_conn *in_the_way = support_connect(l.target.conninfo);

    (void)repair_up_to_its_second_pass(in_the_way);
    life_stop_engine();
    support_sql(in_the_way, "ROLLBACK");
    life_start_engine();
    life_expect(force_a_cutover(), TMV_COMMAND_REFUSED, "repair: interrupted");
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_FAILED, "2 differences");
    life_expect(force_a_cutover(), TMV_COMMAND_REFUSED, "repair: interrupted");
}

static void an_interrupted_repair_keeps_the_tenant_until_the_next_one_has_ended(void **state)
{
    (void)state;
    begin_with_a_damaged_target(true);
    interrupt_a_repair();
    life_expect(ask_repair(), TMV_COMMAND_DONE, "repaired: 0 events removed from the target, 2 copied");
    life_expect(force_a_cutover(), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
}

static void an_interrupted_repair_keeps_the_tenant_until_both_stores_are_equal(void **state)
{
    (void)state;
    begin_with_a_damaged_target(true);
    interrupt_a_repair();
    change_with_the_pass("INSERT INTO public.events SELECT * FROM public.kept");
    life_expect(life_ask(TMV_OP_VERIFY, NULL), TMV_COMMAND_DONE, "equal up to position");
    support_wait_until(l.on_target, "SELECT NOT EXISTS (SELECT FROM tenantmv.repair)");
    life_wait_for("s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
}

/* The note on the target is what keeps it from being armed: without it no batch is written. */
static void a_batch_of_a_repair_is_not_written_without_its_note(void **state)
{
    AUTO_CONN struct pgx_conn *in_the_way = NULL;

    (void)state;
    begin_with_a_damaged_target(true);
    in_the_way = support_connect(l.target.conninfo);
    support_sql(in_the_way, "BEGIN; SELECT FROM public.events WHERE global_position = 305 FOR UPDATE");
    struct tmv_uuid repair = send_repair();
    support_wait_until(l.on_target, "SELECT EXISTS (SELECT FROM tenantmv.repair) AND EXISTS (SELECT FROM"
                                    " pg_locks WHERE NOT granted)");
    support_sql(l.on_target, "DELETE FROM tenantmv.repair");
    support_sql(in_the_way, "ROLLBACK");
    life_expect(outcome_of(repair), TMV_COMMAND_FAILED, "not under repair any more");
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM public.events WHERE global_position = 4"),
                     0);
}

static void a_repair_is_refused_where_it_is_not_safe(void **state)
{
    struct tmv_request request = {.operation = TMV_OP_VERIFY, .repair = true};
    struct tmv_uuid id;
    struct tmv_error err;

    (void)state;
    assert_done(life_begin(&err), &err);
    request.migration = l.migration;
    assert_fails(tmv_request(l.handle, &request, &amy, &id, &err), &err, TMV_ERR_REFUSED);
    life_start_engine();
    life_wait_for("s.ready");
    request.operation = TMV_OP_PAUSE;
    assert_fails(tmv_request(l.handle, &request, &amy, &id, &err), &err, TMV_ERR_USAGE);
    request.operation = TMV_OP_VERIFY;
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    assert_fails(tmv_request(l.handle, &request, &amy, &id, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.hint, "target"));
}

static void keeps_reports_of_engines_and_people(void **state)
{
    struct tmv_verify_report report;
    struct tmv_kept_report kept;
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    support_wait_until(l.on_control, "SELECT count(*) > 0 FROM tenantmv.verification WHERE consistent");
    kept = latest_report();
    assert_true(kept.report.consistent);
    assert_int_equal(kept.report.from_position, 0);
    assert_int_equal(kept.report.events_source, HISTORY);
    assert_int_equal(kept.report.events_target, HISTORY);
    assert_true(compare_fully(&report));
    assert_done(tmv_verify_keep(l.handle, &l.migration, &report, &err), &err);
    kept = latest_report();
    assert_int_equal(kept.report.level, TMV_VERIFY_FULL);
    assert_int_equal(kept.report.events_source, HISTORY);
    assert_true(kept.made_at_us > 0);
}

/* Writers write to the new home: what they wrote there is no difference, and no repair is offered that would
 * remove it. */
static void after_the_decision_it_compares_what_was_there_then(void **state)
{
    static const char *const levels[] = {"count", "hash", "full"};
    struct tmv_error err;
    struct outcome *o;
    cJSON *root;

    (void)state;
    snprintf(program_home, sizeof program_home, "%s", support_temporary_dir());
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    assert_done(move_insert(l.on_target, &l.tenant, 900, 2, &err), &err);
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        o = expect(0, run("verify", l.tenant_text, "--direct", "--level", levels[i], "--control", l.control));
        says(o->out, "equal");
        says(o->out, "300 on the source, 300 on the target");
    }
    assert_null(strstr(o->out, "not compared"));
    o = expect(0, run("verify", l.tenant_text, "--direct", "--to", "99999999", "--control", l.control));
    says(o->out, "not compared");
    says(o->out, "up to the 99999999 of --to");
    root = document(expect(
        0, run("verify", l.tenant_text, "--direct", "--to", "99999999", "--json", "--control", l.control)));
    assert_true(at(root, "verification", "to_position")->valueint < 99999999);
    assert_int_equal(at(root, "verification", "asked_to_position")->valueint, 99999999);
    cJSON_Delete(root);
    o = expect(3, run("verify", l.tenant_text, "--repair", "--dry-run", "--control", l.control));
    says(o->err, "a repair is possible in dual_write only");
    says(o->err, "nothing is overwritten there");
    root = document(expect(0, run("status", l.tenant_text, "--json", "--control", l.control)));
    assert_int_equal(at(root, "migration", "events_copied")->valueint, HISTORY);
    assert_int_equal(at(root, "migration", "events_total")->valueint, HISTORY);
    assert_int_equal(at(root, "migration", "verified_to")->valueint,
                     at(root, "migration", "watermark")->valueint);
    assert_int_equal(cJSON_GetArraySize(at(root, "migration", "gates")), 0);
    assert_true(cJSON_IsNull(at(root, "migration", "lag_us")));
    cJSON_Delete(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_the_decision_it_compares_what_was_there_then, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(goes_on_from_what_is_proven_after_a_restart, life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_proof_is_void_when_the_guard_was_changed_meanwhile, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(a_gate_that_knows_of_a_difference_is_red, life_with_control_elsewhere,
                                        life_done),
        cmocka_unit_test_setup_teardown(finds_a_target_that_is_changed_behind_its_back,
                                        with_control_elsewhere, life_done),
        cmocka_unit_test_setup_teardown(a_repair_mends_the_target_and_leaves_the_source, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(no_option_lets_a_cutover_pass_a_repair, life_plain, life_done),
        cmocka_unit_test_setup_teardown(an_interrupted_repair_keeps_the_tenant_until_the_next_one_has_ended,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(an_interrupted_repair_keeps_the_tenant_until_both_stores_are_equal,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_batch_of_a_repair_is_not_written_without_its_note, life_plain,
                                        life_done),
        cmocka_unit_test_setup_teardown(a_repair_is_refused_where_it_is_not_safe, life_plain, life_done),
        cmocka_unit_test_setup_teardown(keeps_reports_of_engines_and_people, life_plain, life_done),
    };

    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
