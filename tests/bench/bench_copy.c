/* Bulk copy and HASH verification against what one would do by hand, in one run: psql's binary pipe with the
 * same index strategy, and md5(string_agg(…)). Prints one JSON object.
 *
 *   build/tests/bench/bench-copy [EVENTS]      (default 200000, about 1 KB each) */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "lib/clock.h"
#include "move/copy/bulk_copier.h"
#include "move/verify/consistency_verifier.h"
#include "store/guard/guard.h"
#include "support/support.h"

#define TENANT "bda448be-6aa4-4002-8af3-c3b3e2529478"
#define COMMAND_MAX 4000

struct bench {
    struct tmv_store_info peer; /* target of the pipe */
    struct pgx_conn *source, *target, *peer_conn;
    struct tmv_control *control;
    struct endpoints endpoints;
    int64_t events;
};

static void fill(struct bench *b)
{
    support_sql(
        b->source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id,"
        " version, \"timestamp\", payload)"
        " SELECT gen_random_uuid(), md5('s' || i / 20)::uuid, 'Order', 'OrderPlaced', '" TENANT
        "', 'user' || i %% 100, i %% 20 + 1, now(), jsonb_build_object('event_id', gen_random_uuid(),"
        " 'event_type', 'OrderPlaced', 'amount', 12.50, 'note', repeat(md5(i::text), 20))"
        " FROM generate_series(1, %lld) i",
        (long long)b->events);
    support_sql(b->source, "VACUUM ANALYZE public.events");
    support_sql(b->source, "CHECKPOINT");
}

static void open_stores(struct bench *b)
{
    struct tmv_error err = {0};
    static const char *const settings[] = {"max_wal_size=4GB", "shared_buffers=256MB", NULL};
    struct cluster *cluster = support_cluster("bench", settings);

    support_store(cluster, "source", false, &b->endpoints.source_store);
    support_store(cluster, "target", false, &b->endpoints.target_store);
    support_store(cluster, "peer", false, &b->peer);
    b->source = support_connect(b->endpoints.source_store.conninfo);
    b->target = support_connect(b->endpoints.target_store.conninfo);
    b->peer_conn = support_connect(b->peer.conninfo);
    assert_done(store_shape_discover(b->source, "public", "events", &b->endpoints.source, &err), &err);
    assert_done(store_shape_discover(b->target, "public", "events", &b->endpoints.target, &err), &err);
}

static void own_migration(struct bench *b)
{
    const struct tmv_actor actor = {.name = "bench", .from = "bench"};
    const struct engine_identity engine = {.id = tmv_uuid_random(), .name = "bench"};
    struct tmv_start_options start = {.source = "source", .target = "target"};
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct lease lease;
    struct tmv_error err = {0};

    support_database(support_cluster("bench", NULL), conninfo);
    snprintf(b->endpoints.tenant, sizeof b->endpoints.tenant, TENANT);
    assert_true(tmv_uuid_parse(TENANT, &start.tenant));
    tmv_settings_default(&start.settings);
    assert_done(tmv_control_init(conninfo, &err) && tmv_control_open(conninfo, &b->control, &err) &&
                    tmv_store_add(b->control, &b->endpoints.source_store, &err) &&
                    tmv_store_add(b->control, &b->endpoints.target_store, &err) &&
                    tmv_routing_register(b->control, &start.tenant, "source", &err),
                &err);
    struct claimable claimable = {.tenant = start.tenant};
    assert_done(tmv_start(b->control, &start, &actor, &claimable.migration, &err), &err);
    assert_done(control_lease_take(b->control->conn, &claimable, &engine, &lease, &err), &err);
    b->endpoints.owner = lease.owner;
    tmv_uuid_format(&lease.owner.migration, b->endpoints.migration);
    assert_done(guard_prepare_store(b->target, &b->endpoints.target, &err), &err);
    support_sql(b->target,
                "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, events_table)"
                " VALUES ('%s', '" TENANT "', %lld, 'copying', 'public.events');"
                "INSERT INTO tenantmv.owner SELECT tenant_id, migration_id, owner_epoch, events_table FROM "
                "tenantmv.applied",
                b->endpoints.migration, (long long)b->endpoints.owner.epoch);
}

/* When each part of the copy began, on stderr. */
static enum copy_verdict progress(void *user, const struct copy_progress *p)
{
    static char last[8];
    const int64_t *began = user;

    if (strncmp(last, p->step, sizeof last - 1) != 0)
        fprintf(stderr, "%6.2f s  %s (%lld events, %lld/s)\n", (double)(clock_now_us() - *began) / US_PER_S,
                p->step, (long long)p->events_copied, (long long)p->events_per_second);
    snprintf(last, sizeof last, "%s", p->step);
    return COPY_GO_ON;
}

static double copy_seconds(struct bench *b)
{
    struct tmv_settings settings;
    const struct bulk_copier_options options = {.limit = b->events, .settings = &settings};
    int64_t began = clock_now_us();
    const struct bulk_copier_hooks hooks = {.user = &began, .progress = progress};
    struct tmv_error err = {0};
    bool finished = false;

    tmv_settings_default(&settings);
    assert_done(bulk_copier_run(&b->endpoints, b->control->conn, &options, &hooks, &finished, &err), &err);
    assert_true(finished);
    return (double)(clock_now_us() - began) / US_PER_S;
}

