#include "test.h"

#include "chaos/bed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "support/spawn.h"
#include "support/support.h"

#define LEFTOVERS_GO_US (5 * US_PER_S)
#define WORKER_ENDS_US (30 * US_PER_S)

static const struct tmv_actor operator_of_tests = {.name = "chaos", .from = "tests/chaos"};

/* ---- databases ---- */

static struct cluster *cluster_of(const char *name)
{
    return support_cluster(name, NULL);
}

static void make_database(const char *cluster, const char *name, const char *template,
                          char conninfo[CLUSTER_CONNINFO_MAX])
{
    char admin[CLUSTER_CONNINFO_MAX];
    struct pgx_conn *conn = support_connect(cluster_conninfo(cluster_of(cluster), "postgres", admin));

    support_sql(conn, "CREATE DATABASE %s TEMPLATE %s", name, template);
    pgx_close(conn);
    cluster_conninfo(cluster_of(cluster), name, conninfo);
}

static void drop_database(const char *cluster, const char *conninfo)
{
    char admin[CLUSTER_CONNINFO_MAX];
    const char *name = strstr(conninfo, "dbname=");
    struct tmv_error ignored;
    char text[120];
    struct pgx_conn *conn = support_connect(cluster_conninfo(cluster_of(cluster), "postgres", admin));

    assert_non_null(name);
    /* A server under load may take its time; the directory goes with the workspace anyway. */
    snprintf(text, sizeof text, "DROP DATABASE IF EXISTS %.60s WITH (FORCE)", name + strlen("dbname="));
    (void)!pgx_script(conn, SUPPORT_TIMEOUT_US, text, 0, NULL, &ignored);
    pgx_close(conn);
}

/* The name of a template: of a store, or of one that has the control tables, too. */
static const char *template_of(bool partitioned, bool control)
{
    static const char *const names[2][2] = {{"store_template", "both_template"},
                                            {"parts_template", "both_parts_template"}};

    return names[partitioned][control];
}

/* The last partition ends somewhere, so that there is room for a new one. */
static void end_the_last_partition(const char *conninfo)
{
    struct pgx_conn *conn = support_connect(conninfo);

    support_sql(conn,
                "DROP TABLE public.events_new; CREATE TABLE public.events_new PARTITION OF public.events "
                "FOR VALUES FROM ('2026-01-01') TO ('2100-01-01')");
    pgx_close(conn);
}

static void make_templates(struct cluster *cluster, struct pgx_conn *admin, bool partitioned)
{
    const char *store_name = template_of(partitioned, false), *both_name = template_of(partitioned, true);
    struct tmv_store_info store;
    char conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err;

    support_store(cluster, "template", partitioned, &store);
    if (partitioned)
        end_the_last_partition(store.conninfo);
    support_sql(admin, "ALTER DATABASE %s RENAME TO %s",
                strstr(store.conninfo, "dbname=") + strlen("dbname="), store_name);
    support_sql(admin, "CREATE DATABASE %s TEMPLATE %s", both_name, store_name);
    assert_done(tmv_control_init(cluster_conninfo(cluster, both_name, conninfo), &err), &err);
}

void beds_prepare(bool durable)
{
    const char *const settings[] = {"max_connections=400",
                                    durable ? "fsync=on" : "fsync=off",
                                    "max_prepared_transactions=50",
                                    "autovacuum_naptime=60s",
                                    "wal_writer_delay=10s", /* a crash takes what was not waited for */
                                    "wal_level=minimal",
                                    "max_wal_senders=0",
                                    NULL};
    char admin[CLUSTER_CONNINFO_MAX];
    struct tmv_error err;

    for (int i = 0; i < 2; i++) {
        const char *name = i ? "target" : "source";
        struct cluster *cluster = support_cluster(name, settings);
        struct pgx_conn *conn = support_connect(cluster_conninfo(cluster, "postgres", admin));

        support_sql(conn, "CREATE DATABASE control_template");
        assert_done(tmv_control_init(cluster_conninfo(cluster, "control_template", admin), &err), &err);
        make_templates(cluster, conn, false);
        make_templates(cluster, conn, true);
        pgx_close(conn);
    }
}

static void make_store(struct bed *bed, const char *cluster, const char *id, const char *template,
                       struct tmv_store_info *ret_store)
{
    char name[40], conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_error err;

    memset(ret_store, 0, sizeof *ret_store);
    snprintf(name, sizeof name, "bed_%d_%d", (int)getpid(), ++bed->databases);
    make_database(cluster, name, template, conninfo);
    text_copy(ret_store->id, sizeof ret_store->id, id);
    text_copy(ret_store->conninfo, sizeof ret_store->conninfo, conninfo);
    text_copy(ret_store->events_schema, sizeof ret_store->events_schema, "public");
    text_copy(ret_store->events_table, sizeof ret_store->events_table, "events");
    if (bed->handle)
        assert_done(tmv_store_add(bed->handle, ret_store, &err), &err);
}

