/* The bulk copy between real servers: every event arrives as it was, once, whatever is killed on the way, and
 * the target's indexes end as they began. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/stop.h"
#include "migrate/bulk_copier.h"
#include "migrate/consistency_verifier.h"
#include "store/guard.h"
#include "support/support.h"

#define TENANT "bda448be-6aa4-4002-8af3-c3b3e2529478"
#define OTHER "00000000-0000-4000-8000-000000000002"
#define RARE "00000000-0000-4000-8000-000000000003"
#define WAIT_US (60 * 1000 * 1000LL)

enum side { SOURCE, TARGET };

/* A migration that has been started and is owned, between two stores. */
struct bed {
    char control_conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_control *control;
    struct pgx_conn *conn[2];
    struct ends ends;
    struct tmv_settings settings; /* of the copy */
    struct bulk_copier_options options;
};

struct bed_options {
    bool partitioned[2];
    const char *changes[2];
    const char *tenant; /* NULL: TENANT */
};

static void own_migration(struct bed *bed)
{
    const struct tmv_actor actor = {.name = "amy", .from = "test"};
    struct tmv_start_options start = {
        .tenant = bed->ends.owner.tenant, .source = "source", .target = "target"};
    const struct engine_identity engine = {.id = tmv_uuid_random(), .name = "test"};
    struct lease lease;
    struct tmv_error err = {0};

    assert_done(tmv_control_init(bed->control_conninfo, &err), &err);
    assert_done(tmv_control_open(bed->control_conninfo, &bed->control, &err), &err);
    assert_done(tmv_store_add(bed->control, &bed->ends.source_store, &err), &err);
    assert_done(tmv_store_add(bed->control, &bed->ends.target_store, &err), &err);
    assert_done(tmv_routing_register(bed->control, &start.tenant, "source", &err), &err);
    tmv_settings_default(&start.settings);
    assert_done(tmv_start(bed->control, &start, &actor, &bed->ends.owner.migration, &err), &err);
    const struct claimable claimable = {.migration = bed->ends.owner.migration, .tenant = start.tenant};
    assert_done(control_lease_take(bed->control->conn, &claimable, &engine, &lease, &err), &err);
    assert_true(lease.taken);
    bed->ends.owner = lease.owner;
    tmv_uuid_format(&lease.owner.migration, bed->ends.migration);
}

static void open_bed(struct bed *bed, const struct bed_options *o)
{
    struct tmv_store_info *info[2] = {&bed->ends.source_store, &bed->ends.target_store};
    struct store_shape *shape[2] = {&bed->ends.source, &bed->ends.target};
    static const char *const names[2] = {"source", "target"};
    struct tmv_error err = {0};

    *bed = (struct bed){.options = {.settings = &bed->settings}};
    tmv_settings_default(&bed->settings);
    bed->settings.batch_size = 500;
    snprintf(bed->ends.tenant, sizeof bed->ends.tenant, "%s", o->tenant ? o->tenant : TENANT);
    assert_true(tmv_uuid_parse(bed->ends.tenant, &bed->ends.owner.tenant));
    for (int i = 0; i < 2; i++) {
        support_store(support_cluster("store", NULL), names[i], o->partitioned[i], info[i]);
        bed->conn[i] = support_connect(info[i]->conninfo);
        if (o->changes[i])
            support_sql(bed->conn[i], "SET search_path = public; %s; SET search_path = pg_catalog",
                        o->changes[i]);
        assert_done(store_shape_discover(bed->conn[i], "public", "events", shape[i], &err), &err);
    }
    support_database(support_cluster("store", NULL), bed->control_conninfo);
    own_migration(bed);
    assert_done(guard_prepare_store(bed->conn[TARGET], &bed->ends.target, &err), &err);
    support_sql(
        bed->conn[TARGET],
        "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state)"
        " VALUES ('%s', '%s', %lld, 'copying');"
        "INSERT INTO tenantmv.owner SELECT tenant_id, migration_id, owner_epoch FROM tenantmv.applied",
        bed->ends.migration, bed->ends.tenant, (long long)bed->ends.owner.epoch);
}

