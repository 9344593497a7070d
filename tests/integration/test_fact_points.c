/* Somebody changes a store while the engine stands at a certain point of its way, and the engine dies where
 * it notes a change: what was compared is compared once more with each commit, what was noted once is told
 * once, and a successor comes to the same end. Needs a build with fault points. */
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "support/life.h"
#include "support/worker.h"

#define READY "m.phase = 'dual_write' AND s.ready"

static int prepare(void **state)
{
    (void)state;
#ifndef TMV_FAULT_POINTS
    skip();
#endif
    return 0;
}

static void await(bool (*happened)(pid_t pid), pid_t pid)
{
    int64_t until = clock_now_us() + 90 * US_PER_S;

    while (!happened(pid)) {
        assert_true(clock_now_us() < until);
        stop_sleep(NULL, 10 * US_PER_MS);
    }
}

static pid_t start(const char *point, const char *what)
{
    char fault[100];

    snprintf(fault, sizeof fault, "%s=%s", point, what);
    return worker_start(NULL, fault);
}

static struct tmv_uuid request_cutover(void)
{
    const struct tmv_request request = {
        .operation = TMV_OP_CUTOVER, .migration = l.migration, .reason = "test"};
    struct tmv_uuid id;
    struct tmv_error err;

    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    return id;
}

static struct tmv_command_info outcome_of(const struct tmv_uuid *id)
{
    struct tmv_command_info info;
    struct tmv_error err;
    int64_t until = clock_now_us() + 90 * US_PER_S;

    do {
        assert_true(clock_now_us() < until);
        stop_sleep(NULL, 10 * US_PER_MS);
        assert_done(tmv_command_get(l.handle, id, &info, &err), &err);
    } while (info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING);
    return info;
}

/* The tenant lives on the source, which takes its events. */
static void assert_at_home(int64_t events)
{
    struct tmv_error err;

    assert_int_equal(life_count(l.on_source), events);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"), 1);
    assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM tenantmv.fence WHERE state = 'closed'"),
                     1);
    assert_done(move_insert(l.on_source, &l.tenant, 901, 1, &err), &err);
}

/* ---- in the pause: what the held table does not keep out ---- */

#define NEXT_YEARS                                                                                           \
    "CREATE TABLE public.events_next PARTITION OF public.events FOR VALUES FROM ('2030-01-01') TO "          \
    "('2040-01-01')"

/* CREATE TABLE … PARTITION OF is kept out. */
#define ATTACH                                                                                               \
    "CREATE TABLE public.events_next (LIKE public.events INCLUDING DEFAULTS); ALTER TABLE public.events "    \
    "ATTACH PARTITION public.events_next FOR VALUES FROM ('2030-01-01') TO ('2040-01-01')"

struct late_change {
    const char *point;
    bool on_source;
    const char *statement;
    const char
        *words; /* of the next refusal; NULL: a new partition, which is daily life once it is noticed */
};

#define DRAIN "cutover.before_target_commit"
#define DECISION "cutover.before_decide"
#define REPLACE "ALTER FUNCTION tenantmv.guard_insert() STABLE"
#define REPLACED "function tenantmv.guard_insert was"
#define CACHE "ALTER SEQUENCE public.events_global_position_seq CACHE 20"

static void assert_goes_on(const struct late_change *change)
{
    if (change->words) {
        life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_REFUSED, change->words);
        assert_at_home(HISTORY);
        life_expect(life_ask(TMV_OP_ABORT, "test"), TMV_COMMAND_DONE, "");
        assert_int_equal(life_count(l.on_source), HISTORY + 1);
        return;
    }
    assert_at_home(HISTORY);
    life_wait_for(READY);
    life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
    assert_int_equal(life_count(l.on_target), HISTORY + 1);
}

static void decides_nothing(const struct late_change *change)
{
    struct tmv_error err;

    print_message("%s: %s\n", change->point, change->statement);
    if (change->words)
        life_prepare(false, false);
    else
        life_prepare_partitioned();
    assert_done(life_begin(&err), &err);
    pid_t pid = start(change->point, "stop");
    life_wait_for(READY);
    const struct tmv_uuid asked = request_cutover();
    await(worker_is_stopped, pid);
    support_sql(change->on_source ? l.on_source : l.on_target, "%s", change->statement);
    worker_continue(pid);
    life_expect(outcome_of(&asked), TMV_COMMAND_FAILED, "was changed at this moment");
    life_wait_for("m.phase = 'dual_write'");
    assert_goes_on(change);
    worker_end(pid);
    life_release();
}

