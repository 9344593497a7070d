/* Bad days of a migration that runs: whatever is odd in the data or happens underneath, the operator reads
 * what it is and what to do, the source keeps every event, and the move goes on once the cause is gone. Every
 * move here is a real one: an engine, two clusters, writes meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "support/support.h"
#include "tenantmv/engine.h"
#include "tenantmv/router.h"
#include "test.h"

static const struct tmv_actor amy = {.name = "amy", .from = "test"};

static struct {
    struct tmv_store_info source;
    struct tmv_control *control;
    struct tmv_engine *engine;
    int trips;
    char small_disk[300]; /* mounted; "" none */
} bed;

/* One tenant on its way. */
struct trip {
    struct tmv_uuid tenant, migration;
    char tenant_text[TMV_UUID_TEXT], migration_text[TMV_UUID_TEXT];
    struct tmv_store_info target_store;
    struct pgx_conn *source, *target; /* as the superuser */
};

static int set_up(void **state)
{
    struct tmv_error err = {0};
    struct tmv_engine_options options = {.name = "test"};

    if (support_setup(state) != 0)
        return -1;
    support_store(support_cluster("source", NULL), "shared", false, &bed.source);
    assert_done(tmv_control_init(bed.source.conninfo, &err), &err);
    assert_done(tmv_control_open(bed.source.conninfo, &bed.control, &err), &err);
    assert_done(tmv_store_add(bed.control, &bed.source, &err), &err);
    options.control_conninfo = bed.source.conninfo;
    options.max_migrations = 32;
    assert_done(tmv_engine_start(&options, &bed.engine, &err), &err);
    return 0;
}

static int tear_down(void **state)
{
    tmv_engine_stop(bed.engine);
    tmv_control_close(bed.control);
    if (bed.small_disk[0]) /* a test failed in the middle */
        umount2(bed.small_disk, MNT_DETACH);
    return support_teardown(state);
}

/* ---- a trip ---- */

static void trip_prepare(struct trip *t, int streams, int versions)
{
    struct tmv_error err = {0};
    char id[32];

    memset(t, 0, sizeof *t);
    t->tenant = tmv_uuid_random();
    tmv_uuid_format(&t->tenant, t->tenant_text);
    snprintf(id, sizeof id, "dedicated%d", ++bed.trips);
    support_store(support_cluster("target", NULL), id, false, &t->target_store);
    t->source = support_connect(bed.source.conninfo);
    t->target = support_connect(t->target_store.conninfo);
    if (streams)
        support_fill(t->source, &t->tenant, streams, versions);
    assert_done(tmv_store_add(bed.control, &t->target_store, &err), &err);
    assert_done(tmv_routing_register(bed.control, &t->tenant, "shared", &err), &err);
}

static void trip_end(struct trip *t)
{
    pgx_close(t->source);
    pgx_close(t->target);
}

static void trip_start(struct trip *t)
{
    struct tmv_start_options options = {.tenant = t->tenant, .target = t->target_store.id};
    struct tmv_error err = {0};

    tmv_settings_default(&options.settings);
    /* The machine may be busy with other tests; how long a pause takes is not the question here. */
    options.settings.cutover_timeout_ms = 30000;
    options.settings.lock_budget_ms = 900;
    options.settings.drain_budget_ms = 20000;
    options.settings.cutover_max_lag_ms = 20000;
    assert_done(tmv_start(bed.control, &options, &amy, &t->migration, &err), &err);
    tmv_uuid_format(&t->migration, t->migration_text);
}

static void wait_phase(struct trip *t, const char *phase)
{
    support_wait_until(
        t->source,
        "SELECT phase IN ('%s', 'aborted', 'failed') FROM public.tenant_migrations WHERE id = '%s'", phase,
        t->migration_text);
    char *now = support_text(t->source,
                             "SELECT phase || ' ' || coalesce(last_error, '') FROM public.tenant_migrations "
                             "WHERE id = '%s'",
                             t->migration_text);
    if (strncmp(now, phase, strlen(phase)) != 0)
        fail_msg("%s instead of %s", now, phase);
    free(now);
}

/* The engine says so in the note that screens show. */
static void wait_note(struct trip *t, const char *words)
{
    support_wait_until(t->source,
                       "SELECT coalesce((SELECT note LIKE '%%%s%%' FROM tenantmv.migration_state WHERE "
                       "migration_id = '%s'), false)",
                       words, t->migration_text);
}