static void close_bed(struct bed *bed)
{
    tmv_control_close(bed->control);
    pgx_close(bed->conn[SOURCE]);
    pgx_close(bed->conn[TARGET]);
}

/* `count` events, most of them of the tenant, one in ten of another and one in a thousand of a rare one, with
 * payloads of every shape and holes in the positions. */
static void fill(struct bed *bed, int count)
{
    support_sql(
        bed->conn[SOURCE],
        "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, event_type,"
        " tenant_id, actor_id, version, \"timestamp\", payload, created_at)"
        " SELECT i * 3, md5('e' || i)::uuid, md5('a' || i / 10)::uuid, 'Bestellung €', 'Größe geändert',"
        " CASE WHEN i %% 1000 = 999 THEN '%s' WHEN i %% 10 = 0 THEN '%s' ELSE '%s' END::uuid,"
        " CASE i %% 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE 'José 木 🚚' END, i %% 10 + 1,"
        " '2025-06-01Z'::timestamptz + i * interval '1 hour',"
        " (ARRAY['{}', '[]', '\"text\"', '1.00', '1e300', '-0.000', 'null', 'true', "
        "'[1,[2,[3,{\"a\":null}]]]',"
        "  '{\"k\": {\"k\": [\"\", \"\\u00e9\\n\\t\\\"\", 12345678901234567890.123456789]}, \"\": "
        "0}']::jsonb[])[i %% 10 + 1],"
        " '2026-02-01Z'::timestamptz + i * interval '1 microsecond' FROM generate_series(1, %d) i",
        RARE, OTHER, TENANT, count);
    support_sql(bed->conn[SOURCE], "SELECT setval('public.events_global_position_seq', %d)", 3 * count + 7);
    bed->options.limit = 3 * (int64_t)count + 7;
}

struct seen {
    int64_t stop_after; /* events after which the hook says stop; 0 never */
    int64_t kill_after; /* events after which the process kills itself; 0 never */
    const char *kill_at_step;
    int64_t copied, total;
};

static bool progress(void *user, const struct copy_progress *p)
{
    struct seen *seen = user;
    int64_t copied = p->events_copied, total = p->events_total;
    const char *step = p->step;

    assert_true(copied >= seen->copied);
    assert_true(total >= copied);
    seen->copied = copied;
    seen->total = total;
    if ((seen->kill_after && copied >= seen->kill_after) ||
        (seen->kill_at_step && strstr(step, seen->kill_at_step)))
        kill(getpid(), SIGKILL);
    return seen->stop_after == 0 || copied < seen->stop_after;
}

static bool run_copy(struct bed *bed, struct seen *seen, bool *ret_finished, struct tmv_error *err)
{
    const struct bulk_copier_hooks hooks = {.user = seen, .progress = progress};

    return bulk_copier_run(&bed->ends, bed->control->conn, &bed->options, &hooks, ret_finished, err);
}

static void copy_all(struct bed *bed)
{
    struct seen seen = {0};
    struct tmv_error err = {0};
    bool finished = false;

    assert_done(run_copy(bed, &seen, &finished, &err), &err);
    assert_true(finished);
}

static struct range_digest digest(struct bed *bed, enum side side)
{
    const struct store_shape *shape = side == SOURCE ? &bed->ends.source : &bed->ends.target;
    AUTO(buf) struct buf sql = BUF_INIT(20000);
    AUTO_RESULT struct pgx_result *result = NULL;
    struct range_digest d;
    struct tmv_error err = {0};

    assert_done(verifier_digest_sql(&bed->ends.source, &bed->ends.target, shape, &sql, &err), &err);
    assert_done(pgx_query(bed->conn[side], WAIT_US, buf_text(&sql),
                          PGX_ARGS(PGX_INT(0), PGX_INT(bed->options.limit), PGX_TEXT(bed->ends.tenant)),
                          &result, &err),
                &err);
    verifier_read_digest(result, &d);
    return d;
}

