/* Ownership on a real server: leases, commands, the ledger and attempts, and that an engine which lost its
 * lease changes nothing anywhere. Silence is made by moving the heartbeat back, never by waiting. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include "lib/err.h"
#include "control_fixture.h"

/* The owner has said nothing for a minute. */
static void fall_silent(struct control_fixture *f)
{
    support_sql(f->conn, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '1 minute'");
}

static bool claimed(struct control_fixture *f, const struct tmv_uuid *engine, struct claimable *ret_row)
{
    struct claimable rows[4];
    size_t count = 0;
    struct tmv_error err = {0};

    assert_done(control_claimable(f->conn, engine, ARRAY_LEN(rows), rows, &count, &err), &err);
    if (count)
        *ret_row = rows[0];
    return count > 0;
}

static void never_uses_an_epoch_twice(void **state)
{
    struct control_fixture f;
    struct owner owner;
    struct tmv_error err = {0};
    int64_t last = 0;

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    for (int i = 0; i < 4; i++) {
        control_fixture_take(&f, &owner);
        assert_true(owner.epoch > last);
        last = owner.epoch;
        assert_done(control_lease_release(f.conn, &owner, &err), &err);
    }
    /* nor in the tenant's next migration */
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'aborted'");
    control_fixture_start(&f);
    control_fixture_take(&f, &owner);
    assert_true(owner.epoch > last);
    control_fixture_close(&f);
}

static void takes_over_only_from_a_silent_owner(void **state)
{
    struct control_fixture f;
    struct claimable row;
    const struct engine_identity other = {.id = tmv_uuid_random(), .name = "other"};
    struct lease lease;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    assert_true(claimed(&f, &other.id, &row));
    assert_false(row.takeover);
    control_fixture_take(&f, &f.owner);
    assert_false(claimed(&f, &other.id, &row));
    row = (struct claimable){.migration = f.migration, .tenant = f.tenant};
    assert_done(control_lease_take(f.conn, &row, &other, &lease, &err), &err);
    assert_false(lease.taken);

    fall_silent(&f);
    assert_done(control_lease_renew(f.conn, &f.owner.engine, &err), &err); /* it speaks again */
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM tenantmv.lease WHERE heartbeat_at > clock_timestamp() - "
                            "interval '50 seconds'"),
        1);
    fall_silent(&f);
    assert_true(claimed(&f, &other.id, &row));
    assert_true(row.takeover);
    assert_done(control_lease_take(f.conn, &row, &other, &lease, &err), &err);
    assert_true(lease.taken);
    assert_int_equal(lease.owner.epoch, f.owner.epoch + 1);
    control_fixture_close(&f);
}