void bed_disconnect(struct bed *bed)
{
    for (size_t i = 0; i < bed->tenant_count; i++)
        pgx_close(TAKE(bed->tenants[i].on_target));
    tmv_control_close(TAKE(bed->handle));
    pgx_close(TAKE(bed->on_control));
    pgx_close(TAKE(bed->on_source));
}

void bed_connect(struct bed *bed)
{
    struct tmv_error err;

    assert_done(tmv_control_open(bed->control, &bed->handle, &err), &err);
    bed->on_control = support_connect(bed->control);
    bed->on_source = support_connect(bed->source.conninfo);
    for (size_t i = 0; i < bed->tenant_count; i++)
        bed->tenants[i].on_target = support_connect(bed->tenants[i].target.conninfo);
}

void bed_open(struct bed *bed, const struct bed_options *options)
{
    struct tmv_error err;

    memset(bed, 0, sizeof *bed);
    bed->history = history_new();
    bed->partitioned = options->partitioned;
    make_store(bed, "source", "shared", template_of(bed->partitioned, !options->elsewhere), &bed->source);
    text_copy(bed->control, sizeof bed->control, bed->source.conninfo);
    if (options->elsewhere) {
        struct tmv_store_info control;

        make_store(bed, "target", "control", "control_template", &control);
        text_copy(bed->control, sizeof bed->control, control.conninfo);
    }
    text_copy(bed->workers_control, sizeof bed->workers_control, bed->control);
    bed_connect(bed);
    assert_done(tmv_store_add(bed->handle, &bed->source, &err), &err);
    bed->neighbour = tmv_uuid_random();
    bed->neighbour_number = history_tenant(bed->history, &bed->neighbour);
    if (!options->empty)
        support_fill(bed->on_source, &bed->neighbour, 3, 10);
    history_seed(bed->history, bed->neighbour_number, bed->on_source);
    assert_done(tmv_routing_register(bed->handle, &bed->neighbour, bed->source.id, &err), &err);
}

struct bed_tenant *bed_add_tenant(struct bed *bed, int streams)
{
    struct bed_tenant *t = &bed->tenants[bed->tenant_count];
    struct tmv_error err;
    char id[24];

    assert_true(bed->tenant_count < BED_TENANTS_MAX);
    memset(t, 0, sizeof *t);
    snprintf(id, sizeof id, "dedicated-%zu", bed->tenant_count);
    make_store(bed, "target", id, template_of(bed->partitioned, false), &t->target);
    t->id = tmv_uuid_random();
    tmv_uuid_format(&t->id, t->text);
    t->on_target = support_connect(t->target.conninfo);
    support_fill(bed->on_source, &t->id, streams, 10);
    t->number = history_tenant(bed->history, &t->id);
    history_seed(bed->history, t->number, bed->on_source);
    assert_done(tmv_routing_register(bed->handle, &t->id, bed->source.id, &err), &err);
    bed->tenant_count++;
    return t;
}

void bed_close(struct bed *bed)
{
    for (int i = 0; i < BED_WORKERS_MAX; i++)
        bed_kill_worker(bed, i);
    bed_disconnect(bed);
    for (size_t i = 0; i < bed->tenant_count; i++)
        drop_database("target", bed->tenants[i].target.conninfo);
    if (strcmp(bed->control, bed->source.conninfo) != 0)
        drop_database("target", bed->control);
    drop_database("source", bed->source.conninfo);
    history_free(TAKE(bed->history));
}

/* ---- operating ---- */

bool bed_begin(struct bed *bed, struct bed_tenant *tenant)
{
    struct tmv_start_options options = {.tenant = tenant->id, .target = tenant->target.id};
    struct tmv_error err;

    tmv_settings_default(&options.settings);
    options.settings.cutover_max_lag_ms = 60000;
    options.settings.lock_budget_ms = 400;
    options.settings.drain_budget_ms = 3000;
    options.settings.cutover_timeout_ms = 60000;
    options.settings.hold_s = tenant->hold ? 3600 : 0;
    return tmv_start(bed->handle, &options, &operator_of_tests, &tenant->migration, &err);
}

void bed_ask(struct bed *bed, const struct bed_tenant *tenant, enum tmv_operation operation)
{
    const struct tmv_request request = {
        .operation = operation, .migration = tenant->migration, .reason = "chaos"};
    struct tmv_uuid id;
    struct tmv_error ignored;

    (void)!tmv_request(bed->handle, &request, &operator_of_tests, &id, &ignored);
}