/* The target holds exactly the tenant's events up to the limit, each as it is on the source, and nothing
 * else. */
static void assert_copied(struct bed *bed)
{
    struct range_digest from = digest(bed, SOURCE);
    struct range_digest to = digest(bed, TARGET);

    assert_true(from.events > 0);
    assert_int_equal(from.events, to.events);
    assert_true(range_digest_equal(&from, &to));
    assert_int_equal(support_int(bed->conn[TARGET], "SELECT count(*) FROM public.events"), from.events);
    assert_int_equal(support_int(bed->conn[TARGET], "SELECT sum(events) FROM tenantmv.copied_range"),
                     from.events);
    assert_true(support_int(bed->conn[TARGET], "SELECT nextval('public.events_global_position_seq')") >
                bed->options.limit);
}

/* Everything that says what an index is, of all indexes and constraints of the table. */
static char *index_picture(struct bed *bed)
{
    return support_text(
        bed->conn[TARGET],
        "SELECT coalesce((SELECT string_agg(concat_ws('|', i.relname, pg_get_indexdef(i.oid), x.indisprimary,"
        "  x.indisunique, x.indisclustered, x.indisreplident, x.indisvalid, s.spcname, i.reloptions::text,"
        "  pg_get_userbyid(i.relowner), obj_description(i.oid, 'pg_class'),"
        "  (SELECT string_agg(a.attnum || ':' || a.attstattarget, ',' ORDER BY a.attnum) FROM pg_attribute a"
        "    WHERE a.attrelid = i.oid)), E'\\n' ORDER BY i.relname)"
        " FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid LEFT JOIN pg_tablespace s ON s.oid = "
        "i.reltablespace"
        " WHERE x.indrelid = 'public.events'::regclass), '') || E'\\n' ||"
        " (SELECT string_agg(concat_ws('|', c.conname, c.contype, pg_get_constraintdef(c.oid), "
        "c.condeferrable,"
        "  c.condeferred, c.convalidated, obj_description(c.oid, 'pg_constraint')), E'\\n' ORDER BY "
        "c.conname)"
        " FROM pg_constraint c WHERE c.conrelid = 'public.events'::regclass) || E'\\n' ||"
        " (SELECT string_agg(a.attname || ' ' || a.attnotnull, ',' ORDER BY a.attnum) FROM pg_attribute a"
        "   WHERE a.attrelid = 'public.events'::regclass AND a.attnum > 0)");
}

static int64_t index_count(struct bed *bed)
{
    return support_int(bed->conn[TARGET],
                       "SELECT count(*) FROM pg_index WHERE indrelid = 'public.events'::regclass");
}

/* ---- what is copied ---- */

static void copies_between(bool source_partitioned, bool target_partitioned)
{
    const struct bed_options o = {.partitioned = {source_partitioned, target_partitioned}};
    struct bed bed;

    open_bed(&bed, &o);
    fill(&bed, 5000);
    support_sql(bed.conn[SOURCE],
                "INSERT INTO public.events SELECT 15001, gen_random_uuid(), gen_random_uuid(), 'Big', 'Big', "
                "'%s', NULL,"
                " 1, '2025-12-31Z', jsonb_build_object('big', repeat('0123456789abcdef', 65536)), now()",
                TENANT);
    copy_all(&bed);
    assert_copied(&bed);
    close_bed(&bed);
}

static void copies_plain_to_plain(void **state)
{
    (void)state;
    copies_between(false, false);
}

static void copies_partitioned_to_plain(void **state)
{
    (void)state;
    copies_between(true, false);
}

static void copies_plain_to_partitioned(void **state)
{
    (void)state;
    copies_between(false, true);
}

static void copies_a_tenant_with_hardly_any_events(void **state)
{
    const struct bed_options o = {.tenant = RARE};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 30000);
    copy_all(&bed);
    assert_int_equal(digest(&bed, TARGET).events, 30);
    assert_copied(&bed);
    close_bed(&bed);
}