/* An owner whose session is gone counts as silent after half the time; one whose session stands does not. */
static void takes_over_sooner_when_the_owners_session_is_gone(void **state)
{
    struct control_fixture f;
    struct claimable row;
    const struct tmv_uuid other = tmv_uuid_random();
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    control_fixture_take(&f, &f.owner);
    {
        AUTO_CONN struct pgx_conn *heart = support_connect(f.conninfo);

        assert_done(control_lease_renew(heart, &f.owner.engine, &err), &err);
        /* in the future, so that nothing but the session decides however long this takes */
        support_sql(f.conn, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() + interval '1 hour'");
        assert_int_equal(
            support_int(f.conn, "SELECT (tenantmv.lease_left(l, 2::bigint * 3600000000) / 60000000.0)::int "
                                "FROM tenantmv.lease l"),
            180);
    }
    support_wait_until(f.conn,
                       "SELECT NOT EXISTS (SELECT FROM pg_stat_activity a, tenantmv.lease l WHERE a.pid = "
                       "(l.sessions ->> 0)::int)");
    assert_int_equal(support_int(f.conn,
                                 "SELECT (tenantmv.lease_left(l, 2::bigint * 3600000000) / 60000000.0)::int "
                                 "FROM tenantmv.lease l"),
                     120);
    assert_false(claimed(&f, &other, &row));
    fall_silent(&f);
    assert_true(claimed(&f, &other, &row));
    control_fixture_close(&f);
}

/* A thread that lost the migration does not take it again behind the back of one that had it since. */
static void leaves_alone_what_another_engine_had_since(void **state)
{
    struct control_fixture f;
    const struct engine_identity self = {.id = tmv_uuid_random(), .name = "late"};
    struct claimable what;
    struct owner successor;
    struct lease lease;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    what = (struct claimable){.migration = f.migration, .tenant = f.tenant, .had_epoch = f.owner.epoch};
    fall_silent(&f);
    control_fixture_take(&f, &successor);
    assert_done(control_lease_release(f.conn, &successor, &err), &err);
    assert_done(control_lease_take(f.conn, &what, &self, &lease, &err), &err);
    assert_false(lease.taken);
    what.had_epoch = successor.epoch;
    assert_done(control_lease_take(f.conn, &what, &self, &lease, &err), &err);
    assert_true(lease.taken);
    control_fixture_close(&f);
}

static void finds_a_migration_whose_thread_it_lost(void **state)
{
    struct control_fixture f;
    struct claimable row;
    struct lease lease;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    assert_true(claimed(&f, &f.owner.engine, &row));
    assert_false(row.takeover);
    const struct engine_identity same = {.id = f.owner.engine, .name = "worker one"};
    assert_done(control_lease_take(f.conn, &row, &same, &lease, &err), &err);
    assert_true(lease.taken);
    assert_int_equal(lease.owner.epoch, f.owner.epoch + 1);
    /* what the lost thread still sends is late */
    assert_fails(control_lease_check(f.conn, &f.owner, &err), &err, TMV_ERR_OWNERSHIP);
    assert_done(control_lease_check(f.conn, &lease.owner, &err), &err);
    control_fixture_close(&f);
}

static void leaves_migrations_of_other_programs_alone(void **state)
{
    struct control_fixture f;
    struct tmv_uuid engine = tmv_uuid_random();
    struct claimable row;

    (void)state;
    control_fixture_open(&f);
    support_sql(
        f.conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), 'shared', 'dedicated', 'bulk_copy')");
    assert_false(claimed(&f, &engine, &row));
    control_fixture_close(&f);
}

/* Every write that names an owner, as one table: the name, and a call. */
struct write {
    const char *name;
    bool (*run)(struct control_fixture *f, struct tmv_error *err);
};

