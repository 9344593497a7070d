/* Limits of a copy that runs: they change under it, what holds it is said and counted, and nothing holds the
 * tail or a cutover. Whatever would take minutes under a limit shows by its end that the limit went. */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "support/life.h"
#include "support/replica.h"

#define STREAMS                                                                                              \
    2500 /* of ten events: at SLOW events per second the copy would take half an hour; indexes are dropped   \
          */
#define SLOW 20
#define SLEEPERS 6

static char flag[TMV_PATH_MAX - 40];

static int prepare(void **state)
{
    (void)state;
    life_prepare(false, false);
    support_fill(l.on_source, &l.tenant, STREAMS, 10);
    snprintf(flag, sizeof flag, "%s/hold", support_temporary_dir());
    return 0;
}

static int done(void **state)
{
    (void)state;
    unlink(flag);
    life_release();
    return 0;
}

static void raise_flag(void)
{
    int fd = open(flag, O_CREAT | O_WRONLY, 0644);

    assert_true(fd >= 0);
    close(fd);
}

static void begin(void)
{
    struct tmv_error err;

    assert_done(life_begin(&err), &err);
    life_start_engine();
}

static struct tmv_settings change(const char *changes)
{
    struct tmv_settings settings;
    struct tmv_error err;

    assert_done(tmv_settings_change(l.handle, &l.migration, changes, &amy, &settings, &err), &err);
    return settings;
}

/* What a screen sees of the migration. */
static struct tmv_migration seen(void)
{
    struct tmv_snapshot *snapshot;
    struct tmv_migration m;
    struct tmv_error err;

    assert_done(tmv_snapshot_read(l.handle, &l.tenant, 1, &snapshot, &err), &err);
    assert_int_equal(snapshot->migration_count, 1);
    m = snapshot->migrations[0];
    tmv_snapshot_free(snapshot);
    return m;
}

static int64_t copied(void)
{
    return support_int(l.on_target, "SELECT count(*) FROM public.events");
}

/* It is held for this reason, and everybody can see it. */
static void assert_held(const char *why)
{
    int64_t until = clock_now_us() + 90 * US_PER_S;
    struct tmv_migration m = seen();

    while (!strstr(m.throttle, why) || m.throttled_us == 0) {
        if (clock_now_us() > until)
            fail_msg("\"%s\" is not said; throttle \"%s\", note \"%s\"", why, m.throttle, m.note);
        stop_sleep(NULL, 20 * US_PER_MS);
        m = seen();
    }
    assert_int_equal(m.show, TMV_SHOW_THROTTLED);
    assert_non_null(strstr(m.note, why));
    assert_int_equal(m.phase, TMV_PHASE_BULK_COPY);
    assert_int_equal(m.eta_us, -1);
}

static void assert_goes_on(void)
{
    life_wait_for("m.phase = 'dual_write' AND s.throttle = '' AND s.throttled_us > 0");
    assert_int_equal(life_count(l.on_target), life_count(l.on_source));
}

/* ---- rates and workers ---- */

static void copies_at_the_new_rate_from_then_on(void **state)
{
    (void)state;
    l.settings.max_bulk_copy_rate = SLOW;
    begin();
    life_wait_for("m.events_copied > 0");
    assert_int_equal(seen().phase, TMV_PHASE_BULK_COPY);
    assert_int_equal(change("{\"max_bulk_copy_rate\":null}").max_bulk_copy_rate, 0);
    life_wait_for("m.phase = 'dual_write'");
}

static void slows_down_to_so_many_bytes(void **state)
{
    (void)state;
    l.settings.max_bulk_copy_rate = SLOW;
    begin();
    life_wait_for("m.events_copied > 0");
    change("{\"max_bulk_copy_rate\":null,\"max_bulk_copy_bytes\":1000}");
    life_wait_for("m.config @> '{\"max_bulk_copy_bytes\": 1000}'");
    int64_t before = copied();
    support_wait_until(l.on_target, "SELECT count(*) > %lld FROM public.events", (long long)before);
    assert_int_equal(seen().phase, TMV_PHASE_BULK_COPY);
    change("{\"max_bulk_copy_bytes\":100000000}");
    life_wait_for("m.phase = 'dual_write'");
}

static void wait_for_workers(int workers)
{
    support_wait_until(l.on_source,
                       "SELECT count(*) = %d FROM pg_stat_activity WHERE application_name LIKE "
                       "'tenantmv/copy/%%'",
                       workers);
}