static void copies_a_tenant_without_events(void **state)
{
    const struct bed_options o = {.tenant = "00000000-0000-4000-8000-000000000009"};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    copy_all(&bed); /* limit 0: a source without any event */
    fill(&bed, 100);
    copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events"), 0);
    close_bed(&bed);
}

static void stops_copying_at_the_limit(void **state)
{
    const struct bed_options o = {0};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 1000);
    bed.options.limit = 1500;
    copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT max(global_position) FROM public.events"), 1497);
    assert_copied(&bed);
    close_bed(&bed);
}

static void leaves_out_columns_that_one_side_lacks(void **state)
{
    const struct bed_options o = {
        .changes = {"ALTER TABLE events ADD only_here int DEFAULT 5, ADD on_both text DEFAULT 'x'",
                    "ALTER TABLE events ADD on_both text, ADD only_there text DEFAULT 'filled',"
                    " ADD made int GENERATED ALWAYS AS (version + 1) STORED"}};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 500);
    copy_all(&bed);
    assert_copied(&bed);
    assert_int_equal(support_int(bed.conn[TARGET],
                                 "SELECT count(*) FROM public.events"
                                 " WHERE on_both = 'x' AND only_there = 'filled' AND made = version + 1"
                                 " AND txid IS NOT NULL"),
                     450);
    close_bed(&bed);
}

static void never_lowers_the_sequence_of_the_target(void **state)
{
    const struct bed_options o = {0};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 100);
    support_sql(bed.conn[TARGET], "SELECT setval('public.events_global_position_seq', 5000)");
    copy_all(&bed);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT nextval('public.events_global_position_seq')"),
                     5001);
    close_bed(&bed);
}

/* ---- stopping and going on ---- */

static void goes_on_after_a_pause(void **state)
{
    const struct bed_options o = {0};
    struct seen seen = {.stop_after = 1000};
    struct bed bed;
    struct tmv_error err = {0};
    bool finished = true;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 30000);
    bed.settings.max_bulk_copy_rate = 5000;
    assert_done(run_copy(&bed, &seen, &finished, &err), &err);
    assert_false(finished);
    int64_t first = support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events");
    assert_true(first >= 1000 && first < 26000);
    bed.settings.max_bulk_copy_rate = 0;
    bed.settings.batch_size = 777; /* cut elsewhere than before */
    copy_all(&bed);
    assert_copied(&bed);
    close_bed(&bed);
}

static void ends_when_the_engine_stops(void **state)
{
    const struct bed_options o = {0};
    struct stop stop;
    struct seen seen = {0};
    struct bed bed;
    struct tmv_error err = {0};
    bool finished = true;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 2000);
    assert_done(stop_init(&stop, &err), &err);
    bed.ends.stop = &stop;
    stop_raise(&stop);
    assert_fails(run_copy(&bed, &seen, &finished, &err), &err, TMV_ERR_CANCELLED);
    stop_clear(&stop);
    copy_all(&bed);
    assert_copied(&bed);
    bed.ends.stop = NULL;
    stop_release(&stop);
    close_bed(&bed);
}

/* Keeps the target's table locked until the copy has given a chunk up and another session waits too. */
struct blocker {
    pthread_t thread;
    struct pgx_conn *conn, *watch;
    bool asked_again;
};

static void *block(void *arg)
{
    struct blocker *b = arg;
    int64_t until = clock_now_us() + WAIT_US;

    while (!b->asked_again && clock_now_us() < until) {
        b->asked_again = support_int(b->watch, "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode "
                                               "= 'RowExclusiveLock' AND locktype = 'relation'") > 1;
        stop_sleep(NULL, 5 * US_PER_MS);
    }
    support_sql(b->conn, "COMMIT");
    return NULL;
}