/* The state that a command ends in; REFUSED also when it was not even taken. */
static enum tmv_command_state ask(struct trip *t, enum tmv_operation operation, char outcome[TMV_REASON_MAX])
{
    struct tmv_request request = {.operation = operation, .migration = t->migration, .reason = "test"};
    struct tmv_command_info command = {0};
    struct tmv_error err = {0};
    struct tmv_uuid id;
    char text[TMV_UUID_TEXT];

    if (!tmv_request(bed.control, &request, &amy, &id, &err)) {
        text_copy(outcome, TMV_REASON_MAX, err.message);
        return TMV_COMMAND_REFUSED;
    }
    support_wait_until(t->source,
                       "SELECT state NOT IN ('requested', 'running') FROM tenantmv.command WHERE id = '%s'",
                       tmv_uuid_format(&id, text));
    assert_done(tmv_command_get(bed.control, &id, &command, &err), &err);
    text_copy(outcome, TMV_REASON_MAX, command.outcome);
    return command.state;
}

/* Cuts over as soon as the gates allow it. */
static void cut_over(struct trip *t)
{
    int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US;
    char outcome[TMV_REASON_MAX] = "";

    while (ask(t, TMV_OP_CUTOVER, outcome) != TMV_COMMAND_DONE) {
        if (clock_now_us() > end)
            fail_msg("no cutover: %s", outcome);
        stop_sleep(NULL, 100000);
    }
}

#define DIGEST                                                                                               \
    "SELECT count(*) || ' ' || coalesce(md5(string_agg((to_jsonb(e) - 'txid')::text, ',' ORDER BY "          \
    "global_position)), '')"                                                                                 \
    " FROM public.events e WHERE tenant_id = '%s'"

static void assert_equal_ends(struct trip *t)
{
    char *source = support_text(t->source, DIGEST, t->tenant_text);
    char *target = support_text(t->target, DIGEST, t->tenant_text);

    assert_string_equal(source, target);
    free(source);
    free(target);
}

static void insert(struct pgx_conn *conn, const struct trip *t, const char *stream, int version,
                   const char *payload)
{
    support_sql(
        conn,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "
        "timestamp, payload) VALUES (gen_random_uuid(), '%s', 'Order', 'Changed', '%s', %d, now(), '%s')",
        stream, t->tenant_text, version, payload);
}

/* ---- odd data ---- */