static bool w_phase(struct control_fixture *f, struct tmv_error *err)
{
    const struct phase_change change = {.move = MOVE_BEGIN_COPY, .from = TMV_PHASE_PENDING};

    return control_phase_change(f->conn, &f->owner, &change, err);
}
static bool w_complete(struct control_fixture *f, struct tmv_error *err)
{
    return control_complete_cutover(f->conn, &f->owner, "dedicated", NULL, NULL, err);
}
static bool w_follow(struct control_fixture *f, struct tmv_error *err)
{
    return control_follow_decision(f->conn, &f->owner, "dedicated", NULL, NULL, err);
}
static bool w_settle(struct control_fixture *f, struct tmv_error *err)
{
    return control_settle(f->conn, &f->owner, err);
}
static bool w_pause(struct control_fixture *f, struct tmv_error *err)
{
    const struct pause_change change = {.paused = true, .reason = "x"};
    bool changed = false;

    return control_set_paused(f->conn, &f->owner, &change, &changed, err);
}
static bool w_progress(struct control_fixture *f, struct tmv_error *err)
{
    struct migration_progress p = {.step = "x", .note = "x", .sample = true};

    figure_set(&p.figures, TMV_FIGURE_EVENTS_COPIED, 5);
    return control_report_progress(f->conn, &f->owner, &p, err);
}
static bool w_error(struct control_fixture *f, struct tmv_error *err)
{
    const struct tmv_error what = {.code = TMV_ERR_SQL, .message = "x"};

    return control_report_error(f->conn, &f->owner, &what, err);
}
static bool w_audit(struct control_fixture *f, struct tmv_error *err)
{
    return control_audit(f->conn, &f->owner, AUDIT_PROGRESS_CHECKPOINT, NULL, NULL, err);
}
static bool w_release(struct control_fixture *f, struct tmv_error *err)
{
    return control_lease_release(f->conn, &f->owner, err);
}
static bool w_check(struct control_fixture *f, struct tmv_error *err)
{
    return control_lease_check(f->conn, &f->owner, err);
}
static bool w_command_take(struct control_fixture *f, struct tmv_error *err)
{
    struct command_row command;
    bool found;

    return control_command_take(f->conn, &f->owner, &command, &found, err);
}
static bool w_command_finish(struct control_fixture *f, struct tmv_error *err)
{
    AUTO_FREE char *text = support_text(f->conn, "SELECT id FROM tenantmv.command WHERE operation = 'pause'");
    struct tmv_uuid id;

    assert_true(tmv_uuid_parse(text, &id));
    return control_command_finish(f->conn, &f->owner, &id, TMV_COMMAND_DONE, "x", err);
}
static bool w_ledger_add(struct control_fixture *f, struct tmv_error *err)
{
    char undo[] = "DROP x";
    const struct ledger_entry entry = {.store = "source", .kind = "k", .name = "n", .undo = undo};
    int64_t id;

    return control_ledger_add(f->conn, &f->owner, &entry, &id, err);
}
static bool w_ledger_facts(struct control_fixture *f, struct tmv_error *err)
{
    const struct ledger_note note = {.id = 1, .facts = "{\"x\":1}"};

    return control_ledger_facts(f->conn, &f->owner, &note, err);
}
static bool w_ledger_done(struct control_fixture *f, struct tmv_error *err)
{
    return control_ledger_done(f->conn, &f->owner, 1, err);
}
static bool w_attempt_begin(struct control_fixture *f, struct tmv_error *err)
{
    int64_t number;

    return control_attempt_begin(f->conn, &f->owner, false, "amy", &number, err);
}
static bool w_attempt_end(struct control_fixture *f, struct tmv_error *err)
{
    const struct tmv_attempt result = {.outcome = TMV_ATTEMPT_COMPLETED};

    return control_attempt_end(f->conn, &f->owner, 1, &result, err);
}
static bool w_verification(struct control_fixture *f, struct tmv_error *err)
{
    return control_verification_add(f->conn, &f->owner, "hash", true, "{}", err);
}

static const struct write writes[] = {
    {"phase_change", w_phase},        {"complete_cutover", w_complete},
    {"follow_decision", w_follow},    {"settle", w_settle},
    {"set_paused", w_pause},          {"report_progress", w_progress},
    {"report_error", w_error},        {"audit", w_audit},
    {"lease_release", w_release},     {"lease_check", w_check},
    {"command_take", w_command_take}, {"command_finish", w_command_finish},
    {"ledger_add", w_ledger_add},     {"ledger_facts", w_ledger_facts},
    {"ledger_done", w_ledger_done},   {"attempt_begin", w_attempt_begin},
    {"attempt_end", w_attempt_end},   {"verification_add", w_verification},
};

/* Everything that stands in the control database, as one number. */
static char *picture(struct pgx_conn *conn)
{
    return support_text(conn, "SELECT md5(string_agg(t, '|')) FROM ("
                              "SELECT x::text t FROM public.tenant_migrations x UNION ALL "
                              "SELECT x::text FROM public.tenant_routing x UNION ALL "
                              "SELECT x::text FROM public.migration_audit_log x UNION ALL "
                              "SELECT x::text FROM tenantmv.migration_state x UNION ALL "
                              "SELECT x::text FROM tenantmv.lease x UNION ALL "
                              "SELECT x::text FROM tenantmv.command x UNION ALL "
                              "SELECT x::text FROM tenantmv.ledger x UNION ALL "
                              "SELECT x::text FROM tenantmv.sample x UNION ALL "
                              "SELECT x::text FROM tenantmv.cutover_attempt x UNION ALL "
                              "SELECT x::text FROM tenantmv.verification x UNION ALL "
                              "SELECT x::text FROM tenantmv.audit_chain x) all_rows");
}

