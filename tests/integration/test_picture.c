/* What people read of the control database: the audit and its chain of hashes, and the snapshot. */
#include "test.h"

#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "control_fixture.h"

static int64_t broken(struct control_fixture *f)
{
    int64_t id = -1;
    struct tmv_error err = {0};

    assert_done(tmv_audit_verify(f->control, &f->migration, &id, &err), &err);
    return id;
}

/* A migration with a few audit rows, one of them by another program in the middle. */
static void with_history(struct control_fixture *f)
{
    struct tmv_error err = {0};

    control_fixture_open(f);
    control_fixture_own(f);
    control_fixture_to(f, TMV_PHASE_PENDING, TMV_PHASE_BULK_COPY);
    support_sql(f->conn, "INSERT INTO public.migration_audit_log (migration_id, event_type, operator) "
                         "SELECT id, 'migration_paused', 'python' FROM public.tenant_migrations");
    assert_done(
        control_audit(f->conn, &f->owner, AUDIT_PROGRESS_CHECKPOINT, "{\"events\":\"7\"}", NULL, &err), &err);
    control_fixture_to(f, TMV_PHASE_BULK_COPY, TMV_PHASE_DUAL_WRITE);
}

static void takes_in_rows_of_other_programs(void **state)
{
    struct control_fixture f;
    struct tmv_audit_entry *entries = NULL;
    size_t count = 0;
    struct tmv_error err = {0};

    (void)state;
    with_history(&f);
    const struct tmv_audit_query query = {.migration = &f.migration, .limit = 100};
    assert_done(tmv_audit_list(f.control, &query, &entries, &count, &err), &err);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(entries[i].by_others, strcmp(entries[i].operator_name, "python") == 0);
    assert_string_equal(entries[0].event_type, "migration_started");
    assert_string_equal(entries[4].new_phase, "dual_write");
    free(entries);
    assert_int_equal(broken(&f), 0);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM tenantmv.audit_chain WHERE by_others"), 1);
    control_fixture_close(&f);
}

static void finds_an_edited_row(void **state)
{
    static const char *const edits[] = {"operator = 'eve'", "details = '{}'",
                                        "occurred_at = occurred_at + '1us'",
                                        "event_type = 'migration_resumed'", "new_phase = 'failed'"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(edits); i++) {
        struct control_fixture f;

        with_history(&f);
        int64_t id =
            support_int(f.conn, "SELECT id FROM public.migration_audit_log ORDER BY id OFFSET 2 LIMIT 1");
        support_sql(f.conn, "UPDATE public.migration_audit_log SET %s WHERE id = %lld", edits[i],
                    (long long)id);
        if (broken(&f) != id)
            fail_msg("not found: %s", edits[i]);
        control_fixture_close(&f);
    }
}

static void finds_deleted_rows_wherever_they_stood(void **state)
{
    (void)state;
    for (int place = 0; place < 5; place++) {
        struct control_fixture f;

        with_history(&f);
        int64_t id = support_int(
            f.conn, "SELECT id FROM public.migration_audit_log ORDER BY id OFFSET %d LIMIT 1", place);
        support_sql(f.conn, "DELETE FROM public.migration_audit_log WHERE id = %lld", (long long)id);
        assert_int_equal(broken(&f), id);
        /* and when the chain was cut with it */
        support_sql(f.conn, "DELETE FROM tenantmv.audit_chain WHERE audit_id = %lld", (long long)id);
        assert_int_not_equal(broken(&f), 0);
        control_fixture_close(&f);
    }
}

static void finds_an_edit_even_if_the_link_was_made_to_fit(void **state)
{
    struct control_fixture f;

    (void)state;
    with_history(&f);
    support_sql(
        f.conn,
        "UPDATE public.migration_audit_log SET operator = 'eve' WHERE event_type = 'progress_checkpoint'");
    support_sql(
        f.conn,
        "UPDATE tenantmv.audit_chain c SET hash = sha256(p.hash || tenantmv.audit_canonical(l, false)) "
        "FROM public.migration_audit_log l, tenantmv.audit_chain p "
        "WHERE l.id = c.audit_id AND l.operator = 'eve' AND p.migration_id = c.migration_id "
        "AND p.number = c.number - 1");
    assert_int_not_equal(broken(&f), 0); /* the next link does not fit any more */
    control_fixture_close(&f);
}

