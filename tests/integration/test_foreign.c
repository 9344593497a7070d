/* Migrations of other programs, by rows as a coordinator of eventsource-py writes them: whose they are, since
 * when there is no sign of their program, and how a person ends one that was left behind. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "control_fixture.h"
#include "view/health.h"
#include "support/program.h"

#define COORDINATOR "sync@app1"

/* A migration of the tenant in `phase`, with routing and audit as its coordinator leaves them; its last sign
 * is three hours old. */
static void left_behind(struct control_fixture *f, const char *phase, const char *routing)
{
    char id[TMV_UUID_TEXT], tenant[TMV_UUID_TEXT];

    control_fixture_open(f);
    f->migration = tmv_uuid_random();
    tmv_uuid_format(&f->migration, id);
    tmv_uuid_format(&f->tenant, tenant);
    support_sql(
        f->conn,
        "INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, phase, "
        "config, events_total, events_copied, created_by, created_at, updated_at) "
        "VALUES ('%s', '%s', 'shared', 'dedicated', '%s', '{\"batch_size\": 1000}', 10, 5, '" COORDINATOR
        "', now() - interval '4 h', now() - interval '3 h')",
        id, tenant, phase);
    support_sql(
        f->conn,
        "UPDATE public.tenant_routing SET migration_state = '%s', active_migration_id = '%s';"
        "INSERT INTO public.migration_audit_log (migration_id, event_type, new_phase, operator, occurred_at) "
        "VALUES ('%s', 'migration_started', 'pending', '" COORDINATOR "', now() - interval '4 h')",
        routing, id, id);
}

static struct tmv_migration seen(struct control_fixture *f, enum health *ret_health)
{
    struct tmv_snapshot *s = NULL;
    struct tmv_error err = {0};

    assert_done(tmv_snapshot_read(f->control, &f->tenant, 10, &s, &err), &err);
    assert_int_equal(s->migration_count, 1);
    struct tmv_migration m = s->migrations[0];
    if (ret_health)
        *ret_health = migration_health(s, &m, NULL);
    tmv_snapshot_free(s);
    return m;
}

static void shows(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static bool end(struct control_fixture *f, const struct tmv_migration *as_seen, enum tmv_phase *ret_phase,
                struct tmv_error *err)
{
    return tmv_foreign_abort(f->control, as_seen, "its host is gone", &f->actor, ret_phase, err);
}

/* How many migrations and routes are as left_behind() made them, and our own audit rows. */
static void is_untouched(struct control_fixture *f, const char *phase, const char *routing)
{
    assert_int_equal(
        support_int(f->conn, "SELECT count(*) FROM public.tenant_migrations WHERE phase = '%s'", phase), 1);
    assert_int_equal(
        support_int(f->conn,
                    "SELECT count(*) FROM public.tenant_routing WHERE migration_state = '%s' AND "
                    "active_migration_id IS NOT NULL",
                    routing),
        1);
    assert_int_equal(support_int(f->conn, "SELECT count(*) FROM tenantmv.audit_chain"), 0);
}

static void shows_whose_it_is_and_since_when_there_is_no_sign(void **state)
{
    static const char *const signs[] = {
        "INSERT INTO public.migration_audit_log (migration_id, event_type, occurred_at) "
        "SELECT id, 'progress_checkpoint', now() - interval '2 h' FROM public.tenant_migrations",
        "INSERT INTO public.migration_position_mappings (migration_id, event_id, mapped_at) "
        "SELECT id, gen_random_uuid(), now() - interval '1 h' FROM public.tenant_migrations",
        "UPDATE public.tenant_migrations SET is_paused = true, pause_reason = 'a deploy'",
    };
    struct control_fixture f;
    enum health health;
    int64_t earlier_us;

    (void)state;
    left_behind(&f, "bulk_copy", "bulk_copy");
    struct tmv_migration m = seen(&f, &health);
    shows(m.note, "another program runs it (" COORDINATOR "); no sign of it since 20");
    assert_int_equal(m.foreign_sign_at_us,
                     support_int(f.conn, "SELECT (extract(epoch FROM updated_at) * 1000000)::bigint FROM "
                                         "public.tenant_migrations"));
    assert_int_equal(health, HEALTH_WARN);
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        earlier_us = m.foreign_sign_at_us;
        support_sql(f.conn, "%s", signs[i]);
        m = seen(&f, NULL);
        assert_true(m.foreign_sign_at_us > earlier_us);
    }
    assert_int_equal(m.show, TMV_SHOW_PAUSED);
    assert_string_equal(m.note, "another program runs it (" COORDINATOR "); paused: a deploy");
    support_sql(f.conn, "UPDATE public.tenant_migrations SET is_paused = false");
    m = seen(&f, &health);
    assert_string_equal(m.note, "another program runs it (" COORDINATOR ")");
    assert_int_equal(health, HEALTH_WELL);
    control_fixture_close(&f);
}