static void changes_nothing_after_losing_the_lease(void **state)
{
    struct control_fixture f;
    struct owner successor;
    struct tmv_uuid command;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    const struct tmv_request pause = {.operation = TMV_OP_PAUSE, .migration = f.migration};
    assert_done(tmv_request(f.control, &pause, &f.actor, &command, &err), &err);
    assert_true(w_ledger_add(&f, &err) && w_attempt_begin(&f, &err));
    fall_silent(&f);
    control_fixture_take(&f, &successor);
    AUTO_FREE char *before = picture(f.conn);
    for (size_t i = 0; i < ARRAY_LEN(writes); i++) {
        err = (struct tmv_error){0};
        if (writes[i].run(&f, &err) || err.code != TMV_ERR_OWNERSHIP)
            fail_msg("%s: %s %s", writes[i].name, tmv_code_name(err.code), err.message);
    }
    AUTO_FREE char *after = picture(f.conn);
    assert_string_equal(before, after);
    control_fixture_close(&f);
}

static void holds_off_a_successor_until_the_decision_is_over(void **state)
{
    struct control_fixture f;
    const struct engine_identity other = {.id = tmv_uuid_random(), .name = "other"};
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    AUTO_CONN struct pgx_conn *heart = support_connect(f.conninfo);
    AUTO_CONN struct pgx_conn *rival = support_connect(f.conninfo);
    fall_silent(&f);
    assert_done(pgx_begin(f.conn, CONTROL_TIMEOUT_US, &err), &err);
    assert_done(control_lease_check(f.conn, &f.owner, &err), &err);
    /* a heartbeat passes a transaction that decides … */
    support_sql(heart, "SET lock_timeout = '5s'");
    assert_done(control_lease_renew(heart, &f.owner.engine, &err), &err);
    support_sql(heart, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '1 minute'");
    /* … and a change of owner does not */
    support_sql(rival, "SET lock_timeout = '100ms'");
    const struct claimable what = {.migration = f.migration, .tenant = f.tenant};
    struct lease lease;
    assert_fails(control_lease_take(rival, &what, &other, &lease, &err), &err, TMV_ERR_SQL);
    assert_string_equal(err.sqlstate, "55P03");
    assert_done(pgx_commit(f.conn, CONTROL_TIMEOUT_US, &err), &err);
    assert_done(control_lease_take(rival, &what, &other, &lease, &err), &err);
    assert_true(lease.taken);
    control_fixture_close(&f);
}

static void carries_a_command_from_request_to_outcome(void **state)
{
    struct control_fixture f;
    struct command_row row;
    struct tmv_command_info info;
    struct tmv_uuid id, again;
    bool found = false;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    int64_t generation = support_int(f.conn, "SELECT generation FROM tenantmv.migration_state");
    const struct tmv_request abort_it = {.operation = TMV_OP_ABORT,
                                         .migration = f.migration,
                                         .generation = generation,
                                         .reason = "wrong\ttenant",
                                         .keep_copied_events = true};
    assert_done(tmv_request(f.control, &abort_it, &f.actor, &id, &err), &err);
    assert_fails(tmv_request(f.control, &abort_it, &f.actor, &again, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "requested already, by amy"));
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_true(found && tmv_uuid_equal(&row.id, &id) && row.keep_copied_events && !row.force);
    assert_int_equal(row.operation, TMV_OP_ABORT);
    assert_int_equal(row.generation, generation);
    assert_string_equal(row.reason, "wrong tenant"); /* made safe */
    assert_done(tmv_command_get(f.control, &id, &info, &err), &err);
    assert_int_equal(info.state, TMV_COMMAND_RUNNING);
    assert_int_equal(info.finished_at_us, 0);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_false(found);
    assert_done(control_command_finish(f.conn, &f.owner, &id, TMV_COMMAND_DONE, "aborted", &err), &err);
    assert_done(tmv_command_get(f.control, &id, &info, &err), &err);
    assert_int_equal(info.state, TMV_COMMAND_DONE);
    assert_string_equal(info.outcome, "aborted");
    assert_string_equal(info.requested_by, "amy");
    assert_true(info.finished_at_us >= info.requested_at_us);
    assert_int_equal(support_int(f.conn, "SELECT generation FROM tenantmv.migration_state"), generation + 1);
    control_fixture_close(&f);
}

static void refuses_requests_that_the_state_does_not_allow(void **state)
{
    struct control_fixture f;
    struct tmv_uuid id;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = f.migration};
    assert_fails(tmv_request(f.control, &request, &f.actor, &id, &err), &err, TMV_ERR_REFUSED);
    assert_string_equal(err.message, "cutover is not possible in pending; allowed now: pause, abort");
    request.operation = TMV_OP_ABORT; /* without a reason */
    assert_fails(tmv_request(f.control, &request, &f.actor, &id, &err), &err, TMV_ERR_USAGE);
    request.operation = TMV_OP_START;
    assert_fails(tmv_request(f.control, &request, &f.actor, &id, &err), &err, TMV_ERR_USAGE);
    request.operation = TMV_OP_PAUSE;
    request.generation = 1000;
    assert_fails(tmv_request(f.control, &request, &f.actor, &id, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "changed since you looked"));
    request.migration = tmv_uuid_random();
    assert_fails(tmv_request(f.control, &request, &f.actor, &id, &err), &err, TMV_ERR_NOT_FOUND);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.command WHERE operation <> 'start'"),
                     0);
    control_fixture_close(&f);
}