static void takes_more_and_fewer_workers(void **state)
{
    (void)state;
    l.settings.max_bulk_copy_rate = SLOW;
    l.settings.copy_workers = 1;
    begin();
    life_wait_for("m.events_copied > 0");
    wait_for_workers(1);
    change("{\"copy_workers\":5}");
    wait_for_workers(5);
    change("{\"copy_workers\":2}");
    wait_for_workers(2);
    change("{\"max_bulk_copy_rate\":0}");
    life_wait_for("m.phase = 'dual_write'");
    assert_int_equal(life_count(l.on_target), life_count(l.on_source));
}

/* ---- what holds it ---- */

static void is_held_while_the_flag_file_exists(void **state)
{
    (void)state;
    raise_flag();
    snprintf(l.settings.throttle_file, sizeof l.settings.throttle_file, "%s", flag);
    begin();
    assert_held("flag file");
    assert_int_equal(copied(), 0);
    unlink(flag);
    assert_goes_on();
}

static void is_held_in_the_middle_and_can_be_paused_and_aborted_then(void **state)
{
    char changes[400];

    (void)state;
    l.settings.max_bulk_copy_rate = SLOW;
    begin();
    life_wait_for("m.events_copied > 0");
    raise_flag();
    snprintf(changes, sizeof changes, "{\"throttle_file\":\"%s\",\"max_bulk_copy_rate\":null}", flag);
    change(changes);
    assert_held("flag file");
    life_expect(life_ask(TMV_OP_PAUSE, "night"), TMV_COMMAND_DONE, "paused");
    assert_string_equal(seen().throttle, "");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "resumed");
    assert_held("flag file");
    life_ask(TMV_OP_ABORT, "not today");
    life_wait_for("m.phase = 'aborted'");
    assert_int_equal(copied(), 0);
}

/* A change may take a limit back and set another one: nothing is copied freely in between. */
static void is_not_let_go_before_a_new_limit_was_looked_at(void **state)
{
    (void)state;
    l.settings.max_bulk_copy_rate = SLOW;
    begin();
    life_wait_for("m.events_copied > 0");
    change("{\"throttle_query\":\"SELECT pg_sleep(1.8) IS NOT NULL\",\"max_bulk_copy_rate\":null}");
    assert_held("the query says true");
    assert_true(copied() < 1000);
    change("{\"throttle_query\":null}");
    assert_goes_on();
}

static void is_held_by_the_operators_query(void **state)
{
    (void)state;
    support_sql(l.on_source, "CREATE TABLE IF NOT EXISTS public.late (job int)");
    support_sql(l.on_source, "INSERT INTO public.late SELECT generate_series(1, 12)");
    snprintf(l.settings.throttle_query, sizeof l.settings.throttle_query,
             "SELECT count(*) FROM late -- jobs");
    l.settings.throttle_query_limit = 10;
    begin();
    assert_held("the query says 12 (limit 10)");
    change("{\"throttle_query\":\"SELECT EXISTS (SELECT FROM late WHERE job = 12)\"}");
    assert_held("the query says true");
    support_sql(l.on_source, "DELETE FROM public.late WHERE job > 10");
    assert_goes_on();
}

static void is_held_while_the_query_cannot_be_asked_and_the_query_changes_nothing(void **state)
{
    (void)state;
    support_sql(l.on_source, "CREATE SEQUENCE public.touched");
    snprintf(l.settings.throttle_query, sizeof l.settings.throttle_query, "SELECT nextval('touched') < 0");
    begin();
    assert_held("read-only transaction");
    change("{\"throttle_query\":\"SELECT pg_sleep(60) IS NULL\"}");
    assert_held("statement timeout");
    change("{\"throttle_query\":\"SELECT 1) AS a; DROP TABLE public.events; SELECT (1\"}");
    assert_held("multiple commands");
    change("{\"throttle_query\":\"SELECT 1 UNION ALL SELECT 2\"}");
    assert_held("several values");
    change("{\"throttle_query\":\"SELECT 'busy'\"}");
    assert_held("not busy");
    assert_int_equal(copied(), 0);
    assert_int_equal(support_int(l.on_source, "SELECT nextval('public.touched')"), 1);
    change("{\"throttle_query\":null}");
    assert_goes_on();
}