static void shell(const char *command)
{
    if (system(command) != 0)
        fail_msg("failed: %s", command);
}

/* Everything without indexes through one pipe, then all indexes by two sessions, as a careful person would.
 */
static double pipe_seconds(struct bench *b)
{
    char command[COMMAND_MAX];
    char bin[200];
    struct tmv_error err = {0};

    assert_done(cluster_find_programs(bin, sizeof bin, &err), &err);
    support_sql(b->peer_conn,
                "CREATE TABLE public.definitions AS SELECT row_number() OVER () AS n, pg_get_indexdef("
                "indexrelid) || ';' AS text FROM pg_index WHERE indrelid = 'public.events'::regclass");
    support_sql(b->peer_conn,
                "DO $$ DECLARE c record; BEGIN"
                " FOR c IN SELECT conname FROM pg_constraint WHERE conrelid = 'public.events'::regclass"
                "  AND contype IN ('p', 'u') LOOP"
                "  EXECUTE format('ALTER TABLE public.events DROP CONSTRAINT %%I', c.conname); END LOOP;"
                " FOR c IN SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid"
                "  WHERE x.indrelid = 'public.events'::regclass LOOP"
                "  EXECUTE format('DROP INDEX public.%%I', c.relname); END LOOP; END $$");
    int64_t began = clock_now_us();
    snprintf(command, sizeof command,
             "%s/psql -qX '%s' -c 'COPY public.events TO STDOUT (FORMAT binary)' |"
             " %s/psql -qX '%s' -c 'COPY public.events FROM STDIN (FORMAT binary)'",
             bin, b->endpoints.source_store.conninfo, bin, b->peer.conninfo);
    shell(command);
    snprintf(command, sizeof command,
             "for half in 0 1; do (%s/psql -qAtX '%s' -c \"SELECT text FROM public.definitions WHERE n %% 2 "
             "= $half\" |"
             " PGOPTIONS='-c maintenance_work_mem=256MB' %s/psql -qX '%s' -f -) & done; wait",
             bin, b->peer.conninfo, bin, b->peer.conninfo);
    shell(command);
    assert_int_equal(
        support_int(b->peer_conn, "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass"),
        support_int(b->peer_conn, "SELECT count(*) FROM public.definitions"));
    support_sql(b->peer_conn, "ANALYZE public.events");
    return (double)(clock_now_us() - began) / US_PER_S;
}

static double verify_seconds(struct bench *b)
{
    const struct tmv_verify_options options = {.source = &b->endpoints.source_store,
                                               .target = &b->endpoints.target_store,
                                               .tenant = b->endpoints.owner.tenant,
                                               .level = TMV_VERIFY_HASH};
    struct tmv_verify_report report;
    struct tmv_error err = {0};

    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    assert_true(report.consistent);
    assert_int_equal(report.events_target, b->events);
    return (double)report.duration_us / US_PER_S;
}

/* The same on both sides at once by hand. */
static double md5_seconds(struct bench *b)
{
    static const char sql[] =
        "SELECT md5(string_agg(md5(e::text), '' ORDER BY global_position)) FROM public.events e";
    struct tmv_error err = {0};
    int64_t began = clock_now_us();

    assert_done(pgx_send(b->source, sql, PGX_NONE, &err) && pgx_send(b->target, sql, PGX_NONE, &err) &&
                    pgx_receive(b->source, 3600 * US_PER_S, NULL, &err) &&
                    pgx_receive(b->target, 3600 * US_PER_S, NULL, &err),
                &err);
    return (double)(clock_now_us() - began) / US_PER_S;
}

static int64_t events_wanted;

static void measure(void **state)
{
    static struct bench b;
    struct rusage usage;

    (void)state;
    b.events = events_wanted;
    open_stores(&b);
    fill(&b);
    own_migration(&b);
    double by_pipe = pipe_seconds(&b);
    support_sql(b.target, "CHECKPOINT");
    double by_copy = copy_seconds(&b);
    getrusage(RUSAGE_SELF, &usage);
    double by_hash = verify_seconds(&b);
    double by_md5 = md5_seconds(&b);
    printf("{\"events\":%lld,\"copy_seconds\":%.2f,\"copy_events_per_second\":%.0f,\"pipe_seconds\":%.2f,"
           "\"copy_against_pipe\":%.2f,\"verify_seconds\":%.2f,\"verify_events_per_second\":%.0f,\"md5_"
           "seconds\":%.2f,"
           "\"verify_against_md5\":%.2f,\"peak_rss_kib\":%ld}\n",
           (long long)b.events, by_copy, (double)b.events / by_copy, by_pipe, by_pipe / by_copy, by_hash,
           (double)b.events / by_hash, by_md5, by_md5 / by_hash, usage.ru_maxrss);
    tmv_control_close(b.control);
    pgx_close(b.source);
    pgx_close(b.target);
    pgx_close(b.peer_conn);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(measure)};

    events_wanted = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000;
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