static void cuts_a_chunk_in_two_that_takes_too_long(void **state)
{
    const struct bed_options o = {0};
    struct blocker blocker = {0};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 5000);
    bed.settings.copy_workers = 1;
    bed.options.snapshot_max_us = 200 * US_PER_MS;
    blocker.conn = support_connect(bed.ends.target_store.conninfo);
    support_sql(blocker.conn, "BEGIN; LOCK TABLE public.events IN SHARE MODE");
    blocker.watch = support_connect(bed.ends.target_store.conninfo);
    assert_int_equal(pthread_create(&blocker.thread, NULL, block, &blocker), 0);
    copy_all(&bed);
    pthread_join(blocker.thread, NULL);
    assert_true(blocker.asked_again);
    assert_copied(&bed);
    pgx_close(blocker.conn);
    pgx_close(blocker.watch);
    close_bed(&bed);
}

/* Runs the copy in a child that is killed on the way; `fault` names a fault point, or NULL. */
static void run_and_be_killed(struct bed *bed, struct seen *seen, const char *fault)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct tmv_control *control;
        struct tmv_error err;
        bool finished;

        if (fault)
            setenv("TENANTMV_FAULT", fault, 1);
        if (!tmv_control_open(bed->control_conninfo, &control, &err))
            _exit(3);
        bed->control = control;
        if (!run_copy(bed, seen, &finished, &err))
            fprintf(stderr, "%s\n", err.message);
        _exit(4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (fault) {
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 86);
    } else {
        assert_true(WIFSIGNALED(status));
    }
}

static void goes_on_after_a_kill(void **state)
{
    const struct bed_options o = {0};
    struct seen seen = {.kill_after = 2000};
    struct bed bed;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 30000);
    bed.settings.max_bulk_copy_rate = 5000;
    run_and_be_killed(&bed, &seen, NULL);
    assert_true(support_int(bed.conn[TARGET], "SELECT count(*) FROM tenantmv.copied_range") >= 2);
    bed.settings.max_bulk_copy_rate = 0;
    copy_all(&bed);
    assert_copied(&bed);
    close_bed(&bed);
}

static void refuses_when_another_engine_has_taken_over(void **state)
{
    const struct bed_options o = {0};
    struct seen seen = {0};
    struct bed bed;
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 100);
    support_sql(bed.conn[TARGET], "UPDATE tenantmv.applied SET owner_epoch = owner_epoch + 1");
    assert_fails(run_copy(&bed, &seen, &finished, &err), &err, TMV_ERR_OWNERSHIP);
    assert_int_equal(support_int(bed.conn[TARGET], "SELECT count(*) FROM public.events"), 0);
    close_bed(&bed);
}

/* ---- indexes ---- */

/* Indexes with everything that a definition can carry. */
static const char index_changes[] =
    "CREATE INDEX \"odd \"\"name\" ON events USING btree (lower(event_type) COLLATE \"C\" DESC NULLS LAST, "
    "version)"
    " INCLUDE (actor_id) WITH (fillfactor = 70) WHERE version > 1;"
    "ALTER INDEX \"odd \"\"name\" ALTER COLUMN 1 SET STATISTICS 500;"
    "COMMENT ON INDEX \"odd \"\"name\" IS 'it''s \\ odd';"
    "CREATE INDEX events_payload ON events USING gin (payload jsonb_path_ops);"
    "CREATE INDEX events_hash ON events USING hash (event_type);"
    "ALTER TABLE events ADD CONSTRAINT late UNIQUE (event_id, version) DEFERRABLE INITIALLY DEFERRED;"
    "COMMENT ON CONSTRAINT uq_events_aggregate_version ON events IS 'one of each version';"
    "ALTER TABLE events CLUSTER ON idx_events_timestamp;"
    "ALTER TABLE events ADD CONSTRAINT positive CHECK (version > 0);"
    "CREATE UNIQUE INDEX plain_unique ON events (event_id, global_position)";

static void open_index_bed(struct bed *bed)
{
    const struct bed_options o = {.changes = {NULL, index_changes}};

    open_bed(bed, &o);
    fill(bed, 25000);
    bed->settings.batch_size = 2000;
}