static void never_waits_for_the_audit_of_another_migration(void **state)
{
    struct control_fixture f;
    struct owner first;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    first = f.owner;
    f.tenant = tmv_uuid_random();
    assert_done(tmv_routing_register(f.control, &f.tenant, "shared", &err), &err);
    control_fixture_own(&f);
    AUTO_CONN struct pgx_conn *slow = support_connect(f.conninfo);
    assert_done(pgx_begin(slow, CONTROL_TIMEOUT_US, &err), &err);
    assert_done(control_audit(slow, &first, AUDIT_PROGRESS_CHECKPOINT, NULL, NULL, &err), &err);
    support_sql(f.conn, "SET lock_timeout = '1s'"); /* far below the other transaction's end */
    assert_done(control_audit(f.conn, &f.owner, AUDIT_PROGRESS_CHECKPOINT, NULL, NULL, &err), &err);
    const struct phase_change change = {.move = MOVE_BEGIN_COPY, .from = TMV_PHASE_PENDING};
    assert_done(control_phase_change(f.conn, &f.owner, &change, &err), &err);
    pgx_rollback(slow, CONTROL_TIMEOUT_US);
    control_fixture_close(&f);
}

static void pages_through_the_audit(void **state)
{
    struct control_fixture f;
    struct tmv_audit_query query = {.limit = 2};
    struct tmv_audit_entry *entries = NULL;
    size_t count = 0;
    size_t seen = 0;
    struct tmv_error err = {0};

    (void)state;
    with_history(&f);
    do {
        assert_done(tmv_audit_list(f.control, &query, &entries, &count, &err), &err);
        for (size_t i = 0; i < count; i++) {
            assert_true(entries[i].id > query.after_id);
            query.after_id = entries[i].id;
        }
        seen += count;
        free(entries);
    } while (count == 2);
    assert_int_equal(seen, 5);
    control_fixture_close(&f);
}

static void report(struct control_fixture *f, int64_t copied, bool ready)
{
    const int64_t now = clock_now_us();
    const struct tmv_gate gates[] = {{.name = "lag", .green = true, .seen = "3 ms < 50 ms", .at_us = now},
                                     {.name = "verified", .green = ready, .seen = "to \"12\"", .at_us = now}};
    struct migration_progress p = {.ready = ready,
                                   .step = "copying chunk 3 of 12",
                                   .note = "",
                                   .gates = gates,
                                   .gate_count = 2,
                                   .sample = true};
    struct tmv_error err = {0};

    figure_set(&p.figures, TMV_FIGURE_EVENTS_TOTAL, 1000);
    figure_set(&p.figures, TMV_FIGURE_EVENTS_COPIED, copied);
    figure_set(&p.figures, TMV_FIGURE_RATE, 100);
    figure_set(&p.figures, TMV_FIGURE_LAG, 3000);
    figure_set(&p.figures, TMV_FIGURE_LAG_EVENTS, 2);
    figure_set(&p.figures, TMV_FIGURE_VERIFIED_TO, INT64_C(9007199254740993));
    figure_set(&p.figures, TMV_FIGURE_WATERMARK, 13);
    figure_set(&p.figures, TMV_FIGURE_ETA, -1);
    figure_set(&p.figures, TMV_FIGURE_PREDICTED_PAUSE, 6000);
    assert_done(control_report_progress(f->conn, &f->owner, &p, &err), &err);
}

static struct tmv_snapshot *look(struct control_fixture *f, const struct tmv_uuid *tenant)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_error err = {0};

    assert_done(tmv_snapshot_read(f->control, tenant, 1000, &snapshot, &err), &err);
    return snapshot;
}