static void an_ordinary_abort_is_refused_and_names_the_remedy(void **state)
{
    struct control_fixture f;
    struct tmv_uuid command;
    struct tmv_error err = {0};

    (void)state;
    left_behind(&f, "dual_write", "dual_write");
    const struct tmv_request request = {
        .operation = TMV_OP_ABORT, .migration = f.migration, .reason = "its host is gone"};
    assert_fails(tmv_request(f.control, &request, &f.actor, &command, &err), &err, TMV_ERR_REFUSED);
    shows(err.message, COORDINATOR);
    shows(err.message, "no sign of it since 20");
    shows(err.hint, "--foreign");
    is_untouched(&f, "dual_write", "dual_write");
    control_fixture_close(&f);
}

static void ends_one_that_was_left_behind(void **state)
{
    struct control_fixture f;
    enum tmv_phase phase;
    int64_t broken = -1;
    struct tmv_error err = {0};

    (void)state;
    left_behind(&f, "dual_write", "dual_write");
    struct tmv_migration m = seen(&f, NULL);
    assert_done(end(&f, &m, &phase, &err), &err);
    assert_int_equal(phase, TMV_PHASE_ABORTED);
    assert_int_equal(support_int(f.conn,
                                 "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'aborted' "
                                 "AND completed_at > now() - interval '1 min' AND events_copied = 5"),
                     1);
    assert_int_equal(support_int(f.conn,
                                 "SELECT count(*) FROM public.tenant_routing WHERE store_id = 'shared' "
                                 "AND migration_state = 'normal' AND active_migration_id IS NULL"),
                     1);
    assert_int_equal(
        support_int(
            f.conn,
            "SELECT count(*) FROM public.migration_audit_log WHERE event_type = 'migration_aborted' AND "
            "old_phase = 'dual_write' AND new_phase = 'aborted' AND operator = 'amy' AND "
            "details ->> 'reason' = 'its host is gone' AND details ->> 'created_by' = '" COORDINATOR
            "' AND details ->> 'from' = 'bastion2 pid 4711'"),
        1);
    assert_done(tmv_audit_verify(f.control, &f.migration, &broken, &err), &err);
    assert_int_equal(broken, 0);
    assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_REFUSED);
    shows(err.message, "is aborted");
    control_fixture_start(&f); /* the tenant is free */
    control_fixture_close(&f);
}

/* Whatever its program wrote meanwhile, it is alive. */
static void is_refused_when_its_program_has_moved_meanwhile(void **state)
{
    static const char *const signs[] = {
        "UPDATE public.tenant_migrations SET events_copied = events_copied + 1000",
        "UPDATE public.tenant_migrations SET is_paused = true",
        "INSERT INTO public.migration_audit_log (migration_id, event_type) "
        "SELECT id, 'progress_checkpoint' FROM public.tenant_migrations",
        "INSERT INTO public.migration_position_mappings (migration_id, event_id) "
        "SELECT id, gen_random_uuid() FROM public.tenant_migrations",
    };
    enum tmv_phase phase;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        struct control_fixture f;
        struct tmv_error err = {0};

        left_behind(&f, "bulk_copy", "bulk_copy");
        struct tmv_migration m = seen(&f, NULL);
        support_sql(f.conn, "%s", signs[i]);
        assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_CONFLICT);
        shows(err.message, "has changed since you looked");
        is_untouched(&f, "bulk_copy", "bulk_copy");
        control_fixture_close(&f);
    }
}

