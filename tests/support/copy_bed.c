#include "test.h"

#include "support/copy_bed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "move/verify/consistency_verifier.h"
#include "store/guard/guard.h"

static void own_migration(struct copy_bed *bed)
{
    const struct tmv_actor actor = {.name = "amy", .from = "test"};
    struct tmv_start_options start = {
        .tenant = bed->endpoints.owner.tenant, .source = "source", .target = "target"};
    const struct engine_identity engine = {.id = tmv_uuid_random(), .name = "test"};
    struct lease lease;
    struct tmv_error err = {0};

    assert_done(tmv_control_init(bed->control_conninfo, &err), &err);
    assert_done(tmv_control_open(bed->control_conninfo, &bed->control, &err), &err);
    assert_done(tmv_store_add(bed->control, &bed->endpoints.source_store, &err), &err);
    assert_done(tmv_store_add(bed->control, &bed->endpoints.target_store, &err), &err);
    assert_done(tmv_routing_register(bed->control, &start.tenant, "source", &err), &err);
    tmv_settings_default(&start.settings);
    assert_done(tmv_start(bed->control, &start, &actor, &bed->endpoints.owner.migration, &err), &err);
    const struct claimable claimable = {.migration = bed->endpoints.owner.migration, .tenant = start.tenant};
    assert_done(control_lease_take(bed->control->conn, &claimable, &engine, &lease, &err), &err);
    assert_true(lease.taken);
    bed->endpoints.owner = lease.owner;
    tmv_uuid_format(&lease.owner.migration, bed->endpoints.migration);
}

void copy_bed_open(struct copy_bed *bed, const struct copy_bed_options *o)
{
    struct tmv_store_info *info[2] = {&bed->endpoints.source_store, &bed->endpoints.target_store};
    struct store_shape *shape[2] = {&bed->endpoints.source, &bed->endpoints.target};
    static const char *const names[2] = {"source", "target"};
    struct tmv_error err = {0};

    *bed = (struct copy_bed){.options = {.settings = &bed->settings}};
    tmv_settings_default(&bed->settings);
    bed->settings.batch_size = 500;
    snprintf(bed->endpoints.tenant, sizeof bed->endpoints.tenant, "%s",
             o->tenant ? o->tenant : COPY_BED_TENANT);
    assert_true(tmv_uuid_parse(bed->endpoints.tenant, &bed->endpoints.owner.tenant));
    for (int i = 0; i < 2; i++) {
        bool alone = i == SOURCE && o->source_alone;
        support_store(alone ? support_cluster("tcp", o->source_alone) : support_cluster("store", NULL),
                      names[i], o->partitioned[i], info[i]);
        bed->conn[i] = support_connect(info[i]->conninfo);
        if (o->changes[i])
            support_sql(bed->conn[i], "SET search_path = public; %s; SET search_path = pg_catalog",
                        o->changes[i]);
        assert_done(store_shape_discover(bed->conn[i], "public", "events", shape[i], &err), &err);
    }
    support_database(support_cluster("store", NULL), bed->control_conninfo);
    own_migration(bed);
    assert_done(guard_prepare_store(bed->conn[TARGET], &bed->endpoints.target, &err), &err);
    support_sql(bed->conn[TARGET],
                "INSERT INTO tenantmv.applied (migration_id, tenant_id, owner_epoch, state, events_table)"
                " VALUES ('%s', '%s', %lld, 'copying', 'public.events');"
                "INSERT INTO tenantmv.owner SELECT tenant_id, migration_id, owner_epoch, events_table FROM "
                "tenantmv.applied",
                bed->endpoints.migration, bed->endpoints.tenant, (long long)bed->endpoints.owner.epoch);
}

void copy_bed_close(struct copy_bed *bed)
{
    tmv_control_close(bed->control);
    pgx_close(bed->conn[SOURCE]);
    pgx_close(bed->conn[TARGET]);
}

void copy_bed_fill(struct copy_bed *bed, int count)
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
        COPY_BED_RARE, COPY_BED_OTHER, COPY_BED_TENANT, count);
    support_sql(bed->conn[SOURCE], "SELECT setval('public.events_global_position_seq', %d)", 3 * count + 7);
    bed->options.limit = 3 * (int64_t)count + 7;
}

static enum copy_verdict progress(void *user, const struct copy_progress *p)
{
    struct copy_seen *seen = user;
    int64_t copied = p->events_copied, total = p->events_total;
    const char *step = p->step;

    assert_true(copied >= seen->copied);
    assert_true(total >= copied);
    seen->copied = copied;
    seen->total = total;
    if ((seen->kill_after && copied >= seen->kill_after) ||
        (seen->kill_at_step && strstr(step, seen->kill_at_step)))
        kill(getpid(), SIGKILL);
    if (seen->stop_at_step && strstr(step, seen->stop_at_step))
        return seen->break_off ? COPY_BREAK_OFF : COPY_STOP;
    return seen->stop_after == 0 || copied < seen->stop_after ? COPY_GO_ON : COPY_STOP;
}

bool copy_bed_run(struct copy_bed *bed, struct copy_seen *seen, bool *ret_finished, struct tmv_error *err)
{
    const struct bulk_copier_hooks hooks = {.user = seen, .progress = progress};

    return bulk_copier_run(&bed->endpoints, bed->control->conn, &bed->options, &hooks, ret_finished, err);
}

void copy_bed_copy_all(struct copy_bed *bed)
{
    struct copy_seen seen = {0};
    struct tmv_error err = {0};
    bool finished = false;

    assert_done(copy_bed_run(bed, &seen, &finished, &err), &err);
    assert_true(finished);
}

static struct range_digest digest(struct copy_bed *bed, enum side side)
{
    const struct store_shape *shape = side == SOURCE ? &bed->endpoints.source : &bed->endpoints.target;
    AUTO(buf) struct buf sql = BUF_INIT(20000);
    AUTO_RESULT struct pgx_result *result = NULL;
    struct range_digest d;
    struct tmv_error err = {0};

    assert_done(verifier_digest_sql(&bed->endpoints.source, &bed->endpoints.target, shape, &sql, &err), &err);
    assert_done(pgx_query(bed->conn[side], COPY_BED_WAIT_US, buf_text(&sql),
                          PGX_ARGS(PGX_INT(0), PGX_INT(bed->options.limit), PGX_TEXT(bed->endpoints.tenant)),
                          &result, &err),
                &err);
    verifier_read_digest(result, &d);
    return d;
}

void copy_bed_assert_copied(struct copy_bed *bed)
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

void copy_bed_run_and_be_killed(struct copy_bed *bed, struct copy_seen *seen, const char *fault)
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
        if (!copy_bed_run(bed, seen, &finished, &err))
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
