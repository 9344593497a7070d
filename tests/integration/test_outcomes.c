/* What became of a cutover or a rehearsal whose engine did not come to its end: the attempt and the request
 * say what happened, as far as anybody knows, and nothing that is guessed. */
#include "test.h"

#include "control_fixture.h"

/* The owner has said nothing for a minute. */
static void fall_silent(struct control_fixture *f)
{
    support_sql(f->conn, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '1 minute'");
}

static void assert_attempt(struct control_fixture *f, const char *what)
{
    AUTO_FREE char *last =
        support_text(f->conn, "SELECT outcome || ': ' || reason FROM tenantmv.cutover_attempt WHERE "
                              "migration_id IN (SELECT id FROM public.tenant_migrations ORDER BY created_at "
                              "DESC LIMIT 1) ORDER BY number DESC LIMIT 1");

    assert_string_equal(last, what);
}

/* A cutover (or a rehearsal) that the engine of the fixture has begun with. */
static struct tmv_uuid begin_attempt(struct control_fixture *f, enum tmv_operation operation)
{
    const struct tmv_request request = {.operation = operation, .migration = f->migration};
    struct command_row row;
    struct tmv_uuid id;
    int64_t number;
    bool found;
    struct tmv_error err = {0};

    assert_done(tmv_request(f->control, &request, &f->actor, &id, &err), &err);
    assert_done(control_command_take(f->conn, &f->owner, &row, &found, &err), &err);
    assert_true(found);
    assert_done(control_attempt_begin(f->conn, &f->owner, operation == TMV_OP_REHEARSE, "amy", &number, &err),
                &err);
    return id;
}

/* The fixture's engine takes the migration up again; why its ownership before ended. */
static void try_again(struct control_fixture *f, const char *cause, const char *unfinished)
{
    const struct claimable what = {
        .migration = f->migration, .tenant = f->tenant, .had_epoch = f->owner.epoch, .cause = cause};
    const struct engine_identity self = {.id = f->owner.engine, .name = "worker one"};
    struct lease lease;
    struct tmv_error err = {0};

    assert_done(control_lease_take(f->conn, &what, &self, &lease, &err), &err);
    assert_true(lease.taken);
    assert_string_equal(lease.unfinished, unfinished);
    f->owner = lease.owner;
}

static void assert_command(struct control_fixture *f, const struct tmv_uuid *id, enum tmv_command_state state,
                           const char *outcome)
{
    struct tmv_command_info info;
    struct tmv_error err = {0};

    assert_done(tmv_command_get(f->control, id, &info, &err), &err);
    assert_string_equal(tmv_command_state_name(info.state), tmv_command_state_name(state));
    assert_string_equal(info.outcome, outcome);
}

static void to_dual_write(struct control_fixture *f)
{
    control_fixture_open(f);
    control_fixture_to_dual_write(f);
}

static void roll_back(struct control_fixture *f, const char *details)
{
    const struct phase_change change = {
        .move = MOVE_ROLL_BACK, .from = TMV_PHASE_CUTOVER, .details = details};
    struct tmv_error err = {0};

    assert_done(control_phase_change(f->conn, &f->owner, &change, &err), &err);
}

static void says_what_an_engine_knows_that_tries_again(void **state)
{
    struct control_fixture f;

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid rehearsal = begin_attempt(&f, TMV_OP_REHEARSE);
    try_again(&f, "the target was late", "the target was late");
    assert_command(&f, &rehearsal, TMV_COMMAND_FAILED, "the target was late");
    assert_attempt(&f, "rolled_back: the target was late");
    /* taken, and no attempt was begun: the earlier one is not its own */
    const struct tmv_request request = {.operation = TMV_OP_REHEARSE, .migration = f.migration};
    struct command_row row;
    bool found;
    struct tmv_error err = {0};
    assert_done(tmv_request(f.control, &request, &f.actor, &rehearsal, &err), &err);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    try_again(&f, "control was away", "control was away");
    assert_command(&f, &rehearsal, TMV_COMMAND_FAILED, "not tried, ask again: control was away");
    control_fixture_close(&f);
}

static void tells_an_engine_that_stopped_from_one_that_was_lost(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid cutover = begin_attempt(&f, TMV_OP_CUTOVER);
    assert_done(control_lease_release(f.conn, &f.owner, &err), &err);
    control_fixture_take(&f, &f.owner);
    assert_command(&f, &cutover, TMV_COMMAND_FAILED, "the engine that ran it stopped");
    assert_attempt(&f, "rolled_back: the engine that ran it stopped");
    control_fixture_close(&f);
}

/* Until they said so, neither the attempt nor the request has an end: it may have decided. */
static void leaves_an_undecided_cutover_to_the_fences(void **state)
{
    struct control_fixture f;

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid cutover = begin_attempt(&f, TMV_OP_CUTOVER);
    control_fixture_to(&f, TMV_PHASE_DUAL_WRITE, TMV_PHASE_CUTOVER);
    try_again(&f, "the target was late", "the target was late");
    try_again(&f, "the target is away", "the target was late"); /* the first cause is what ended it */
    assert_command(&f, &cutover, TMV_COMMAND_RUNNING, "");
    assert_attempt(&f, "running: the target was late");
    roll_back(&f, "{\"reason\": \"the target was late\"}");
    assert_command(&f, &cutover, TMV_COMMAND_FAILED, "the target was late");
    assert_attempt(&f, "rolled_back: the target was late");
    control_fixture_close(&f);
}

static void follows_the_fences_when_they_say_that_it_was_decided(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid cutover = begin_attempt(&f, TMV_OP_CUTOVER);
    control_fixture_to(&f, TMV_PHASE_DUAL_WRITE, TMV_PHASE_CUTOVER);
    try_again(&f, "the answer was lost", "the answer was lost");
    assert_done(control_follow_decision(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err);
    assert_command(&f, &cutover, TMV_COMMAND_DONE, "completed");
    assert_attempt(&f, "completed: ");
    control_fixture_close(&f);
}

/* The engine ends right after its decision, before it wrote down the attempt's times. */
static void gives_a_completed_attempt_no_reason(void **state)
{
    struct control_fixture f;
    struct tmv_error err = {0};

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid cutover = begin_attempt(&f, TMV_OP_CUTOVER);
    control_fixture_to(&f, TMV_PHASE_DUAL_WRITE, TMV_PHASE_CUTOVER);
    assert_done(control_follow_decision(f.conn, &f.owner, "dedicated", NULL, NULL, &err), &err);
    fall_silent(&f);
    control_fixture_take(&f, &f.owner);
    assert_command(&f, &cutover, TMV_COMMAND_DONE, "completed");
    assert_attempt(&f, "completed: ");
    control_fixture_close(&f);
}

/* It knew why before it died. */
static void keeps_the_reason_of_an_engine_that_dies_after_it_rolled_back(void **state)
{
    struct control_fixture f;

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid cutover = begin_attempt(&f, TMV_OP_CUTOVER);
    control_fixture_to(&f, TMV_PHASE_DUAL_WRITE, TMV_PHASE_CUTOVER);
    roll_back(&f, "{\"reason\": \"a transaction is in the way\"}");
    fall_silent(&f);
    control_fixture_take(&f, &f.owner);
    assert_command(&f, &cutover, TMV_COMMAND_FAILED, "a transaction is in the way");
    assert_attempt(&f, "rolled_back: a transaction is in the way");
    control_fixture_close(&f);
}

static void answers_by_the_end_of_an_attempt_that_was_recorded(void **state)
{
    struct control_fixture f;
    const struct tmv_attempt done = {.outcome = TMV_ATTEMPT_REHEARSED, .pause_us = 4600};
    struct tmv_error err = {0};

    (void)state;
    to_dual_write(&f);
    struct tmv_uuid rehearsal = begin_attempt(&f, TMV_OP_REHEARSE);
    assert_done(control_attempt_end(f.conn, &f.owner, 1, &done, &err), &err);
    fall_silent(&f);
    control_fixture_take(&f, &f.owner);
    assert_command(&f, &rehearsal, TMV_COMMAND_DONE, "rehearsed");
    control_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_an_engine_knows_that_tries_again),
        cmocka_unit_test(tells_an_engine_that_stopped_from_one_that_was_lost),
        cmocka_unit_test(leaves_an_undecided_cutover_to_the_fences),
        cmocka_unit_test(follows_the_fences_when_they_say_that_it_was_decided),
        cmocka_unit_test(gives_a_completed_attempt_no_reason),
        cmocka_unit_test(keeps_the_reason_of_an_engine_that_dies_after_it_rolled_back),
        cmocka_unit_test(answers_by_the_end_of_an_attempt_that_was_recorded),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