struct ender {
    struct control_fixture *f;
    struct tmv_migration as_seen;
    bool ok;
    struct tmv_error err;
};

static void *end_it(void *arg)
{
    struct ender *ender = arg;
    enum tmv_phase phase;

    ender->ok = end(ender->f, &ender->as_seen, &phase, &ender->err);
    return NULL;
}

/* Its program's change commits while ours waits for it: our statement's snapshot does not show it. */
static void is_refused_when_its_program_moves_at_the_same_moment(void **state)
{
    struct control_fixture f;
    struct ender ender = {.f = &f};
    pthread_t thread;

    (void)state;
    left_behind(&f, "bulk_copy", "bulk_copy");
    ender.as_seen = seen(&f, NULL);
    support_sql(f.conn, "BEGIN; UPDATE public.tenant_migrations SET events_copied = events_copied + 1000");
    assert_int_equal(pthread_create(&thread, NULL, end_it, &ender), 0);
    support_wait_until(f.conn, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = "
                               "'transactionid')");
    support_sql(f.conn, "COMMIT");
    pthread_join(thread, NULL);
    assert_fails(ender.ok, &ender.err, TMV_ERR_CONFLICT);
    is_untouched(&f, "bulk_copy", "bulk_copy");
    control_fixture_close(&f);
}

/* The switch commits while ours waits, whichever row it waits for: a statement that had read routing before
 * would end a migration that is completed in all but name. */
static void reads_where_the_tenant_lives_after_it_has_the_lock(void **state)
{
    static const char switched[] = "UPDATE public.tenant_routing SET store_id = 'dedicated'";
    static const char *const before[][2] = {{"SELECT FROM public.tenant_migrations FOR UPDATE", switched},
                                            {switched, "SELECT 1"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct control_fixture f;
        struct ender ender = {.f = &f};
        pthread_t thread;

        left_behind(&f, "cutover", "cutover_paused");
        ender.as_seen = seen(&f, NULL);
        support_sql(f.conn, "BEGIN; %s", before[i][0]);
        assert_int_equal(pthread_create(&thread, NULL, end_it, &ender), 0);
        support_wait_until(f.conn, "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND locktype = "
                                   "'transactionid')");
        support_sql(f.conn, "%s; COMMIT", before[i][1]);
        pthread_join(thread, NULL);
        assert_fails(ender.ok, &ender.err, TMV_ERR_REFUSED);
        shows(ender.err.message, "lives on dedicated already");
        is_untouched(&f, "cutover", "cutover_paused");
        control_fixture_close(&f);
    }
}

/* A program whose clock, or whose tables, leave no newer time: the phase alone tells. */
static void is_refused_when_the_phase_is_another_one(void **state)
{
    struct control_fixture f;
    enum tmv_phase phase;
    struct tmv_error err = {0};

    (void)state;
    left_behind(&f, "bulk_copy", "bulk_copy");
    struct tmv_migration m = seen(&f, NULL);
    support_sql(f.conn, "ALTER TABLE public.tenant_migrations DISABLE TRIGGER tenant_migrations_updated;"
                        "UPDATE public.tenant_migrations SET phase = 'dual_write'");
    assert_int_equal(seen(&f, NULL).foreign_sign_at_us, m.foreign_sign_at_us);
    assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_CONFLICT);
    is_untouched(&f, "dual_write", "bulk_copy");
    control_fixture_close(&f);
}