static void drops_the_indexes_and_puts_them_back(void **state)
{
    struct bed bed;
    AUTO_FREE char *before = NULL;
    AUTO_FREE char *after = NULL;
    struct seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_index_bed(&bed);
    before = index_picture(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(run_copy(&bed, &seen, &finished, &err), &err);
    assert_false(finished);
    AUTO_FREE char *left = index_picture(&bed);
    if (index_count(&bed) > 0)
        fail_msg("not dropped: %s", left);
    bed.settings.max_bulk_copy_rate = 0;
    copy_all(&bed);
    after = index_picture(&bed);
    assert_string_equal(before, after);
    assert_copied(&bed);
    close_bed(&bed);
}

static void keeps_indexes_that_something_needs(void **state)
{
    struct bed_options o = {
        .changes = {NULL, "CREATE TABLE refers (id uuid REFERENCES events (event_id));"
                          "CREATE UNIQUE INDEX identity ON events (event_id, version);"
                          "ALTER TABLE events ALTER event_id SET NOT NULL;"
                          "ALTER TABLE events REPLICA IDENTITY USING INDEX identity;"
                          "CREATE VIEW grouped AS SELECT global_position, event_type FROM events GROUP BY 1;"
                          "CREATE PUBLICATION p FOR TABLE events"}};
    struct bed bed;
    AUTO_FREE char *before = NULL;
    AUTO_FREE char *after = NULL;
    struct seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 25000);
    before = index_picture(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(run_copy(&bed, &seen, &finished, &err), &err);
    AUTO_FREE char *left =
        support_text(bed.conn[TARGET],
                     "SELECT string_agg(i.relname, ' ' ORDER BY i.relname) FROM pg_index x JOIN pg_class i"
                     " ON i.oid = x.indexrelid WHERE x.indrelid = 'public.events'::regclass");
    assert_string_equal(left, "events_event_id_key events_pkey identity");
    bed.settings.max_bulk_copy_rate = 0;
    copy_all(&bed);
    after = index_picture(&bed);
    assert_string_equal(before, after);
    close_bed(&bed);
}

static void keeps_the_indexes_of_a_target_that_is_not_empty(void **state)
{
    const struct bed_options o = {0};
    struct bed bed;
    struct seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 25000);
    support_sql(
        bed.conn[TARGET],
        "INSERT INTO public.events (global_position, event_id, aggregate_id, aggregate_type, event_type,"
        " tenant_id, version, \"timestamp\", payload)"
        " VALUES (9000000, gen_random_uuid(), gen_random_uuid(), 'O', 'O', '%s', 1, now(), '{}')",
        OTHER);
    int64_t before = index_count(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(run_copy(&bed, &seen, &finished, &err), &err);
    assert_int_equal(index_count(&bed), before);
    close_bed(&bed);
}

static void keeps_the_indexes_when_asked(void **state)
{
    struct bed bed;
    struct seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_index_bed(&bed);
    int64_t before = index_count(&bed);
    bed.settings.keep_indexes = true;
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(run_copy(&bed, &seen, &finished, &err), &err);
    assert_int_equal(index_count(&bed), before);
    close_bed(&bed);
}

/* The engine lost the migration while the indexes were away: whoever took it over puts them back. */
static void leaves_the_indexes_to_a_successor(void **state)
{
    struct bed bed;
    struct seen seen = {.stop_after = 1};
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_index_bed(&bed);
    bed.settings.max_bulk_copy_rate = 10000;
    assert_done(run_copy(&bed, &seen, &finished, &err), &err);
    int64_t left = index_count(&bed);
    support_sql(bed.conn[TARGET], "UPDATE tenantmv.owner SET owner_epoch = owner_epoch + 1");
    assert_fails(bulk_copier_restore_indexes(&bed.ends, bed.control->conn, &err), &err, TMV_ERR_OWNERSHIP);
    assert_int_equal(index_count(&bed), left);
    close_bed(&bed);
}

static void indexes_survive_a_kill(struct seen seen, const char *fault)
{
    struct bed bed;
    AUTO_FREE char *before = NULL;
    AUTO_FREE char *after = NULL;
    struct tmv_error err = {0};

    open_index_bed(&bed);
    before = index_picture(&bed);
    run_and_be_killed(&bed, &seen, fault);
    assert_done(bulk_copier_restore_indexes(&bed.ends, bed.control->conn, &err), &err);
    after = index_picture(&bed);
    assert_string_equal(before, after);
    copy_all(&bed);
    assert_copied(&bed);
    free(TAKE(after));
    after = index_picture(&bed);
    assert_string_equal(before, after);
    close_bed(&bed);
}

static void indexes_survive_a_kill_during_the_copy(void **state)
{
    (void)state;
    indexes_survive_a_kill((struct seen){.kill_after = 2000}, NULL);
}

static void indexes_survive_a_kill_while_they_are_built(void **state)
{
    (void)state;
    indexes_survive_a_kill((struct seen){.kill_at_step = "building indexes"}, NULL);
}

static void indexes_survive_a_kill_at_every_fault_point(void **state)
{
    (void)state;
#ifdef TMV_FAULT_POINTS
    static const char *const faults[] = {
        "copy.after_index_ledger=exit",   "copy.after_index_drop=exit",    "copy.before_chunk_commit#3=exit",
        "copy.after_chunk_commit#3=exit", "copy.after_index_build#4=exit", "copy.after_index_attach#2=exit",
        "copy.after_index_attach#9=exit",
    };
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        print_message("  %s\n", faults[i]);
        indexes_survive_a_kill((struct seen){0}, faults[i]);
    }
#else
    print_message("  fault points are not compiled in\n");
#endif
}