static void refuses_waiting_commands_when_another_program_ends_the_migration(void **state)
{
    struct control_fixture f;
    struct tmv_command_info info;
    struct tmv_uuid id;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    const struct tmv_request pause = {.operation = TMV_OP_PAUSE, .migration = f.migration};
    assert_done(tmv_request(f.control, &pause, &f.actor, &id, &err), &err);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'aborted'");
    assert_done(tmv_command_get(f.control, &id, &info, &err), &err);
    assert_int_equal(info.state, TMV_COMMAND_REFUSED);
    assert_string_equal(info.outcome, "the migration is aborted");
    control_fixture_close(&f);
}

static void answers_a_verification_that_the_end_of_the_migration_overtakes(void **state)
{
    struct control_fixture f;
    struct tmv_command_info info;
    struct command_row row;
    struct tmv_uuid id;
    bool found = false;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'dual_write'");
    const struct tmv_request verify = {.operation = TMV_OP_VERIFY, .migration = f.migration};
    assert_done(tmv_request(f.control, &verify, &f.actor, &id, &err), &err);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    assert_true(found);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET phase = 'completed'");
    assert_done(tmv_command_get(f.control, &id, &info, &err), &err);
    assert_int_equal(info.state, TMV_COMMAND_FAILED);
    assert_non_null(strstr(info.outcome, "the migration is completed"));
    control_fixture_close(&f);
}

static void gives_back_what_a_lost_engine_had_in_hand(void **state)
{
    struct control_fixture f;
    struct command_row row;
    struct tmv_command_info info;
    struct tmv_uuid pause, cutover;
    struct owner successor;
    bool found;
    int64_t attempt;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    struct tmv_request request = {.operation = TMV_OP_PAUSE, .migration = f.migration};
    assert_done(tmv_request(f.control, &request, &f.actor, &pause, &err), &err);
    request.operation = TMV_OP_CUTOVER;
    assert_done(tmv_request(f.control, &request, &f.actor, &cutover, &err), &err);
    for (int i = 0; i < 2; i++) {
        assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
        assert_true(found);
    }
    assert_done(control_attempt_begin(f.conn, &f.owner, false, "amy", &attempt, &err), &err);
    fall_silent(&f);
    control_fixture_take(&f, &successor);
    assert_done(tmv_command_get(f.control, &pause, &info, &err), &err);
    assert_int_equal(info.state, TMV_COMMAND_REQUESTED); /* can be done again */
    assert_done(tmv_command_get(f.control, &cutover, &info, &err), &err);
    assert_int_equal(info.state, TMV_COMMAND_FAILED); /* cannot */
    assert_string_equal(info.outcome, "the engine that ran it was lost");
    AUTO_FREE char *attempt_told =
        support_text(f.conn, "SELECT outcome || ': ' || reason FROM tenantmv.cutover_attempt");
    assert_string_equal(attempt_told, "rolled_back: the engine that ran it was lost");
    control_fixture_close(&f);
}

