/* Requests have a lifetime: what nobody began with in time is never carried out, what waits can be seen and
 * withdrawn, and what is severe is refused while no engine would answer. Leases by the clock of the database,
 * also a clock that was set back. */
#include "test.h"

#include <string.h>

#include "lib/clock.h"
#include "control_fixture.h"
#include "support/life.h"

static const enum tmv_operation severe[] = {TMV_OP_CUTOVER, TMV_OP_REHEARSE, TMV_OP_ABORT};

static struct tmv_uuid ask_for(struct control_fixture *f, enum tmv_operation operation, int64_t lifetime_us)
{
    const struct tmv_request request = {
        .operation = operation, .migration = f->migration, .reason = "r", .lifetime_us = lifetime_us};
    struct tmv_uuid id;
    struct tmv_error err = {0};

    if (operation == TMV_OP_CUTOVER)
        control_fixture_look(f);
    assert_done(tmv_request(f->control, &request, &f->actor, &id, &err), &err);
    return id;
}

static void mirrors(struct control_fixture *f)
{
    control_fixture_open(f);
    control_fixture_to_dual_write(f);
}

static void pass(struct control_fixture *f, const char *interval)
{
    support_sql(
        f->conn,
        "UPDATE tenantmv.command SET requested_at = requested_at - interval '%s', expires_at = expires_at - "
        "interval '%s'",
        interval, interval);
}

static void takes_nothing(struct control_fixture *f)
{
    struct command_row row;
    bool found = true;
    struct tmv_error err = {0};

    assert_done(control_command_take(f->conn, &f->owner, &row, &found, &err), &err);
    assert_false(found);
}

static void has_outcome(struct control_fixture *f, const struct tmv_uuid *id, enum tmv_command_state state,
                        const char *words)
{
    struct tmv_command_info info;
    struct tmv_error err = {0};

    assert_done(tmv_command_get(f->control, id, &info, &err), &err);
    life_expect(info, state, words);
    assert_true(info.finished_at_us > 0);
}

static void an_expired_request_is_never_taken_and_says_so(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(severe); i++) {
        struct control_fixture f;

        mirrors(&f);
        struct tmv_uuid id = ask_for(&f, severe[i], 0);
        pass(&f, "59 s");
        struct tmv_command_info info;
        struct tmv_error err = {0};
        assert_done(tmv_command_get(f.control, &id, &info, &err), &err);
        assert_int_equal(info.state, TMV_COMMAND_REQUESTED);
        pass(&f, "2 s");
        /* before anybody marks it, too */
        has_outcome(&f, &id, TMV_COMMAND_EXPIRED, "within 60 s; nothing was done");
        takes_nothing(&f);
        has_outcome(&f, &id, TMV_COMMAND_EXPIRED, "within 60 s; nothing was done");
        assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.command WHERE state = 'expired'"),
                         1);
        control_fixture_close(&f);
    }
}

static void a_longer_lifetime_is_kept_and_a_pause_waits_for_as_long_as_it_takes(void **state)
{
    struct control_fixture f;
    struct command_row row;
    bool found = false;
    struct tmv_error err = {0};

    (void)state;
    mirrors(&f);
    ask_for(&f, TMV_OP_REHEARSE, 600 * US_PER_S);
    struct tmv_uuid pause = ask_for(&f, TMV_OP_PAUSE, 0);
    pass(&f, "9 minutes");
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_true(found);
    assert_int_equal(row.operation, TMV_OP_REHEARSE);
    pass(&f, "1 day");
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_true(found && tmv_uuid_equal(&row.id, &pause));
    control_fixture_close(&f);
}

static void an_expired_request_is_in_nobodys_way(void **state)
{
    struct control_fixture f;

    (void)state;
    mirrors(&f);
    struct tmv_uuid first = ask_for(&f, TMV_OP_CUTOVER, 0);
    pass(&f, "61 s");
    struct tmv_uuid second = ask_for(&f, TMV_OP_CUTOVER, 0);
    assert_false(tmv_uuid_equal(&first, &second));
    has_outcome(&f, &first, TMV_COMMAND_EXPIRED, "nothing was done");
    control_fixture_close(&f);
}