static void the_drains_commit_compares_the_facts_of_the_target(void **state)
{
    static const struct late_change changes[] = {
        {DRAIN, false, REPLACE, REPLACED},
        {DRAIN, false, CACHE, "was given CACHE 20"},
        {DRAIN, false, ATTACH, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        decides_nothing(&changes[i]);
}

/* The sequence is kept as it is by the reading of V. */
static void the_decisions_commit_compares_the_facts_of_the_source(void **state)
{
    static const struct late_change changes[] = {
        {DECISION, true, REPLACE, REPLACED},
        {DECISION, true, ATTACH, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++)
        decides_nothing(&changes[i]);
}

/* ---- before an attempt ---- */

/* The connection to the source is gone when the command was just taken: who asked is told at once. */
static void says_that_a_cutover_was_not_tried(void **state)
{
    struct tmv_error err;

    (void)state;
    life_prepare(false, false);
    assert_done(life_begin(&err), &err);
    pid_t pid = start("command.taken", "stop");
    life_wait_for(READY);
    const struct tmv_uuid asked = request_cutover();
    await(worker_is_stopped, pid);
    assert_true(support_int(l.on_source, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                         "WHERE application_name LIKE 'tenantmv/cutover/%%'") > 0);
    worker_continue(pid);
    life_expect(outcome_of(&asked), TMV_COMMAND_FAILED, "not tried, ask again: ");
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.cutover_attempt"), 0);
    life_wait_for(READY);
    life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
    life_assert_moved(); /* its engine settles what follows the decision */
    worker_end(pid);
    life_release();
}

/* The registry cannot be read: nothing was held and nothing decided, and who asked is told at once, not by
 * the next ownership, which is stopped here. */
static void says_that_a_cutover_was_not_tried_without_the_registry(void **state)
{
    struct tmv_error err;

    (void)state;
    life_prepare(false, false);
    assert_done(life_begin(&err), &err);
    pid_t pid = start("lease.before_take#2", "stop");
    life_wait_for(READY);
    support_sql(l.on_control, "ALTER TABLE tenantmv.store RENAME COLUMN events_oid TO hidden");
    const struct tmv_uuid asked = request_cutover();
    await(worker_is_stopped, pid);
    struct tmv_command_info info;
    assert_done(tmv_command_get(l.handle, &asked, &info, &err), &err);
    support_sql(l.on_control, "ALTER TABLE tenantmv.store RENAME COLUMN hidden TO events_oid");
    worker_continue(pid);
    life_expect(info, TMV_COMMAND_FAILED, "not tried, ask again: ");
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.cutover_attempt"), 0);
    worker_end(pid);
    life_release();
}

/* The drain has failed, and the number of writers that waited comes late: the locked catalogue keeps the
 * source from counting them. What is known of the attempt stays known, and who asked is told at once. */
static void a_late_count_of_writers_leaves_a_rollback_known(void **state)
{
    AUTO_CONN struct pgx_conn *in_the_way = NULL;
    struct tmv_error err;

    (void)state;
    life_prepare(false, false);
    l.settings.drain_budget_ms = 3000;
    in_the_way = support_connect(l.source.conninfo);
    assert_done(life_begin(&err), &err);
    pid_t pid = start("cutover.after_lock", "stop,cutover.drain_committed=error");
    life_wait_for(READY);
    int64_t epoch = support_int(l.on_control, "SELECT max(owner_epoch) FROM tenantmv.lease");
    const struct tmv_uuid asked = request_cutover();
    await(worker_is_stopped, pid);
    support_sql(in_the_way, "BEGIN; LOCK TABLE pg_database IN ACCESS EXCLUSIVE MODE");
    worker_continue(pid);
    life_expect(outcome_of(&asked), TMV_COMMAND_FAILED, "fault point cutover.drain_committed");
    assert_int_equal(support_int(l.on_control, "SELECT max(owner_epoch) FROM tenantmv.lease"), epoch);
    support_sql(in_the_way, "ROLLBACK");
    assert_int_equal(
        support_int(l.on_control,
                    "SELECT count(*) FROM tenantmv.cutover_attempt WHERE outcome = 'rolled_back'"),
        1);
    life_wait_for(READY);
    assert_at_home(HISTORY);
    worker_end(pid);
    life_release();
}

/* How many events moved is only shown; a store that does not tell holds up nothing else. */
static void settles_a_decision_while_a_store_does_not_count(void **state)
{
    AUTO_CONN struct pgx_conn *in_the_way = NULL;
    struct tmv_error err;

    (void)state;
    life_prepare(false, false);
    assert_done(life_begin(&err), &err);
    pid_t pid = start("follow.before_settle", "stop");
    life_wait_for(READY);
    request_cutover();
    await(worker_is_stopped, pid);
    in_the_way = support_connect(l.target.conninfo);
    support_sql(in_the_way, "BEGIN; LOCK TABLE public.events IN ACCESS EXCLUSIVE MODE");
    kill(pid, SIGCONT);
    life_wait_for("NOT s.unsettled");
    support_wait_until(l.on_target, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND"
                                    " query LIKE 'SELECT count(*) FILTER %%')");
    support_wait_until(l.on_target,
                       "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE state = 'active' AND"
                       " query LIKE 'SELECT count(*) FILTER %%')");
    support_sql(in_the_way, "ROLLBACK");
    worker_end(pid);
    life_assert_moved();
    life_release();
}

/* ---- killed where a change is noted ---- */

static int64_t told(const char *what)
{
    return support_int(l.on_control,
                       "SELECT count(*) FROM public.migration_audit_log WHERE details::text LIKE '%%%s%%'",
                       what);
}

static void tells_of_a_change_once_though_it_is_killed_there(void **state)
{
    static const char *const points[] = {"facts.before_void", "facts.void_noted"};
    struct tmv_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        print_message("kill at %s\n", points[i]);
        life_prepare(false, false);
        assert_done(life_begin(&err), &err);
        pid_t pid = start(points[i], "exit");
        life_wait_for(READY);
        support_sql(l.on_source, "ALTER TABLE public.events ADD COLUMN region text DEFAULT 'north'");
        await(worker_has_exited, pid);
        pid = worker_start("successor", NULL);
        life_wait_for("s.note LIKE '%column region was added to public.events%'");
        life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_REFUSED, "column region was added");
        assert_int_equal(told("the move is void"), 1);
        assert_at_home(HISTORY);
        worker_end(pid);
        life_release();
    }
}

static void takes_a_partition_in_once_though_it_is_killed_there(void **state)
{
    static const char *const points[] = {"facts.leaf_guarded", "facts.before_take_in", "facts.taken_in"};
    struct tmv_error err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(points); i++) {
        print_message("kill at %s\n", points[i]);
        life_prepare_partitioned();
        assert_done(life_begin(&err), &err);
        pid_t pid = start(points[i], "exit");
        life_wait_for(READY);
        support_sql(l.on_target, NEXT_YEARS);
        support_sql(l.on_source, NEXT_YEARS);
        support_sql(l.on_source,
                    "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, "
                    "tenant_id, version, timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), "
                    "'Order', 'OrderPlaced', '%s', 1, '2031-01-01', '{}' FROM generate_series(1, 7)",
                    l.tenant_text);
        await(worker_has_exited, pid);
        pid = worker_start("successor", NULL);
        life_wait_for(READY " AND l.engine_name = 'successor'");
        life_expect(life_ask(TMV_OP_CUTOVER, "test"), TMV_COMMAND_DONE, "completed");
        assert_int_equal(told("taken_in"), 2); /* each side */
        assert_int_equal(support_int(l.on_target, "SELECT count(*) FROM public.events_next"), 7);
        life_assert_moved();
        worker_end(pid);
        life_release();
    }
}