static void holds_the_lock_of_its_cutover(struct control_fixture *f, const char *function)
{
    char tenant[TMV_UUID_TEXT];

    support_sql(f->conn,
                "SELECT %s(('x' || encode(substr(sha256(convert_to('cutover:%s', 'UTF8')), 1, 8), "
                "'hex'))::bit(64)::bigint & 9223372036854775807)",
                function, tmv_uuid_format(&f->tenant, tenant));
}

static void ends_a_cutover_only_when_nothing_was_switched(void **state)
{
    struct control_fixture f;
    enum tmv_phase phase;
    struct tmv_error err = {0};

    (void)state;
    left_behind(&f, "cutover", "cutover_paused");
    struct tmv_migration m = seen(&f, NULL);
    holds_the_lock_of_its_cutover(&f, "pg_advisory_lock");
    assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_REFUSED);
    shows(err.message, "is cutting over");
    is_untouched(&f, "cutover", "cutover_paused");
    holds_the_lock_of_its_cutover(&f, "pg_advisory_unlock");
    support_sql(f.conn, "UPDATE public.tenant_routing SET store_id = 'dedicated'");
    assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_REFUSED);
    shows(err.message, "lives on dedicated already");
    is_untouched(&f, "cutover", "cutover_paused");
    support_sql(f.conn, "UPDATE public.tenant_routing SET store_id = 'shared'");
    assert_done(end(&f, &m, &phase, &err), &err);
    assert_int_equal(phase, TMV_PHASE_FAILED); /* aborted is no legal end of cutover */
    assert_int_equal(support_int(f.conn,
                                 "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'failed' "
                                 "AND last_error = 'its host is gone'"),
                     1);
    assert_int_equal(support_int(f.conn,
                                 "SELECT count(*) FROM public.tenant_routing WHERE store_id = 'shared' "
                                 "AND migration_state = 'normal' AND active_migration_id IS NULL"),
                     1);
    control_fixture_close(&f);
}

static void frees_a_route_that_names_no_migration(void **state)
{
    struct control_fixture f;
    enum tmv_phase phase;
    struct tmv_error err = {0};

    (void)state;
    left_behind(&f, "bulk_copy", "bulk_copy");
    support_sql(f.conn, "UPDATE public.tenant_routing SET active_migration_id = NULL");
    struct tmv_migration m = seen(&f, NULL);
    assert_done(end(&f, &m, &phase, &err), &err);
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.tenant_routing WHERE migration_state = 'normal'"),
        1);
    control_fixture_close(&f);
}

static void leaves_ours_alone(void **state)
{
    struct control_fixture f;
    enum tmv_phase phase;
    struct tmv_error err = {0};

    (void)state;
    control_fixture_open(&f);
    control_fixture_start(&f);
    struct tmv_migration m = seen(&f, NULL);
    assert_int_equal(m.foreign_sign_at_us, 0);
    m.foreign_sign_at_us = support_int(f.conn, "SELECT (extract(epoch FROM tenantmv.last_sign(m)) * "
                                               "1000000)::bigint FROM public.tenant_migrations m");
    assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_REFUSED);
    shows(err.hint, "without --foreign");
    assert_int_equal(
        support_int(f.conn, "SELECT count(*) FROM public.tenant_migrations WHERE phase = 'pending'"), 1);
    m.id = tmv_uuid_random();
    assert_fails(end(&f, &m, &phase, &err), &err, TMV_ERR_NOT_FOUND);
    assert_fails(tmv_foreign_abort(f.control, &m, "", &f.actor, &phase, &err), &err, TMV_ERR_USAGE);
    control_fixture_close(&f);
}

/* A configuration of the program for this control database, in which the tenant is called acme. `remedy`:
 * what preflight names for it. */