static void says_which_index_cannot_be_built(void **state)
{
    const struct bed_options o = {
        .changes = {NULL, "CREATE UNIQUE INDEX one_per_type ON events (event_type)"}};
    struct seen seen = {0};
    struct bed bed;
    struct tmv_error err = {0};
    bool finished;

    (void)state;
    open_bed(&bed, &o);
    fill(&bed, 25000);
    assert_fails(run_copy(&bed, &seen, &finished, &err), &err, TMV_ERR_SQL);
    assert_non_null(strstr(err.message, "one_per_type"));
    /* what an abort does: the events go, then the indexes come back */
    support_sql(bed.conn[TARGET], "TRUNCATE public.events");
    assert_done(bulk_copier_restore_indexes(&bed.ends, bed.control->conn, &err), &err);
    assert_int_equal(index_count(&bed), 12);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_plain_to_plain),
        cmocka_unit_test(copies_partitioned_to_plain),
        cmocka_unit_test(copies_plain_to_partitioned),
        cmocka_unit_test(copies_a_tenant_with_hardly_any_events),
        cmocka_unit_test(copies_a_tenant_without_events),
        cmocka_unit_test(stops_copying_at_the_limit),
        cmocka_unit_test(leaves_out_columns_that_one_side_lacks),
        cmocka_unit_test(never_lowers_the_sequence_of_the_target),
        cmocka_unit_test(goes_on_after_a_pause),
        cmocka_unit_test(ends_when_the_engine_stops),
        cmocka_unit_test(cuts_a_chunk_in_two_that_takes_too_long),
        cmocka_unit_test(goes_on_after_a_kill),
        cmocka_unit_test(refuses_when_another_engine_has_taken_over),
        cmocka_unit_test(drops_the_indexes_and_puts_them_back),
        cmocka_unit_test(keeps_indexes_that_something_needs),
        cmocka_unit_test(keeps_the_indexes_of_a_target_that_is_not_empty),
        cmocka_unit_test(keeps_the_indexes_when_asked),
        cmocka_unit_test(leaves_the_indexes_to_a_successor),
        cmocka_unit_test(indexes_survive_a_kill_during_the_copy),
        cmocka_unit_test(indexes_survive_a_kill_while_they_are_built),
        cmocka_unit_test(indexes_survive_a_kill_at_every_fault_point),
        cmocka_unit_test(says_which_index_cannot_be_built),
    };

    cmocka_set_test_filter(getenv("CMOCKA_TEST_FILTER"));
    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