/* ---- columns that change before a restart, in each phase ---- */

static const char *const column_changes[] = {
    "ALTER TABLE public.events ADD COLUMN region text DEFAULT 'north'",
    "ALTER TABLE public.events DROP COLUMN actor_id",
    "ALTER TABLE public.events ALTER COLUMN version TYPE bigint",
};

/* Killed with kill -9 where it stands; the change follows, and then an engine that knows nothing of it. */
static void change_and_restart(const char *point, bool on_source, const char *change, bool verified)
{
    struct tmv_error err;

    print_message("%s at %s: %s\n", on_source ? "source" : "target", point, change);
    life_prepare(false, false);
    l.settings.verify_consistency = verified;
    assert_done(life_begin(&err), &err);
    pid_t pid = start(point, "stop");
    if (strncmp(point, "cutover.", 8) == 0) {
        life_wait_for(READY);
        request_cutover();
    }
    await(worker_is_stopped, pid);
    worker_kill(pid);
    support_sql(on_source ? l.on_source : l.on_target, "%s", change);
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
    for (int again = 0; again < 2; again++) {
        pid = worker_start(again ? "second successor" : "successor", NULL);
        life_wait_for(again ? "s.note LIKE '%column %' AND l.engine_name = 'second successor'"
                            : "s.note LIKE '%column %' AND l.engine_name = 'successor'");
        assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence WHERE state = 'open'"),
                         1);
        if (!again)
            worker_kill(pid);
    }
    if (!verified) /* nothing was copied for nothing */
        life_wait_for("s.note LIKE '%column region of the source was added after the preflight%'");
    life_expect(life_ask(TMV_OP_ABORT, "test"), TMV_COMMAND_DONE, "");
    worker_end(pid);
    assert_int_equal(life_count(l.on_source), HISTORY + 1);
    life_assert_source_as_it_was();
    life_release();
}