static void settles_the_cutover_command_with_the_decision(void **state)
{
    struct control_fixture f;
    struct command_row row;
    struct tmv_command_info info;
    struct tmv_uuid id;
    bool found;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    const struct tmv_request request = {.operation = TMV_OP_CUTOVER, .migration = f.migration};
    assert_done(tmv_request(f.control, &request, &f.actor, &id, &err), &err);
    assert_done(control_command_take(f.conn, &f.owner, &row, &found, &err), &err);
    control_fixture_to(&f, TMV_PHASE_DUAL_WRITE, TMV_PHASE_CUTOVER);
    assert_done(control_complete_cutover(f.conn, &f.owner, "dedicated", NULL, "amy", &err), &err);
    assert_done(tmv_command_get(f.control, &id, &info, &err), &err); /* even if the engine dies now */
    assert_int_equal(info.state, TMV_COMMAND_DONE);
    assert_done(control_command_finish(f.conn, &f.owner, &id, TMV_COMMAND_DONE, "in 4.6 ms", &err), &err);
    control_fixture_close(&f);
}

static void offers_a_decided_migration_until_what_follows_is_done(void **state)
{
    struct control_fixture f;
    struct tmv_uuid other = tmv_uuid_random();
    struct claimable row;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    assert_done(control_complete_cutover(f.conn, &f.owner, "dedicated", NULL, "amy", &err), &err);
    struct tmv_uuid moved = f.migration;
    struct owner owner = f.owner;
    /* an engine that meets an error gives its lease back */
    assert_done(control_lease_release(f.conn, &owner, &err), &err);
    assert_true(claimed(&f, &other, &row));
    assert_true(tmv_uuid_equal(&row.migration, &moved));
    /* the tenant's next move waits for the end of this one */
    struct tmv_start_options options;
    control_fixture_options(&f, &options);
    options.target = "shared";
    assert_done(tmv_start(f.control, &options, &f.actor, &f.migration, &err), &err);
    assert_true(claimed(&f, &other, &row));
    assert_true(tmv_uuid_equal(&row.migration, &moved));
    const struct tmv_uuid next = f.migration;
    f.migration = moved;
    control_fixture_take(&f, &owner);
    assert_fails(control_settle(f.conn, &f.owner, &err), &err, TMV_ERR_OWNERSHIP);
    assert_done(control_settle(f.conn, &owner, &err), &err);
    assert_done(control_settle(f.conn, &owner, &err), &err);
    assert_done(control_lease_release(f.conn, &owner, &err), &err);
    assert_true(claimed(&f, &other, &row));
    assert_true(tmv_uuid_equal(&row.migration, &next));
    control_fixture_close(&f);
}

static void keeps_a_ledger_row_until_its_object_is_gone(void **state)
{
    struct control_fixture f;
    char undo[] = "DROP TRIGGER \"~tenantmv_guard\" ON public.events";
    const struct ledger_entry entry = {.store = "source",
                                       .kind = "guard-trigger",
                                       .name = "~tenantmv_guard",
                                       .when = LEDGER_ON_ABORT,
                                       .undo = undo};
    struct ledger_entry *list = NULL;
    size_t count = 0;
    int64_t id, same, next;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    assert_done(control_ledger_add(f.conn, &f.owner, &entry, &id, &err), &err);
    assert_done(control_ledger_add(f.conn, &f.owner, &entry, &same, &err), &err);
    assert_int_equal(same, id);
    const struct ledger_note note = {.id = id, .facts = "{\"oid\": 16384}"};
    assert_done(control_ledger_facts(f.conn, &f.owner, &note, &err), &err);
    assert_done(control_ledger_list(f.conn, &f.migration, "guard-trigger", &list, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].undo, undo);
    assert_string_equal(list[0].facts, "{\"oid\": 16384}");
    assert_int_equal(list[0].when, LEDGER_ON_ABORT);
    control_ledger_free(list, count);
    /* the ledger outlives the migration's row */
    support_sql(f.conn, "DELETE FROM public.tenant_migrations");
    assert_done(control_ledger_list(f.conn, &f.migration, NULL, &list, &count, &err), &err);
    assert_int_equal(count, 1);
    control_ledger_free(list, count);
    assert_done(control_ledger_done(f.conn, &f.owner, id, &err), &err);
    assert_done(control_ledger_list(f.conn, &f.migration, NULL, &list, &count, &err), &err);
    assert_int_equal(count, 0);
    control_ledger_free(list, count);
    assert_done(control_ledger_add(f.conn, &f.owner, &entry, &next, &err), &err); /* created anew */
    assert_int_not_equal(next, id);
    assert_fails(control_ledger_done(f.conn, &f.owner, 999, &err), &err, TMV_ERR_NOT_FOUND);
    control_fixture_close(&f);
}