static void is_held_while_many_sessions_are_active(void **state)
{
    struct pgx_conn *sleepers[SLEEPERS];
    struct tmv_error err;

    (void)state;
    for (int i = 0; i < SLEEPERS; i++) {
        sleepers[i] = support_connect(l.source.conninfo);
        support_sql(sleepers[i], "SET application_name = 'shop'");
        assert_done(pgx_send(sleepers[i], "SELECT pg_sleep(300)", PGX_NONE, &err), &err);
    }
    l.settings.throttle_connections = SLEEPERS - 2;
    begin();
    assert_held("sessions are active on the source (limit 4)");
    assert_int_equal(copied(), 0);
    support_sql(l.on_source,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'shop'");
    for (int i = 0; i < SLEEPERS; i++)
        pgx_close(sleepers[i]);
    assert_goes_on();
}

static void is_held_while_a_standby_is_behind(void **state)
{
    struct cluster *standby = replica_start(support_cluster("source", NULL), "standby");
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *on_standby = support_connect(cluster_conninfo(standby, "postgres", conninfo));

    (void)state;
    support_sql(on_standby, "SELECT pg_wal_replay_pause()");
    support_wait_until(on_standby, "SELECT pg_get_wal_replay_pause_state() = 'paused'");
    l.settings.throttle_replica_lag_ms = 300;
    l.settings.max_bulk_copy_rate = SLOW; /* it takes a while until the standby is late */
    begin();
    assert_held("standby standby of the source is");
    change("{\"max_bulk_copy_rate\":null}");
    support_sql(on_standby, "SELECT pg_wal_replay_resume()");
    assert_goes_on();
    pgx_close(on_standby);
    cluster_free(standby);
}

static void holds_neither_the_tail_nor_a_cutover(void **state)
{
    char changes[400];
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    raise_flag();
    snprintf(changes, sizeof changes,
             "{\"throttle_file\":\"%s\",\"throttle_query\":\"SELECT true\",\"max_bulk_copy_rate\":1}", flag);
    change(changes);
    for (int i = 1; i <= 50; i++)
        assert_done(move_insert(l.on_source, &l.tenant, 7000, i, &err), &err);
    support_wait_until(l.on_target, "SELECT count(*) = %lld FROM public.events",
                       (long long)life_count(l.on_source));
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_assert_moved();
    assert_int_equal(seen().throttled_us, 0);
}

/* ---- who may, and what is kept ---- */

static void audits_who_changed_what_once(void **state)
{
    struct tmv_error err;
    int64_t broken;

    (void)state;
    assert_done(life_begin(&err), &err);
    change("{\"max_bulk_copy_rate\":5000,\"throttle_file\":\"/run/hold\"}");
    change("{\"max_bulk_copy_rate\":5000}"); /* it is so already */
    life_assert_one_audit_row("progress_checkpoint");
    AUTO_FREE char *row = support_text(
        l.on_control, "SELECT operator || ': ' || (details ->> 'limits') FROM public.migration_audit_log"
                      " WHERE event_type = 'progress_checkpoint'");
    assert_string_equal(row, "amy: max bulk copy rate 5000 (was none), throttle file /run/hold (was none)");
    struct tmv_settings now;
    assert_done(tmv_settings_read(l.handle, &l.migration, &now, &err), &err);
    assert_int_equal(now.max_bulk_copy_rate, 5000);
    assert_int_equal(now.cutover_timeout_ms, 60000); /* what was not named stays */
    assert_done(tmv_audit_verify(l.handle, &l.migration, &broken, &err), &err);
    assert_int_equal(broken, 0);
}

static char *settings_text(void)
{
    struct tmv_settings now;
    struct tmv_error err;

    assert_done(tmv_settings_read(l.handle, &l.migration, &now, &err), &err);
    return tmv_settings_to_json(&now);
}

static void takes_every_limit_back_but_the_workers(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_done(life_begin(&err), &err);
    change("{\"copy_workers\":3}");
    AUTO_FREE char *before = settings_text();
    change("{\"max_bulk_copy_rate\":5,\"max_bulk_copy_bytes\":6,\"throttle_replica_lag_ms\":7,"
           "\"throttle_connections\":8,\"throttle_file\":\"/run/hold\",\"throttle_query\":\"SELECT 9\","
           "\"throttle_query_limit\":10}");
    AUTO_FREE char *limited = settings_text();
    assert_string_not_equal(limited, before);
    change(TMV_NO_LIMITS);
    AUTO_FREE char *after = settings_text();
    assert_string_equal(after, before);
}

static void refuses_what_cannot_be_limited(void **state)
{
    const struct tmv_uuid nobody = tmv_uuid_random();
    struct tmv_control *watcher;
    struct tmv_settings settings;
    struct tmv_error err;

    (void)state;
    assert_done(life_begin(&err), &err);
    assert_fails(tmv_settings_change(l.handle, &l.migration, "{\"batch_size\":1}", &amy, &settings, &err),
                 &err, TMV_ERR_USAGE);
    assert_fails(tmv_settings_change(l.handle, &nobody, "{\"copy_workers\":1}", &amy, &settings, &err), &err,
                 TMV_ERR_NOT_FOUND);
    assert_done(tmv_control_open_read_only(l.control, &watcher, &err), &err);
    assert_fails(tmv_settings_change(watcher, &l.migration, "{\"copy_workers\":1}", &amy, &settings, &err),
                 &err, TMV_ERR_REFUSED);
    assert_done(tmv_settings_read(watcher, &l.migration, &settings, &err), &err);
    tmv_control_close(watcher);
    life_start_engine();
    life_ask(TMV_OP_ABORT, "enough");
    life_wait_for("m.phase = 'aborted'");
    assert_fails(tmv_settings_change(l.handle, &l.migration, "{\"copy_workers\":1}", &amy, &settings, &err),
                 &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "aborted"));
}