static void refuses_a_column_that_changed_before_a_restart(const char *point)
{
    for (size_t i = 0; i < ARRAY_LEN(column_changes); i++) {
        change_and_restart(point, true, column_changes[i], true);
        change_and_restart(point, false, column_changes[i], true);
    }
}

static void refuses_a_column_that_changed_while_history_was_copied(void **state)
{
    (void)state;
    refuses_a_column_that_changed_before_a_restart("copy.before_chunk_commit");
}

/* After the preflight, before the facts are noted for the first time: what is noted has the column already.
 * With the verification the values in it are found; without, none may be there. */
static void names_a_column_that_came_before_the_facts_were_noted(void **state)
{
    (void)state;
    change_and_restart("guard.source_installed", true, column_changes[0], true);
    change_and_restart("guard.source_installed", true, column_changes[0], false);
}

static void refuses_a_column_that_changed_while_events_were_mirrored(void **state)
{
    (void)state;
    refuses_a_column_that_changed_before_a_restart("mirror.progress");
}

static void refuses_a_column_that_changed_in_a_cutover(void **state)
{
    (void)state;
    refuses_a_column_that_changed_before_a_restart("cutover.before_decide");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_drains_commit_compares_the_facts_of_the_target, prepare),
        cmocka_unit_test_setup(the_decisions_commit_compares_the_facts_of_the_source, prepare),
        cmocka_unit_test_setup(says_that_a_cutover_was_not_tried, prepare),
        cmocka_unit_test_setup(says_that_a_cutover_was_not_tried_without_the_registry, prepare),
        cmocka_unit_test_setup(a_late_count_of_writers_leaves_a_rollback_known, prepare),
        cmocka_unit_test_setup(settles_a_decision_while_a_store_does_not_count, prepare),
        cmocka_unit_test_setup(tells_of_a_change_once_though_it_is_killed_there, prepare),
        cmocka_unit_test_setup(takes_a_partition_in_once_though_it_is_killed_there, prepare),
        cmocka_unit_test_setup(names_a_column_that_came_before_the_facts_were_noted, prepare),
        cmocka_unit_test_setup(refuses_a_column_that_changed_while_history_was_copied, prepare),
        cmocka_unit_test_setup(refuses_a_column_that_changed_while_events_were_mirrored, prepare),
        cmocka_unit_test_setup(refuses_a_column_that_changed_in_a_cutover, prepare),
    };

#ifndef TMV_FAULT_POINTS
    return 77; /* meson: skipped */
#endif
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