/* Half of it may be done: it is taken up again, however long the engine was away. */
static void an_abort_that_was_begun_in_time_is_finished_by_the_next_engine(void **state)
{
    struct control_fixture f;
    struct command_row row;
    bool found = false;
    struct tmv_error err = {0};

    (void)state;
    mirrors(&f);
    struct tmv_uuid id = ask_for(&f, TMV_OP_ABORT, 0);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    pass(&f, "1 hour");
    support_sql(f.conn, "UPDATE tenantmv.lease SET heartbeat_at = heartbeat_at - interval '3 hours'");
    control_fixture_take(&f, &f.owner);
    assert_fails(tmv_command_withdraw(f.control, &id, &f.actor, &err), &err, TMV_ERR_REFUSED);
    found = false;
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_true(found && tmv_uuid_equal(&row.id, &id));
    control_fixture_close(&f);
}

static void is_refused(struct control_fixture *f, enum tmv_operation operation)
{
    const struct tmv_request request = {.operation = operation, .migration = f->migration, .reason = "r"};
    struct tmv_uuid id;
    struct tmv_error err = {0};

    assert_fails(tmv_request(f->control, &request, &f->actor, &id, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "no engine runs"));
    assert_non_null(strstr(err.hint, "tenantmv worker"));
}

static void what_is_severe_is_refused_while_no_engine_is_alive(void **state)
{
    struct control_fixture f;

    (void)state;
    mirrors(&f);
    support_sql(f.conn, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '10 s'");
    for (size_t i = 0; i < ARRAY_LEN(severe); i++)
        is_refused(&f, severe[i]);
    ask_for(&f, TMV_OP_PAUSE, 0); /* whoever starts an engine wants it paused */
    support_sql(f.conn, "UPDATE tenantmv.lease SET engine = NULL");
    is_refused(&f, TMV_OP_CUTOVER);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.command WHERE operation = 'cutover'"),
                     0);
    control_fixture_close(&f);
}

static void a_request_is_withdrawn_until_an_engine_begins(void **state)
{
    struct control_fixture f;
    struct command_row row;
    bool found = false;
    struct tmv_error err = {0};

    (void)state;
    mirrors(&f);
    struct tmv_uuid id = ask_for(&f, TMV_OP_CUTOVER, 0);
    int64_t generation = support_int(f.conn, "SELECT generation FROM tenantmv.migration_state");
    assert_done(tmv_command_withdraw(f.control, &id, &f.actor, &err), &err);
    has_outcome(&f, &id, TMV_COMMAND_WITHDRAWN, "withdrawn by amy from bastion2");
    assert_int_equal(support_int(f.conn, "SELECT generation FROM tenantmv.migration_state"), generation + 1);
    takes_nothing(&f);
    assert_fails(tmv_command_withdraw(f.control, &id, &f.actor, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "it is withdrawn"));
    id = ask_for(&f, TMV_OP_CUTOVER, 0);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_fails(tmv_command_withdraw(f.control, &id, &f.actor, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "an engine has begun"));
    const struct tmv_uuid unknown = tmv_uuid_random();
    assert_fails(tmv_command_withdraw(f.control, &unknown, &f.actor, &err), &err, TMV_ERR_NOT_FOUND);
    control_fixture_close(&f);
}

static struct tmv_open_request shown(struct control_fixture *f)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_error err = {0};

    assert_done(tmv_snapshot_read(f->control, NULL, 10, &snapshot, &err), &err);
    struct tmv_open_request request = snapshot->migrations[0].request;
    tmv_snapshot_free(snapshot);
    return request;
}

static void a_snapshot_shows_what_is_asked_for(void **state)
{
    struct control_fixture f;
    struct command_row row;
    struct tmv_open_request request;
    bool found = false;
    struct tmv_error err = {0};

    (void)state;
    mirrors(&f);
    request = shown(&f);
    assert_true(tmv_uuid_is_nil(&request.id));
    struct tmv_uuid id = ask_for(&f, TMV_OP_REHEARSE, 0);
    request = shown(&f);
    assert_true(tmv_uuid_equal(&request.id, &id));
    assert_int_equal(request.operation, TMV_OP_REHEARSE);
    assert_false(request.running);
    assert_string_equal(request.requested_by, "amy");
    assert_int_equal(request.expires_at_us - request.requested_at_us > 59 * US_PER_S, 1);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    request = shown(&f);
    assert_true(request.running);
    control_fixture_close(&f);
    mirrors(&f);
    ask_for(&f, TMV_OP_CUTOVER, 0);
    pass(&f, "61 s");
    request = shown(&f);
    assert_true(tmv_uuid_is_nil(&request.id));
    control_fixture_close(&f);
}

/* The clock of the database was set back by an hour after the last heartbeat of an engine that is dead since.
 */