struct noter {
    const struct control_fixture *f;
    struct pgx_conn *conn;
    struct ledger_note note;
    bool ok;
    struct tmv_error err;
};

static void *note_it(void *arg)
{
    struct noter *noter = arg;

    noter->ok = control_ledger_facts(noter->conn, &noter->f->owner, &noter->note, &noter->err);
    return NULL;
}

/* It waits for the migration's row without the lock on the audit's head, which the row's holder needs next.
 */
static void counts_an_error_of_the_ledger_before_it_is_audited(void **state)
{
    struct control_fixture f;
    struct tmv_error problem = {0};
    pthread_t thread;
    char id[TMV_UUID_TEXT];
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    assert_true(w_ledger_add(&f, &err));
    AUTO_CONN struct pgx_conn *other = support_connect(f.conninfo);
    err_set(&problem, TMV_ERR_UNREACHABLE, "the target is away");
    struct noter noter = {
        .f = &f, .conn = other, .note = {.id = 1, .facts = "{\"x\":1}", .problem = &problem}};
    support_sql(f.conn, "BEGIN; SELECT FROM public.tenant_migrations FOR NO KEY UPDATE");
    assert_int_equal(pthread_create(&thread, NULL, note_it, &noter), 0);
    support_wait_until(f.conn, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = "
                               "'transactionid')");
    support_sql(f.conn,
                "SET LOCAL lock_timeout = '200ms'; SELECT tenantmv.audit_append('%s', "
                "'progress_checkpoint', NULL, NULL, NULL, NULL); COMMIT",
                tmv_uuid_format(&f.migration, id));
    pthread_join(thread, NULL);
    assert_done(noter.ok, &noter.err);
    assert_int_equal(support_int(f.conn, "SELECT error_count FROM public.tenant_migrations"), 1);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM public.migration_audit_log WHERE event_type = "
                                         "'error_occurred'"),
                     1);
    control_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_uses_an_epoch_twice),
        cmocka_unit_test(takes_over_only_from_a_silent_owner),
        cmocka_unit_test(takes_over_sooner_when_the_owners_session_is_gone),
        cmocka_unit_test(leaves_alone_what_another_engine_had_since),
        cmocka_unit_test(finds_a_migration_whose_thread_it_lost),
        cmocka_unit_test(leaves_migrations_of_other_programs_alone),
        cmocka_unit_test(changes_nothing_after_losing_the_lease),
        cmocka_unit_test(holds_off_a_successor_until_the_decision_is_over),
        cmocka_unit_test(carries_a_command_from_request_to_outcome),
        cmocka_unit_test(answers_a_verification_that_the_end_of_the_migration_overtakes),
        cmocka_unit_test(refuses_requests_that_the_state_does_not_allow),
        cmocka_unit_test(refuses_waiting_commands_when_another_program_ends_the_migration),
        cmocka_unit_test(gives_back_what_a_lost_engine_had_in_hand),
        cmocka_unit_test(settles_the_cutover_command_with_the_decision),
        cmocka_unit_test(offers_a_decided_migration_until_what_follows_is_done),
        cmocka_unit_test(keeps_a_ledger_row_until_its_object_is_gone),
        cmocka_unit_test(counts_an_error_of_the_ledger_before_it_is_audited),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