bool bed_is(struct bed *bed, const struct bed_tenant *tenant, const char *condition)
{
    char id[TMV_UUID_TEXT];

    return support_int(
               bed->on_control,
               "SELECT count(*) FROM public.tenant_migrations m JOIN tenantmv.migration_state s ON "
               "s.migration_id = m.id LEFT JOIN tenantmv.lease l ON l.migration_id = m.id WHERE m.id = "
               "'%s' AND (%s)",
               tmv_uuid_format(&tenant->migration, id), condition) > 0;
}

char *bed_describe(struct bed *bed, const struct bed_tenant *tenant)
{
    char id[TMV_UUID_TEXT];

    return support_text(
        bed->on_control,
        "SELECT format('%%s paused=%%s step=%%s note=%%s error=%%s gates=%%s lease=%%s commands=%%s', "
        "m.phase, "
        "m.is_paused, s.step, s.note, m.last_error, s.gates, (SELECT l::text FROM tenantmv.lease l WHERE "
        "l.migration_id = m.id), (SELECT string_agg(c.operation || ' ' || c.state || ': ' || c.outcome, '; ' "
        "ORDER BY c.number) FROM tenantmv.command c WHERE c.migration_id = m.id)) FROM "
        "public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = m.id WHERE m.id = "
        "'%s'",
        tmv_uuid_format(&tenant->migration, id));
}

/* ---- workers ---- */

/* A leak checker looks at a process by tracing it when it ends; a traced process that is sent SIGCONT, as
 * these are, waits for its tracer for ever. Leaks are looked for by every other suite. */
static void without_leaks(char text[600])
{
    const char *options = getenv("ASAN_OPTIONS");

    snprintf(text, 600, "ASAN_OPTIONS=%.500s:detect_leaks=0", options ? options : "");
}

void bed_start_worker(struct bed *bed, int number, const char *faults, const char *mutant)
{
    struct bed_worker *w = &bed->workers[number];
    char name[40], fault[300], mutant_of[100], trace[340], sanitizer[600];
    const char *const argv[] = {
        getenv("TENANTMV_PROGRAM"), "worker", "--name", name, "--max-migrations", "16", "--control",
        bed->workers_control,       NULL};
    const char *const environment[] = {fault, mutant_of, trace, sanitizer, NULL};

    snprintf(w->log, sizeof w->log, "%s/worker-%d-%d.log", support_temporary_dir(), (int)getpid(), number);
    snprintf(w->trace, sizeof w->trace, "%s/trace-%d-%d", support_temporary_dir(), (int)getpid(), number);
    snprintf(name, sizeof name, "worker %d", number);
    snprintf(fault, sizeof fault, "TENANTMV_FAULT%s%s", faults ? "=" : "", faults ? faults : "");
    snprintf(mutant_of, sizeof mutant_of, "TENANTMV_MUTANT%s%s", mutant ? "=" : "", mutant ? mutant : "");
    snprintf(trace, sizeof trace, "TENANTMV_FAULT_TRACE=%s", w->trace);
    without_leaks(sanitizer);
    w->stopped = false;
    w->exit_code = -1;
    const struct spawn spec = {.argv = argv, .environment = environment, .out = "/dev/null", .err = w->log};
    w->pid = spawn_program(&spec);
}

void bed_watch_workers(struct bed *bed)
{
    for (int i = 0; i < BED_WORKERS_MAX; i++) {
        struct bed_worker *w = &bed->workers[i];
        int status;

        if (!w->pid || waitpid(w->pid, &status, WNOHANG | WUNTRACED) != w->pid)
            continue;
        if (WIFSTOPPED(status)) {
            w->stopped = true;
            continue;
        }
        w->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
        w->pid = 0;
        w->stopped = false;
    }
}

void bed_kill_worker(struct bed *bed, int number)
{
    struct bed_worker *w = &bed->workers[number];

    if (!w->pid)
        return;
    kill(w->pid, SIGKILL);
    waitpid(w->pid, NULL, 0);
    w->pid = 0;
    w->stopped = false;
}

bool bed_end_workers(struct bed *bed)
{
    int64_t until = clock_now_us() + WORKER_ENDS_US;
    bool ended = true;

    for (int i = 0; i < BED_WORKERS_MAX; i++) {
        if (!bed->workers[i].pid)
            continue;
        kill(bed->workers[i].pid, SIGTERM);
        kill(bed->workers[i].pid, SIGCONT);
    }
    for (int i = 0; i < BED_WORKERS_MAX; i++) {
        while (bed->workers[i].pid && clock_now_us() < until) {
            bed_watch_workers(bed);
            if (bed->workers[i].stopped) /* it met another fault point on its way out */
                kill(bed->workers[i].pid, SIGCONT);
            stop_sleep(NULL, 5 * US_PER_MS);
        }
        ended = ended && !bed->workers[i].pid;
    }
    return ended;
}