static void program_knows(const struct control_fixture *f, char remedy[100])
{
    char path[400], tenant[TMV_UUID_TEXT];
    FILE *file;

    snprintf(program_home, sizeof program_home, "%s", support_temporary_dir());
    snprintf(path, sizeof path, "%s/tenantmv", program_home);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/tenantmv/config.json", program_home);
    file = fopen(path, "w");
    assert_non_null(file);
    tmv_uuid_format(&f->tenant, tenant);
    fprintf(file, "{\"control\": \"%s\", \"aliases\": {\"acme\": \"%s\"}}", f->conninfo, tenant);
    fclose(file);
    snprintf(remedy, 100, "tenantmv abort %s --foreign", tenant);
}

static void the_verbs_show_it_and_end_it(void **state)
{
    struct control_fixture f;
    struct outcome *o;
    char remedy[100];
    cJSON *root;

    (void)state;
    left_behind(&f, "dual_write", "dual_write");
    program_knows(&f, remedy);
    says(expect(0, run("list"))->out, "another program runs it (" COORDINATOR "); no sign of it since 20");
    o = expect(0, run("status", "acme"));
    says(o->out, COORDINATOR);
    says(o->out, "another program, last sign of it 3h");
    root = document(expect(0, run("status", "acme", "--json")));
    has_text(root, "migration", "created_by", COORDINATOR);
    assert_true(cJSON_IsString(at(root, "migration", "foreign_sign_at")));
    cJSON_Delete(root);
    o = expect(1, run("watch", "--once"));
    says(o->out, "another program runs it (" COORDINATOR "); no sign of it since 20");
    says(o->out, "its program has been silent for over 15 minutes");
    says(expect(3, run("preflight", "acme", "--to", "dedicated"))->out, remedy);
    says(expect(3, run("start", "acme", "--to", "dedicated", "--no-preflight"))->err, "--foreign");

    o = expect(3, run("abort", "acme", "--reason", "r", "--confirm", "acme"));
    says(o->err, "another program runs it (" COORDINATOR "); no sign of it since 20");
    says(o->err, "tenantmv abort TENANT --foreign");
    says(expect(2, run("abort", "acme", "--foreign", "--reason", "r"))->err, "add --confirm acme");
    says(expect(2, run("abort", "acme", "--foreign", "--confirm", "acme"))->err, "an abort needs a reason");
    says(expect(3, run("abort", "acme", "--foreign", "--reason", "r", "--confirm", "5d0cffff"))->err,
         "nothing was done");
    says(expect(2, run("abort", "acme", "--foreign", "--keep-events", "--reason", "r", "--confirm", "acme"))
             ->err,
         "cannot be combined");
    says(expect(0, run("abort", "acme", "--foreign", "--reason", "gone", "--confirm", "acme"))->out,
         "abort acme: aborted; the stores were not touched");
    says(expect(0, run("audit", "acme", "--verify"))->out, "gone");
    says(expect(0, run("routing"))->out, "normal");
    expect(0, run("start", "acme", "--to", "dedicated", "--no-preflight"));
    says(expect(3, run("abort", "acme", "--foreign", "--reason", "r", "--confirm", "acme"))->err,
         "no other program runs this migration");
    control_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_whose_it_is_and_since_when_there_is_no_sign),
        cmocka_unit_test(an_ordinary_abort_is_refused_and_names_the_remedy),
        cmocka_unit_test(ends_one_that_was_left_behind),
        cmocka_unit_test(is_refused_when_its_program_has_moved_meanwhile),
        cmocka_unit_test(is_refused_when_its_program_moves_at_the_same_moment),
        cmocka_unit_test(reads_where_the_tenant_lives_after_it_has_the_lock),
        cmocka_unit_test(is_refused_when_the_phase_is_another_one),
        cmocka_unit_test(ends_a_cutover_only_when_nothing_was_switched),
        cmocka_unit_test(frees_a_route_that_names_no_migration),
        cmocka_unit_test(leaves_ours_alone),
        cmocka_unit_test(the_verbs_show_it_and_end_it),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