/* ---- the verb ---- */

/* Runs `tenantmv limit` on the migration; its output, and its exit code. */
static int verb(const char *options, char out[4000])
{
    char command[1000], id[TMV_UUID_TEXT];

    snprintf(command, sizeof command, "TENANTMV_CONTROL='%s' \"$TENANTMV_PROGRAM\" limit %s %s 2>&1",
             l.control, tmv_uuid_format(&l.migration, id), options);
    FILE *pipe = popen(command, "r"); // NOLINT(cert-env33-c): the program under test
    assert_non_null(pipe);
    out[fread(out, 1, 3999, pipe)] = '\0';
    return pclose(pipe) / 256;
}

static void the_verb_changes_and_shows(void **state)
{
    static const struct {
        const char *options;
        int code;
        const char *says, *says_not;
    } cases[] = {
        {"--json", 0, "\"copy_workers\":2", "max_bulk"},
        {"--max-rate 77 --throttle-lag 10s", 0, "77/s", "flag file"},
        {"--max-mb 5 --throttle-query 'SELECT true'", 0, "5,000,000/s", "flag file"},
        {"", 0, "held above 10 s", "flag file"},
        {"--none --workers 3 --throttle-file /run/hold", 0, "held while /run/hold exists", "held above"},
        {"--json", 0, "\"copy_workers\":3", "max_bulk"},
        {"--throttle-file none", 0, "workers", "flag file"},
        {"--workers 0", 2, "--workers", NULL},
        {"--throttle-file relative", 2, "absolute", NULL},
    };
    struct tmv_error err;
    char out[4000];

    (void)state;
    assert_done(life_begin(&err), &err);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int code = verb(cases[i].options, out);

        if (code != cases[i].code || !strstr(out, cases[i].says) ||
            (cases[i].says_not && strstr(out, cases[i].says_not)))
            fail_msg("limit %s: %d: %s", cases[i].options, code, out);
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, prepare, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(copies_at_the_new_rate_from_then_on),
        CASE(slows_down_to_so_many_bytes),
        CASE(takes_more_and_fewer_workers),
        CASE(is_held_while_the_flag_file_exists),
        CASE(is_held_in_the_middle_and_can_be_paused_and_aborted_then),
        CASE(is_not_let_go_before_a_new_limit_was_looked_at),
        CASE(is_held_by_the_operators_query),
        CASE(is_held_while_the_query_cannot_be_asked_and_the_query_changes_nothing),
        CASE(is_held_while_many_sessions_are_active),
        CASE(is_held_while_a_standby_is_behind),
        CASE(holds_neither_the_tail_nor_a_cutover),
        CASE(audits_who_changed_what_once),
        CASE(takes_every_limit_back_but_the_workers),
        CASE(refuses_what_cannot_be_limited),
        CASE(the_verb_changes_and_shows),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