bool bed_reached(const struct bed_worker *worker, const char *point)
{
    FILE *file = fopen(worker->trace, "re");
    char line[100];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        found = strcmp(line, point) == 0;
    }
    if (file)
        fclose(file);
    return found;
}

/* ---- judging ---- */

void bed_judge_tenant(struct bed *bed, const struct bed_tenant *t, struct history_report *report)
{
    const struct history_databases db = {bed->on_control, bed->on_source, t->on_target};
    struct history_store source, target;
    struct history_facts *facts = calloc(1, sizeof *facts);

    assert_non_null(facts);
    history_read_store(bed->on_source, &t->id, &source);
    history_read_store(t->on_target, &t->id, &target);
    history_read_facts(&db, &t->id, facts);
    const struct history_view view = {
        .tenant = t->number, .source = &source, .target = &target, .facts = facts};
    history_judge(bed->history, &view, report);
    history_store_release(&source);
    history_store_release(&target);
    free(facts);
}

/* A server notices the end of a connection a moment later. */
static void judge_leftovers(const struct bed *bed, struct pgx_conn *conn, const char *where,
                            struct history_report *report)
{
    int64_t until = clock_now_us() + LEFTOVERS_GO_US;
    struct history_leftovers left;

    for (;;) {
        history_read_leftovers(conn, &left);
        if (bed->crashed)
            left.temporary = 0;
        bool any = left.connections || left.temporary || left.locks;
        if (!any || clock_now_us() > until)
            break;
        stop_sleep(NULL, 20 * US_PER_MS);
    }
    history_judge_leftovers(&left, where, report);
}

void bed_judge(struct bed *bed, struct history_report *report)
{
    struct history_store source;

    memset(report, 0, sizeof *report);
    report->waived = bed->waived;
    tmv_control_close(TAKE(bed->handle)); /* our own connection is not left behind by anybody */
    for (size_t i = 0; i < bed->tenant_count; i++) {
        bed_judge_tenant(bed, &bed->tenants[i], report);
        judge_leftovers(bed, bed->tenants[i].on_target, bed->tenants[i].target.id, report);
    }
    history_read_store(bed->on_source, &bed->neighbour, &source);
    const struct history_view view = {.tenant = bed->neighbour_number, .source = &source};
    history_judge(bed->history, &view, report);
    history_store_release(&source);
    judge_leftovers(bed, bed->on_source, "the source", report);
    judge_leftovers(bed, bed->on_control, "the control database", report);
}

static char *store_hash(struct pgx_conn *conn)
{
    bool guarded = support_int(conn, "SELECT (to_regclass('tenantmv.fence') IS NOT NULL)::int") == 1;
    AUTO_FREE char *fences =
        guarded ? support_text(conn, "SELECT coalesce(string_agg(format('%%s %%s %%s %%s', tenant_id, state, "
                                     "placement_epoch, store_id), '; ' ORDER BY tenant_id), '') FROM "
                                     "tenantmv.fence")
                : strdup("");
    AUTO_FREE char *applied =
        guarded
            ? support_text(conn, "SELECT coalesce(string_agg(format('%%s %%s %%s %%s', migration_id, state, "
                                 "watermark, events), '; ' ORDER BY migration_id), '') FROM tenantmv.applied")
            : strdup("");

    return support_text(conn,
                        "SELECT format('%%s [%s] [%s]', (SELECT md5(coalesce(string_agg(event_id::text || "
                        "global_position, ',' ORDER BY global_position), '')) FROM public.events))",
                        fences, applied);
}

char *bed_fingerprint(struct bed *bed)
{
    AUTO(buf) struct buf all = BUF_INIT(1000000);
    AUTO_FREE char *source = store_hash(bed->on_source);
    AUTO_FREE char *control = support_text(
        bed->on_control,
        "SELECT (SELECT string_agg(format('%%s %%s %%s', id, phase, is_paused), '; ' ORDER BY id) FROM "
        "public.tenant_migrations) || (SELECT string_agg(format('%%s %%s %%s', tenant_id, store_id, "
        "migration_state), '; ' ORDER BY tenant_id) FROM public.tenant_routing) || (SELECT count(*) FROM "
        "public.migration_audit_log)");

    buf_printf(&all, "%s\n%s\n", source, control);
    for (size_t i = 0; i < bed->tenant_count; i++) {
        AUTO_FREE char *target = store_hash(bed->tenants[i].on_target);
        buf_printf(&all, "%s\n", target);
    }
    assert_false(all.failed);
    return strdup(buf_text(&all));
}