static void shows_what_the_engine_reported(void **state)
{
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    control_fixture_to(&f, TMV_PHASE_PENDING, TMV_PHASE_BULK_COPY);
    for (int i = 0; i < TMV_SAMPLES_MAX + 5; i++)
        report(&f, i * 10, false);
    struct tmv_snapshot *s = look(&f, NULL);
    assert_int_equal(s->migration_count, 1);
    const struct tmv_migration *m = &s->migrations[0];
    assert_true(tmv_uuid_equal(&m->id, &f.migration) && tmv_uuid_equal(&m->tenant, &f.tenant));
    assert_int_equal(m->show, TMV_SHOW_COPY);
    assert_int_equal(m->percent, 64);
    assert_int_equal(m->eta_us, 3600000);
    assert_true(m->verified_to == INT64_C(9007199254740993)); /* no double on the way */
    assert_string_equal(m->step, "copying chunk 3 of 12");
    assert_string_equal(m->owner, "worker one");
    assert_true(m->owner_age_us >= 0 && m->started_at_us >= m->created_at_us && m->completed_at_us == 0);
    assert_int_equal(m->gate_count, 2);
    assert_true(m->gates[0].green && !m->gates[1].green);
    assert_string_equal(m->gates[1].seen, "to \"12\"");
    assert_int_equal(m->sample_count, TMV_SAMPLES_MAX);
    assert_int_equal(m->samples[TMV_SAMPLES_MAX - 1].events_copied,
                     (TMV_SAMPLES_MAX + 4) * 10); /* newest last */
    for (size_t i = 1; i < m->sample_count; i++)
        assert_true(m->samples[i].at_us > m->samples[i - 1].at_us);
    assert_int_equal(s->event_count, 2);
    assert_string_equal(s->events[0].new_phase, "bulk_copy"); /* newest first */
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

static void shows_ready_paused_and_orphan_as_they_come(void **state)
{
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    report(&f, 1000, true);
    struct tmv_snapshot *s = look(&f, NULL);
    assert_int_equal(s->migrations[0].show, TMV_SHOW_READY);
    tmv_snapshot_free(s);
    /* paused by plain SQL of another program, with a reason that is not fit for a terminal */
    support_sql(f.conn,
                "UPDATE public.tenant_migrations SET is_paused = true, pause_reason = E'deploy\\033[2J'");
    s = look(&f, NULL);
    assert_int_equal(s->migrations[0].show, TMV_SHOW_PAUSED);
    assert_string_equal(s->migrations[0].note, "paused: deploy?[2J");
    assert_string_equal(s->migrations[0].pause_reason, "deploy?[2J");
    tmv_snapshot_free(s);
    support_sql(f.conn, "UPDATE public.tenant_migrations SET is_paused = false;"
                        "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '1 minute'");
    s = look(&f, NULL);
    assert_int_equal(s->migrations[0].show, TMV_SHOW_ORPHAN);
    assert_int_equal(s->migrations[0].lag_us, -1);
    assert_non_null(strstr(s->migrations[0].note, "worker one"));
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

static void a_report_leaves_what_it_does_not_know(void **state)
{
    const struct migration_progress nothing = {.step = "connecting", .note = ""};
    const struct engine_wait wait = {.for_us = 1000, .why = "the target is away"};
    struct tmv_error err = {0};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    report(&f, 900, true);
    struct tmv_snapshot *before = look(&f, NULL);
    assert_done(control_report_progress(f.conn, &f.owner, &nothing, &err), &err);
    assert_done(control_waits(f.conn, &f.owner, &wait, &err), &err);
    struct tmv_snapshot *after = look(&f, NULL);
    const struct tmv_migration *was = &before->migrations[0], *is = &after->migrations[0];
    assert_int_equal(is->show, TMV_SHOW_WAITING);
    assert_int_equal(is->watermark, 13);
    assert_true(is->verified_to == was->verified_to && is->events_copied == 900 && is->rate == 100);
    assert_int_equal(is->predicted_pause_us, 6000);
    for (int i = 0; i < TMV_FIGURE_COUNT;
         i++) /* and when it was measured; the lag of one that waits is known */
        assert_true(i == TMV_FIGURE_LAG ||
                    (was->measured_us[i] > 0 && is->measured_us[i] == was->measured_us[i]));
    assert_true(is->gate_count == 2 && is->gates[0].at_us == was->gates[0].at_us && was->gates[0].at_us > 0);
    tmv_snapshot_free(before);
    tmv_snapshot_free(after);
    control_fixture_close(&f);
}

/* A try does not begin the trouble anew, and is no news of its cause; work ends it. */
static void a_try_leaves_since_when_it_waits(void **state)
{
    const struct migration_progress tries = {.step = "connecting", .note = ""},
                                    works = {.note = "", .works = true};
    struct engine_wait wait = {.for_us = 1000000, .since_us = 60000000, .why = "the target is away"};
    struct tmv_error err = {0};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    assert_done(control_waits(f.conn, &f.owner, &wait, &err), &err);
    struct tmv_snapshot *first = look(&f, NULL);
    assert_true(first->taken_at_us - first->migrations[0].waiting_since_us >= 60000000);
    assert_int_equal(first->counts[TMV_SHOW_WAITING], 1);
    assert_done(control_report_progress(f.conn, &f.owner, &tries, &err), &err);
    wait.since_us = 0;
    for (int i = 0; i < 2; i++) {
        struct tmv_snapshot *now = look(&f, NULL);

        assert_int_equal(now->migrations[0].show, TMV_SHOW_WAITING);
        assert_string_equal(now->migrations[0].note, "the target is away");
        assert_true(now->migrations[0].waiting_since_us == first->migrations[0].waiting_since_us);
        tmv_snapshot_free(now);
        assert_done(control_waits(f.conn, &f.owner, &wait, &err), &err);
    }
    assert_done(control_report_progress(f.conn, &f.owner, &works, &err), &err);
    struct tmv_snapshot *after = look(&f, NULL);
    assert_int_equal(after->migrations[0].show, TMV_SHOW_PENDING);
    assert_true(after->migrations[0].waiting_since_us == 0 && after->migrations[0].next_try_at_us == 0);
    assert_int_equal(after->counts[TMV_SHOW_WAITING], 0);
    tmv_snapshot_free(first);
    tmv_snapshot_free(after);
    control_fixture_close(&f);
}

static void facts_that_are_too_old_are_not_known_and_nothing_is_armed_on_them(void **state)
{
    const struct tmv_actor actor = {.name = "amy", .from = "here"};
    struct tmv_request request = {.operation = TMV_OP_CUTOVER};
    struct tmv_uuid command;
    struct tmv_error err = {0};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    support_sql(f.conn, "UPDATE tenantmv.migration_state SET gates = '[]', measured = '{}'");
    request.migration = f.migration;
    assert_fails(tmv_request(f.control, &request, &actor, &command, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "not known: no engine has looked at them yet"));
    report(&f, 1000, true);
    support_sql(f.conn,
                "UPDATE tenantmv.migration_state SET measured = (SELECT jsonb_object_agg(key, value::bigint "
                "- 6000000) "
                "FROM jsonb_each(measured)), gates = (SELECT jsonb_agg(g || jsonb_build_object('at', (g ->> "
                "'at')::bigint - 6000000)) FROM jsonb_array_elements(gates) g);"
                "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp()");
    struct tmv_snapshot *s = look(&f, NULL);
    const struct tmv_migration *m = &s->migrations[0];
    assert_int_equal(m->show, TMV_SHOW_SYNC);
    assert_true(m->rate == -1 && m->lag_us == -1 && m->lag_events == -1 && m->predicted_pause_us == -1);
    assert_true(m->gates[0].unknown && !m->gates[0].green);
    assert_int_equal(m->watermark, 13);
    assert_int_equal(s->counts[TMV_SHOW_READY], 0);
    assert_int_equal(s->counts[TMV_SHOW_SYNC], 1);
    tmv_snapshot_free(s);
    assert_fails(tmv_request(f.control, &request, &actor, &command, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "last looked at 6 s ago"));
    report(&f, 1000, true);
    assert_done(tmv_request(f.control, &request, &actor, &command, &err), &err);
    control_fixture_close(&f);
}

/* An engine of an older version wrote no times: its heartbeat dates what it saw, a successor's does not. */
static void forgets_what_an_older_engine_saw_once_another_takes_over(void **state)
{
    const struct tmv_actor actor = {.name = "amy", .from = "here"};
    struct tmv_request request = {.operation = TMV_OP_CUTOVER};
    struct tmv_uuid command;
    struct tmv_error err = {0};
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_dual_write(&f);
    report(&f, 1000, true);
    support_sql(f.conn, "UPDATE tenantmv.migration_state SET measured = '{}', gates = "
                        "'[{\"name\": \"lag\", \"green\": true, \"seen\": \"3 ms\"}]';"
                        "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp()");
    struct tmv_snapshot *s = look(&f, NULL);
    assert_int_equal(s->migrations[0].show, TMV_SHOW_READY);
    assert_int_equal(s->migrations[0].lag_us, 3000);
    tmv_snapshot_free(s);
    support_sql(f.conn, "UPDATE tenantmv.lease SET heartbeat_at = clock_timestamp() - interval '1 minute'");
    control_fixture_take(&f, &f.owner);
    s = look(&f, NULL);
    const struct tmv_migration *m = &s->migrations[0];
    assert_int_equal(m->show, TMV_SHOW_SYNC);
    assert_int_equal(m->gate_count, 0);
    assert_true(m->rate == -1 && m->lag_us == -1 && m->lag_events == -1 && m->predicted_pause_us == -1);
    assert_int_equal(m->watermark, 13); /* was reached, whoever says so */
    assert_int_equal(s->counts[TMV_SHOW_SYNC], 1);
    tmv_snapshot_free(s);
    request.migration = f.migration;
    assert_fails(tmv_request(f.control, &request, &actor, &command, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "not known: no engine has looked at them yet"));
    control_fixture_close(&f);
}

static void shows_migrations_of_other_programs_as_such(void **state)
{
    struct control_fixture f;
    char why[TMV_REASON_MAX];

    (void)state;
    control_fixture_open(&f);
    support_sql(
        f.conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase, "
        "events_total, events_copied) "
        "VALUES (gen_random_uuid(), gen_random_uuid(), 'a', 'b', 'bulk_copy', 10, 5)");
    struct tmv_snapshot *s = look(&f, NULL);
    assert_int_equal(s->migrations[0].show, TMV_SHOW_COPY);
    assert_int_equal(s->migrations[0].percent, 50);
    assert_string_equal(s->migrations[0].note, "another program runs it");
    assert_false(tmv_operation_allowed(&s->migrations[0], TMV_OP_ABORT, why));
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

/* Counts come from one statement and rows from another: every combination of what a state is derived from. */
static const char every_migration[] =
    "CREATE TEMP TABLE made AS SELECT gen_random_uuid() AS id, gen_random_uuid() AS tenant, * FROM "
    "unnest('{pending,bulk_copy,dual_write,cutover,completed,aborted,failed}'::text[]) phase, "
    "unnest('{t,f}'::boolean[]) paused, unnest('{t,f}'::boolean[]) held, unnest('{t,f}'::boolean[]) waits, "
    "unnest('{not-ready,none,green,old,future,red,undated,timeless}'::text[]) gates, "
    "unnest('{none,alive,silent}'::text[]) engine, unnest('{1 s,1 h}'::interval[]) age, "
    "unnest('{t,f}'::boolean[]) ours WHERE ours OR engine = 'none' AND gates = 'not-ready';"
    "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase, "
    "is_paused, "
    "created_at) SELECT id, tenant, 'a', 'b', phase, paused, now() - age FROM made;"
    "INSERT INTO tenantmv.migration_state (migration_id, ready, throttle, waiting_since, ending, measured, "
    "gates) "
    "SELECT id, gates <> 'not-ready', CASE WHEN held THEN 'x' ELSE '' END, CASE WHEN waits THEN now() END, "
    "CASE WHEN phase = 'completed' AND age = '1 h' THEN 'hold' ELSE '' END, "
    "CASE WHEN gates = 'undated' THEN '{}' ELSE jsonb_build_object('gates', at) END, CASE WHEN gates = "
    "'none' "
    "THEN '[]' ELSE jsonb_build_array(jsonb_build_object('name', 'a', 'green', true, 'at', at), "
    "jsonb_build_object('name', 'b', 'green', gates <> 'red') || "
    "CASE WHEN gates IN ('undated', 'timeless') THEN '{}' ELSE jsonb_build_object('at', at) END) END FROM ("
    "SELECT *, (extract(epoch FROM clock_timestamp() + CASE gates WHEN 'old' THEN interval '-1 min' WHEN "
    "'future' THEN interval '1 min' ELSE '0' END) * 1000000)::bigint AS at FROM made WHERE ours) m;"
    "INSERT INTO tenantmv.lease (tenant_id, migration_id, engine, engine_name, heartbeat_at) "
    "SELECT tenant, id, gen_random_uuid(), 'e', now() + CASE engine WHEN 'alive' THEN interval '1 h' ELSE "
    "interval '-1 min' END FROM made WHERE engine <> 'none' AND ours;";

static int made_up_for(const struct tmv_snapshot *s)
{
    int count = 0;

    for (size_t i = 0; i < s->migration_count; i++)
        for (size_t k = 0; s->migrations[i].show == TMV_SHOW_FAILED && k < s->migration_count; k++)
            if (tmv_uuid_equal(&s->migrations[k].tenant, &s->migrations[i].tenant) &&
                s->migrations[k].created_at_us > s->migrations[i].created_at_us) {
                count++;
                break;
            }
    return count;
}

/* How many states there are. */
static int counts_as_the_rows_say(struct control_fixture *f)
{
    struct tmv_snapshot *s = NULL;
    int64_t counted[TMV_SHOW_COUNT] = {0};
    int states = 0;
    struct tmv_error err = {0};

    assert_done(tmv_snapshot_read(f->control, NULL, 10000, &s, &err), &err);
    assert_int_equal(s->migration_count, s->migration_total);
    for (size_t i = 0; i < s->migration_count; i++)
        counted[s->migrations[i].show]++;
    for (int i = 0; i < TMV_SHOW_COUNT; i++) {
        states += counted[i] > 0;
        if (counted[i] != s->counts[i])
            fail_msg("%s: %lld rows, %lld counted", tmv_display_state_name((enum tmv_display_state)i),
                     (long long)counted[i], (long long)s->counts[i]);
    }
    assert_int_equal(s->superseded, made_up_for(s));
    tmv_snapshot_free(s);
    return states;
}

static void counts_in_every_state_what_the_rows_say(void **state)
{
    struct control_fixture f;

    (void)state;
    control_fixture_open(&f);
    support_sql(f.conn, "%s", every_migration);
    assert_int_equal(counts_as_the_rows_say(&f), TMV_SHOW_COUNT);
    /* no engine anywhere: nothing takes up what is pending */
    support_sql(f.conn, "UPDATE tenantmv.lease SET heartbeat_at = now() - interval '1 min'");
    assert_true(counts_as_the_rows_say(&f) > 1);
    /* some of the tenants were asked to move again since */
    support_sql(f.conn,
                "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, "
                "phase, created_at) SELECT gen_random_uuid(), tenant_id, 'a', 'b', 'aborted', created_at + "
                "interval '1 s' FROM public.tenant_migrations WHERE phase IN ('failed', 'completed') AND "
                "NOT is_paused");
    assert_true(counts_as_the_rows_say(&f) > 1);
    control_fixture_close(&f);
}

/* What waits for a free place needs nobody. */
static void a_long_queue_does_not_hide_what_met_an_error(void **state)
{
    struct control_fixture f;
    struct tmv_snapshot *s = NULL;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    support_sql(f.conn,
                "UPDATE public.tenant_migrations SET last_error = 'x', created_at = now() - interval '1 h';"
                "WITH queued AS (INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, "
                "target_store_id) SELECT gen_random_uuid(), gen_random_uuid(), 'a', 'b' FROM "
                "generate_series(1, 5) RETURNING id) "
                "INSERT INTO tenantmv.migration_state (migration_id) SELECT id FROM queued");
    assert_done(tmv_snapshot_read(f.control, NULL, 1, &s, &err), &err);
    assert_int_equal(s->migration_count, 1);
    assert_string_equal(s->migrations[0].last_error, "x");
    assert_int_equal(s->counts[TMV_SHOW_PENDING], 6);
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

static void shows_attempts_with_their_times(void **state)
{
    struct control_fixture f;
    const struct tmv_attempt done = {.outcome = TMV_ATTEMPT_COMPLETED,
                                     .lock_us = 1100,
                                     .drain_us = 2200,
                                     .decide_us = 1300,
                                     .pause_us = 4600,
                                     .drained_events = 28,
                                     .held_writers = 3};
    int64_t number;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_to_cutover(&f);
    assert_done(control_attempt_begin(f.conn, &f.owner, true, "amy", &number, &err), &err);
    assert_int_equal(number, 1);
    assert_done(control_attempt_begin(f.conn, &f.owner, false, "amy", &number, &err), &err);
    assert_int_equal(number, 2);
    assert_done(control_attempt_end(f.conn, &f.owner, number, &done, &err), &err);
    struct tmv_snapshot *s = look(&f, &f.tenant);
    assert_int_equal(s->attempt_count, 2);
    assert_int_equal(s->attempts[0].number, 2);
    assert_int_equal(s->attempts[0].outcome, TMV_ATTEMPT_COMPLETED);
    assert_int_equal(s->attempts[0].lock_us, 1100);
    assert_int_equal(s->attempts[0].drain_us, 2200);
    assert_int_equal(s->attempts[0].decide_us, 1300);
    assert_int_equal(s->attempts[0].pause_us, 4600);
    assert_int_equal(s->attempts[0].drained_events, 28);
    assert_int_equal(s->attempts[0].held_writers, 3);
    assert_true(s->attempts[1].rehearsal);
    assert_int_equal(s->attempts[1].outcome, TMV_ATTEMPT_RUNNING);
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

static void shows_only_the_tenant_that_was_asked_for(void **state)
{
    struct control_fixture f;
    const struct tmv_uuid nobody = {{1}};
    struct tmv_snapshot *s;

    (void)state;
    with_history(&f);
    s = look(&f, &nobody);
    assert_int_equal(s->migration_count + s->event_count + s->attempt_count, 0);
    tmv_snapshot_free(s);
    s = look(&f, &f.tenant);
    assert_int_equal(s->migration_count, 1);
    assert_int_equal(s->event_count, 5);
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

static void puts_active_migrations_first(void **state)
{
    struct control_fixture f;
    struct tmv_snapshot *s = NULL;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    support_sql(
        f.conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase, "
        "created_at) SELECT gen_random_uuid(), gen_random_uuid(), 'a', 'b', "
        "CASE WHEN n %% 3 = 0 THEN 'bulk_copy' ELSE 'completed' END, now() - n * interval '1 minute' "
        "FROM generate_series(1, 600) n");
    assert_done(tmv_snapshot_read(f.control, NULL, 300, &s, &err), &err);
    assert_int_equal(s->migration_count, 300);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(tmv_phase_is_terminal(s->migrations[i].phase), i >= 200);
        if (i != 0 && i != 200)
            assert_true(s->migrations[i].created_at_us < s->migrations[i - 1].created_at_us);
    }
    tmv_snapshot_free(s);
    assert_fails(tmv_snapshot_read(f.control, NULL, 0, &s, &err), &err, TMV_ERR_USAGE);
    control_fixture_close(&f);
}

static void keeps_errors_and_counts_them(void **state)
{
    struct control_fixture f;
    struct tmv_error what = {0};
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_own(&f);
    err_set(&what, TMV_ERR_UNREACHABLE, "cannot connect to the \"target\"");
    for (int i = 0; i < 2; i++)
        assert_done(control_report_error(f.conn, &f.owner, &what, &err), &err);
    assert_int_equal(support_int(f.conn, "SELECT error_count FROM public.tenant_migrations"), 2);
    assert_int_equal(support_int(f.conn, "SELECT count(*) FROM public.migration_audit_log WHERE event_type = "
                                         "'error_occurred' AND details->>'code' = 'unreachable'"),
                     2);
    struct tmv_snapshot *s = look(&f, NULL);
    assert_string_equal(s->migrations[0].last_error, "cannot connect to the \"target\"");
    tmv_snapshot_free(s);
    control_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_in_rows_of_other_programs),
        cmocka_unit_test(finds_an_edited_row),
        cmocka_unit_test(finds_deleted_rows_wherever_they_stood),
        cmocka_unit_test(finds_an_edit_even_if_the_link_was_made_to_fit),
        cmocka_unit_test(never_waits_for_the_audit_of_another_migration),
        cmocka_unit_test(pages_through_the_audit),
        cmocka_unit_test(shows_what_the_engine_reported),
        cmocka_unit_test(shows_ready_paused_and_orphan_as_they_come),
        cmocka_unit_test(a_report_leaves_what_it_does_not_know),
        cmocka_unit_test(a_try_leaves_since_when_it_waits),
        cmocka_unit_test(facts_that_are_too_old_are_not_known_and_nothing_is_armed_on_them),
        cmocka_unit_test(forgets_what_an_older_engine_saw_once_another_takes_over),
        cmocka_unit_test(shows_migrations_of_other_programs_as_such),
        cmocka_unit_test(counts_in_every_state_what_the_rows_say),
        cmocka_unit_test(a_long_queue_does_not_hide_what_met_an_error),
        cmocka_unit_test(shows_attempts_with_their_times),
        cmocka_unit_test(shows_only_the_tenant_that_was_asked_for),
        cmocka_unit_test(puts_active_migrations_first),
        cmocka_unit_test(keeps_errors_and_counts_them),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