static void moves_a_tenant_with_no_events(void **state)
{
    struct tmv_router_options options = {.control_conninfo = bed.source.conninfo};
    struct tmv_stream stream = {.aggregate = tmv_uuid_random(), .aggregate_type = "Order"};
    struct tmv_new_event event = {.type = "Made", .payload = "{}"};
    struct tmv_append append = {
        .stream = &stream, .expected_version = TMV_EXPECT_NO_STREAM, .events = &event, .count = 1};
    struct tmv_append_result result = {0};
    struct tmv_router *router = NULL;
    struct tmv_error err = {0};
    struct trip t;

    (void)state;
    trip_prepare(&t, 0, 0);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    cut_over(&t);
    stream.tenant = t.tenant;
    assert_done(tmv_router_open(&options, &router, &err), &err);
    assert_done(tmv_router_append(router, &append, &result, &err), &err);
    tmv_router_close(router);
    assert_string_equal(result.store_id, t.target_store.id);
    assert_int_equal(
        support_int(t.target, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'", t.tenant_text), 1);
    trip_end(&t);
}

static const char *const payloads[] = {
    "{}",
    "[]",
    "null",
    "true",
    "\"\"",
    "0",
    "-0.0",
    "1.0",
    "1.00",
    "1e400",
    "123456789012345678901234567890.123456789",
    "{\"a\": {\"b\": [1, [2, [3, {\"c\": null}]]]}}",
    "{\"\": \"\", \" \": \"\\t\\n\\r\\b\\f\\\\\\\"/\"}",
    "{\"é\": \"日本語 😀 \\u00ff \\u2028\"}",
    "{\"quote\": \"it''s; DROP TABLE x --\"}",
};

static void carries_every_shape_of_payload(void **state)
{
    const char *stream = "00000000-0000-4000-8000-00000000000a";
    struct trip t;
    int version = 0;

    (void)state;
    trip_prepare(&t, 3, 3);
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        insert(t.source, &t, stream, ++version, payloads[i]);
    /* 1 MB of text that does not compress away, in the history … */
    support_sql(
        t.source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, "
        "version, timestamp, payload) SELECT gen_random_uuid(), '%s', 'Order', 'Größe geändert ✓', '%s', "
        "'ÄÖÜ', "
        "%d, 'infinity', jsonb_build_object('big', string_agg(md5(n::text), '')) FROM generate_series(1, "
        "32768) n",
        stream, t.tenant_text, ++version);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    /* … and all of it again through the tail. */
    support_sql(
        t.source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, "
        "version, timestamp, payload) SELECT gen_random_uuid(), aggregate_id, aggregate_type, event_type, "
        "tenant_id, NULL, version + 1000, timestamp, payload FROM public.events WHERE tenant_id = '%s'",
        t.tenant_text);
    cut_over(&t);
    assert_equal_ends(&t);
    assert_int_equal(
        support_int(t.target, "SELECT count(*) FROM public.events WHERE length(payload::text) > 1000000"), 2);
    assert_int_equal(support_int(t.target, "SELECT count(*) FROM public.events WHERE payload = '{}'"), 2);
    trip_end(&t);
}

static void copies_what_both_sides_have_when_columns_differ(void **state)
{
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    support_sql(t.source, "ALTER TABLE public.events ADD COLUMN IF NOT EXISTS region text");
    support_sql(t.target, "ALTER TABLE public.events ADD COLUMN shard integer NOT NULL DEFAULT 7");
    trip_start(&t);
    wait_phase(&t, "dual_write");
    insert(t.source, &t, "00000000-0000-4000-8000-00000000000b", 1, "{}");
    cut_over(&t);
    assert_int_equal(support_int(t.target, "SELECT count(*) FROM public.events WHERE shard = 7"), 10);
    support_sql(t.source, "ALTER TABLE public.events DROP COLUMN region");
    support_sql(t.target, "ALTER TABLE public.events DROP COLUMN shard");
    assert_equal_ends(&t);
    trip_end(&t);
}

static void keeps_gaps_in_versions_as_they_are(void **state)
{
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    support_sql(t.source, "DELETE FROM public.events WHERE tenant_id = '%s' AND version = 2", t.tenant_text);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    cut_over(&t);
    assert_equal_ends(&t);
    trip_end(&t);
}

/* ---- refused before anything is touched ---- */

/* The start ends in "aborted" with the words; source and routing are as they were. */
static void assert_start_is_refused(struct trip *t, const char *words)
{
    char *before = support_text(t->source, DIGEST, t->tenant_text);
    char *after, *why;

    trip_start(t);
    support_wait_until(t->source, "SELECT phase = 'aborted' FROM public.tenant_migrations WHERE id = '%s'",
                       t->migration_text);
    why = support_text(t->source,
                       "SELECT coalesce(last_error, '') FROM public.tenant_migrations WHERE id = '%s'",
                       t->migration_text);
    if (!strstr(why, words))
        fail_msg("%s\n  wanted: %s", why, words);
    after = support_text(t->source, DIGEST, t->tenant_text);
    assert_string_equal(before, after);
    assert_int_equal(support_int(t->source,
                                 "SELECT count(*) FROM public.tenant_routing WHERE tenant_id = '%s' AND "
                                 "store_id = 'shared' AND migration_state = 'normal'",
                                 t->tenant_text),
                     1);
    assert_int_equal(
        support_int(t->target, "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%'"), 0);
    assert_int_equal(support_int(t->source,
                                 "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' AND "
                                 "tgargs::text LIKE '%%' || encode('%s', 'escape') || '%%'",
                                 t->tenant_text),
                     0);
    free(before);
    free(after);
    free(why);
}

static void refuses_different_types_before_it_touches_anything(void **state)
{
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    support_sql(t.target, "ALTER TABLE public.events ALTER version TYPE float8");
    assert_start_is_refused(&t, "version is integer there and double precision here");
    trip_end(&t);
}

static void refuses_streams_that_mix_tenants(void **state)
{
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    support_sql(
        t.source,
        "UPDATE public.events SET tenant_id = gen_random_uuid() WHERE tenant_id = '%s' AND version = 3",
        t.tenant_text);
    assert_start_is_refused(&t, "streams-unmixed");
    trip_end(&t);
}

static void refuses_a_target_that_holds_the_tenants_events_and_leaves_them(void **state)
{
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    insert(t.target, &t, "00000000-0000-4000-8000-00000000000c", 1, "{}");
    assert_start_is_refused(&t, "target-without-tenant");
    assert_int_equal(support_int(t.target, "SELECT count(*) FROM public.events"), 1);
    trip_end(&t);
}

static void says_which_grant_is_missing(void **state)
{
    char conninfo[TMV_CONNINFO_MAX + 20];
    struct tmv_error err = {0};
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    support_sql(t.target, "CREATE ROLE mover LOGIN; ALTER TABLE public.events OWNER TO mover");
    snprintf(conninfo, sizeof conninfo, "%s user=mover", t.target_store.conninfo);
    memcpy(t.target_store.conninfo, conninfo, sizeof t.target_store.conninfo);
    assert_done(tmv_store_replace(bed.control, &t.target_store, false, &err), &err);
    assert_start_is_refused(&t, "GRANT CREATE ON DATABASE");
    trip_end(&t);
}

static void refuses_a_target_without_an_events_table(void **state)
{
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    support_sql(t.target, "DROP TABLE public.events");
    assert_start_is_refused(&t, "has no table public.events");
    trip_end(&t);
}

static void refuses_a_tenant_that_lives_elsewhere(void **state)
{
    struct tmv_start_options options = {.source = "shared"};
    struct tmv_error err = {0};
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    cut_over(&t);
    tmv_settings_default(&options.settings);
    options.tenant = t.tenant;
    options.target = "dedicated1";
    assert_fails(tmv_start(bed.control, &options, &amy, &t.migration, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, t.target_store.id));
    trip_end(&t);
}

/* ---- things that happen underneath ---- */

/* An event that only the superuser can put there: another program's mistake. */
static void slip_in(struct trip *t, const char *stream, int version)
{
    support_sql(
        t->target,
        "BEGIN; SELECT set_config('tenantmv.pass', (SELECT migration_id || '/' || owner_epoch FROM "
        "tenantmv.owner "
        "WHERE tenant_id = '%s'), true); INSERT INTO public.events (global_position, event_id, aggregate_id, "
        "aggregate_type, event_type, tenant_id, version, timestamp, payload) VALUES (900000000, "
        "gen_random_uuid(), '%s', 'Order', 'Stray', '%s', %d, now(), '{}'); COMMIT",
        t->tenant_text, stream, t->tenant_text, version);
}

static void stops_at_an_event_that_the_target_refuses_and_goes_on_without_the_stray(void **state)
{
    const char *stream = "00000000-0000-4000-8000-00000000000d";
    char outcome[TMV_REASON_MAX];
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    slip_in(&t, stream, 1);
    insert(t.source, &t, stream, 1, "{\"real\": true}");
    support_wait_until(t.source, "SELECT is_paused FROM public.tenant_migrations WHERE id = '%s'",
                       t.migration_text);
    assert_int_equal(support_int(t.source,
                                 "SELECT count(*) FROM public.tenant_migrations WHERE id = '%s' AND "
                                 "phase = 'dual_write' AND last_error LIKE '%%position%%'",
                                 t.migration_text),
                     1);
    insert(t.source, &t, stream, 2, "{}"); /* writers go on */
    support_sql(
        t.target,
        "BEGIN; SELECT set_config('tenantmv.pass', (SELECT migration_id || '/' || owner_epoch FROM "
        "tenantmv.owner "
        "WHERE tenant_id = '%s'), true); DELETE FROM public.events WHERE event_type = 'Stray'; COMMIT",
        t.tenant_text);
    assert_int_equal(ask(&t, TMV_OP_RESUME, outcome), TMV_COMMAND_DONE);
    cut_over(&t);
    assert_equal_ends(&t);
    trip_end(&t);
}

/* Ends the engine's sessions on the target, so that its next ones meet new settings. */
static void cut_connections(struct trip *t)
{
    support_sql(
        t->target,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND "
        "application_name LIKE 'tenantmv/%%' AND application_name NOT LIKE 'tenantmv/test%%'");
}

static void waits_while_the_target_is_read_only_and_goes_on_by_itself(void **state)
{
    const char *stream = "00000000-0000-4000-8000-00000000000e";
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    support_sql(t.target, "ALTER DATABASE %s SET default_transaction_read_only = on", pgx_database(t.target));
    cut_connections(&t);
    insert(t.source, &t, stream, 1, "{}");
    wait_note(&t, "read-only");
    insert(t.source, &t, stream, 2, "{}");
    support_sql(t.target, "ALTER DATABASE %s RESET default_transaction_read_only", pgx_database(t.target));
    cut_connections(&t);
    cut_over(&t);
    assert_equal_ends(&t);
    trip_end(&t);
}

/* A file system of this size ("size=2m") for the target's events. False where it cannot be had. */
static bool make_small_disk(const char *size)
{
    struct stat owner;
    char path[300];

    snprintf(path, sizeof path, "%s/small", support_temporary_dir());
    if (geteuid() != 0 || stat(cluster_data_dir(support_cluster("target", NULL)), &owner) != 0 ||
        (mkdir(path, 0700) != 0 && errno != EEXIST) || mount("tmpfs", path, "tmpfs", 0, size) != 0) {
        print_message("a small file system can only be mounted by root\n");
        return false;
    }
    memcpy(bed.small_disk, path, sizeof path);
    assert_int_equal(chown(path, owner.st_uid, owner.st_gid), 0);
    return true;
}

/* A trip whose target keeps its events there. */
static void trip_prepare_on_small_disk(struct trip *t, int versions)
{
    trip_prepare(t, 10, versions);
    support_sql(t->target, "CREATE TABLESPACE small LOCATION '%s'", bed.small_disk);
    support_sql(t->target, "ALTER TABLE public.events SET TABLESPACE small");
    trip_start(t);
}

static void trip_end_on_small_disk(struct trip *t)
{
    cut_over(t);
    assert_equal_ends(t);
    support_sql(t->target, "DROP TABLE public.events");
    support_sql(t->target, "DROP TABLESPACE small");
    assert_int_equal(umount(bed.small_disk), 0);
    bed.small_disk[0] = '\0';
    trip_end(t);
}

static void survives_a_full_disk_on_the_target(void **state)
{
    struct trip t;

    (void)state;
    if (!make_small_disk("size=2m"))
        skip();
    trip_prepare_on_small_disk(&t, 2000); /* more than fits */
    wait_note(&t, "No space left");
    insert(t.source, &t, "00000000-0000-4000-8000-00000000000f", 1, "{}");
    assert_int_equal(mount("tmpfs", bed.small_disk, "tmpfs", MS_REMOUNT, "size=64m"), 0);
    wait_phase(&t, "dual_write");
    trip_end_on_small_disk(&t);
}

/* Writes until nothing fits any more. */
static void fill_small_disk(char path[320])
{
    static const char zeros[4096];

    snprintf(path, 320, "%s/filler", bed.small_disk);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

/* The source takes writes all the time; what could not be mirrored follows when there is room again. */
static void survives_a_disk_that_fills_up_while_mirroring(void **state)
{
    char path[320], payload[1600];
    struct trip t;

    (void)state;
    if (!make_small_disk("size=8m"))
        skip();
    trip_prepare_on_small_disk(&t, 10);
    wait_phase(&t, "dual_write");
    fill_small_disk(path);
    snprintf(payload, sizeof payload, "{\"note\": \"%01500d\"}", 0);
    for (int version = 1; version <= 40; version++)
        insert(t.source, &t, t.migration_text, version, payload);
    wait_note(&t, "No space left");
    insert(t.source, &t, t.migration_text, 41, payload);
    assert_int_equal(
        support_int(t.source,
                    "SELECT count(*) FROM tenantmv.migration_state WHERE migration_id = '%s' AND ready",
                    t.migration_text),
        0);
    assert_int_equal(unlink(path), 0);
    trip_end_on_small_disk(&t);
}

static bool was_refused_once(struct trip *t)
{
    return support_int(
               t->source,
               "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tenantmv/guard/%s' AND "
               "state = 'idle in transaction' AND query LIKE '%%pg_prepared_xacts%%'",
               t->migration_text) > 0;
}

static void waits_for_a_long_transaction_without_holding_up_the_neighbours(void **state)
{
    int64_t end = clock_now_us() + SUPPORT_TIMEOUT_US;
    struct pgx_conn *holder = support_connect(bed.source.conninfo);
    struct trip t;
    struct trip neighbour = {0};
    int written = 0;

    (void)state;
    neighbour.tenant = tmv_uuid_random();
    tmv_uuid_format(&neighbour.tenant, neighbour.tenant_text);
    trip_prepare(&t, 3, 3);
    support_sql(holder, "BEGIN");
    insert(holder, &t, "00000000-0000-4000-8000-000000000010", 1, "{}");
    trip_start(&t);
    /* Neighbours write from before it asks for the table until after it was refused once: then it has looked
     * who is in the way, and stays in its transaction until it asks again. */
    support_sql(t.source, "SET statement_timeout = '10s'");
    for (bool refused = false; written < 20 || !refused; refused = refused || was_refused_once(&t)) {
        insert(t.source, &neighbour, t.migration_text, ++written, "{}");
        assert_true(clock_now_us() < end);
    }
    assert_int_equal(support_int(t.source,
                                 "SELECT count(*) FROM public.tenant_migrations WHERE id = '%s' AND phase = "
                                 "'bulk_copy'",
                                 t.migration_text),
                     1);
    support_sql(holder, "COMMIT");
    pgx_close(holder);
    wait_phase(&t, "dual_write");
    cut_over(&t);
    assert_equal_ends(&t);
    trip_end(&t);
}

static void obeys_a_pause_that_another_program_sets(void **state)
{
    const char *stream = "00000000-0000-4000-8000-000000000011";
    char outcome[TMV_REASON_MAX];
    struct tmv_request request = {.operation = TMV_OP_CUTOVER};
    struct tmv_error err = {0};
    struct tmv_uuid id;
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    support_sql(t.source,
                "UPDATE public.tenant_migrations SET is_paused = true, paused_at = now() WHERE id = '%s'",
                t.migration_text);
    request.migration = t.migration;
    assert_fails(tmv_request(bed.control, &request, &amy, &id, &err), &err, TMV_ERR_REFUSED);
    wait_note(&t, "not paused");
    insert(t.source, &t, stream, 1, "{}");
    support_wait_until(t.source,
                       "SELECT lag_events > 0 FROM tenantmv.migration_state WHERE migration_id = '%s'",
                       t.migration_text);
    assert_int_equal(
        support_int(t.target, "SELECT count(*) FROM public.events WHERE aggregate_id = '%s'", stream), 0);
    assert_int_equal(ask(&t, TMV_OP_RESUME, outcome), TMV_COMMAND_DONE);
    cut_over(&t);
    assert_equal_ends(&t);
    trip_end(&t);
}

static void takes_everything_back_when_another_program_aborts(void **state)
{
    char *before;
    char *after;
    struct trip t;

    (void)state;
    trip_prepare(&t, 3, 3);
    before = support_text(t.source, DIGEST, t.tenant_text);
    trip_start(&t);
    wait_phase(&t, "dual_write");
    support_sql(
        t.source,
        "UPDATE public.tenant_migrations SET phase = 'aborted', completed_at = now() WHERE id = '%s'; "
        "UPDATE public.tenant_routing SET migration_state = 'normal', active_migration_id = NULL WHERE "
        "tenant_id = '%s'",
        t.migration_text, t.tenant_text);
    support_wait_until(t.target, "SELECT count(*) = 0 FROM public.events");
    support_wait_until(t.source, "SELECT count(*) = 0 FROM tenantmv.fence WHERE tenant_id = '%s'",
                       t.tenant_text);
    after = support_text(t.source, DIGEST, t.tenant_text);
    assert_string_equal(before, after);
    insert(t.source, &t, "00000000-0000-4000-8000-000000000012", 1, "{}");
    free(before);
    free(after);
    /* And it can begin anew. */
    trip_start(&t);
    wait_phase(&t, "dual_write");
    cut_over(&t);
    assert_equal_ends(&t);
    trip_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_a_tenant_with_no_events),
        cmocka_unit_test(carries_every_shape_of_payload),
        cmocka_unit_test(copies_what_both_sides_have_when_columns_differ),
        cmocka_unit_test(keeps_gaps_in_versions_as_they_are),
        cmocka_unit_test(refuses_different_types_before_it_touches_anything),
        cmocka_unit_test(refuses_streams_that_mix_tenants),
        cmocka_unit_test(refuses_a_target_that_holds_the_tenants_events_and_leaves_them),
        cmocka_unit_test(says_which_grant_is_missing),
        cmocka_unit_test(refuses_a_target_without_an_events_table),
        cmocka_unit_test(refuses_a_tenant_that_lives_elsewhere),
        cmocka_unit_test(stops_at_an_event_that_the_target_refuses_and_goes_on_without_the_stray),
        cmocka_unit_test(waits_while_the_target_is_read_only_and_goes_on_by_itself),
        cmocka_unit_test(survives_a_full_disk_on_the_target),
        cmocka_unit_test(survives_a_disk_that_fills_up_while_mirroring),
        cmocka_unit_test(waits_for_a_long_transaction_without_holding_up_the_neighbours),
        cmocka_unit_test(obeys_a_pause_that_another_program_sets),
        cmocka_unit_test(takes_everything_back_when_another_program_aborts),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