static void a_heartbeat_from_the_future_does_not_keep_others_from_taking_over(void **state)
{
    struct control_fixture f;
    const struct tmv_uuid other = tmv_uuid_random();
    struct claimable list[4];
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f); /* its heartbeat lies an hour ahead */
    assert_done(control_lease_renew(f.conn, &other, &err), &err);
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM tenantmv.lease WHERE heartbeat_at > clock_timestamp()"), 0);
    for (int64_t until = clock_now_us() + SUPPORT_TIMEOUT_US; count == 0; stop_sleep(NULL, 20 * US_PER_MS)) {
        assert_true(clock_now_us() < until);
        assert_done(control_claimable(f.conn, &other, 4, list, &count, &err), &err);
    }
    assert_true(list[0].takeover);
    control_fixture_close(&f);
}

/* An operator asked in the evening, the engine died before it heard of it, and somebody starts one in the
 * morning. */
static void an_engine_that_is_started_late_does_not_carry_out_what_expired(void **state)
{
    const struct tmv_request request = {.operation = TMV_OP_CUTOVER};
    struct tmv_request asked = request;
    struct tmv_command_info info;
    struct tmv_uuid id;
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    life_stop_engine();
    support_sql(l.on_control,
                "UPDATE tenantmv.lease SET engine = gen_random_uuid(), heartbeat_at = clock_timestamp()");
    asked.migration = l.migration;
    assert_done(tmv_request(l.handle, &asked, &amy, &id, &err), &err);
    support_sql(l.on_control, "UPDATE tenantmv.command SET expires_at = clock_timestamp(), requested_at = "
                              "clock_timestamp() - interval '60 s' WHERE operation = 'cutover'");
    life_start_engine();
    support_wait_until(l.on_control,
                       "SELECT state = 'expired' FROM tenantmv.command WHERE operation = 'cutover'");
    assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    life_expect(info, TMV_COMMAND_EXPIRED, "nothing was done");
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    assert_done(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err);
}

static void make_source_read_only(bool on)
{
    support_sql(l.on_source, "SET default_transaction_read_only = off");
    support_sql(l.on_source, on ? "ALTER SYSTEM SET default_transaction_read_only = on"
                                : "ALTER SYSTEM RESET default_transaction_read_only");
    support_sql(l.on_source, "SELECT pg_reload_conf()");
}

/* Rehearses while the source takes no writes, which ends a tenth of a second after the engine began. */
static bool rehearse_over_a_red_gate(void)
{
    struct tmv_request request = {.operation = TMV_OP_REHEARSE, .migration = l.migration};
    struct tmv_command_info info = {0};
    struct tmv_uuid id;
    struct tmv_error err;

    make_source_read_only(true);
    life_wait_for("s.gates @> '[{\"name\": \"source\", \"green\": false}]'");
    assert_done(tmv_request(l.handle, &request, &amy, &id, &err), &err);
    support_wait_until(l.on_control,
                       "SELECT started_at IS NOT NULL FROM tenantmv.command ORDER BY number DESC LIMIT 1");
    stop_sleep(NULL, 100 * US_PER_MS); /* so long the gate stays red */
    make_source_read_only(false);
    do {
        stop_sleep(NULL, 10 * US_PER_MS);
        assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    } while (info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING);
    life_wait_for("s.ready");
    return info.state != TMV_COMMAND_REFUSED;
}

/* On a machine that stands still a tenth of a second is longer than the patience: one of some rounds will do.
 */
static void a_gate_that_is_red_for_a_moment_does_not_refuse_a_cutover(void **state)
{
    bool done = false;

    (void)state;
    life_begin_and_wait_until_ready();
    for (int round = 0; round < 4 && !done; round++)
        done = rehearse_over_a_red_gate();
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_expired_request_is_never_taken_and_says_so),
        cmocka_unit_test(a_longer_lifetime_is_kept_and_a_pause_waits_for_as_long_as_it_takes),
        cmocka_unit_test(an_expired_request_is_in_nobodys_way),
        cmocka_unit_test(an_abort_that_was_begun_in_time_is_finished_by_the_next_engine),
        cmocka_unit_test(what_is_severe_is_refused_while_no_engine_is_alive),
        cmocka_unit_test(a_request_is_withdrawn_until_an_engine_begins),
        cmocka_unit_test(a_snapshot_shows_what_is_asked_for),
        cmocka_unit_test(a_heartbeat_from_the_future_does_not_keep_others_from_taking_over),
        cmocka_unit_test_setup_teardown(an_engine_that_is_started_late_does_not_carry_out_what_expired,
                                        life_plain, life_done),
        cmocka_unit_test_setup_teardown(a_gate_that_is_red_for_a_moment_does_not_refuse_a_cutover,
                                        life_with_control_elsewhere, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
