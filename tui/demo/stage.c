#include "demo/stage.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/outfile.h"
#include "demo/demo_sql.h"
#include "lib/text.h"
#include "lib/thread.h"

#define SEED_TIMEOUT_US INT64_C(7200000000)
#define SEED_JOBS 2
#define SAY_EVERY_S 5

/* WAL of a server, measured and rounded up: a history of 100,000 to 1,000,000 events, rows and 11 indexes; an
 * event of the writers, with the page images. A move takes about so long, and writers in a closed loop make
 * so many. */
#define WAL_PER_EVENT 1300
#define WAL_PER_WRITE 4000
#define MOVE_S 5
#define CLOSED_LOOP_RATE 5000
#define WAL_SEGMENT (16 * 1024 * 1024)
#define WAL_SEGMENTS_MIN 4
#define WAL_SEGMENTS_MAX 200 /* below max_wal_size: a checkpoint would give the rest back */

typedef void say_fn(const char *fmt, ...);

static const char *const names[] = {"acme",     "borealis", "cobalt",  "delta",    "ember",
                                    "fjord",    "garnet",   "harbour", "indigo",   "juniper",
                                    "kestrel",  "lumen",    "mistral", "nimbus",   "onyx",
                                    "pinewood", "quartz",   "rowan",   "sterling", "tundra"};
#define NAMES (sizeof names / sizeof *names)

void stage_share_out(int64_t total, size_t count, int64_t *sizes)
{
    int64_t least = total >= (int64_t)count ? 1 : 0, rest = total - least * (int64_t)count;
    double weights = 0;

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        weights += 1.0 / (double)(i + 1);
    for (size_t i = 0; i < count; i++) {
        sizes[i] = least + (int64_t)((double)(total - least * (int64_t)count) / (double)(i + 1) / weights);
        rest -= sizes[i] - least;
    }
    sizes[0] += rest; /* what rounding left over */
}

static bool make_tenants(const struct demo_options *options, struct stage *s, struct tmv_error *err)
{
    int64_t sizes[DEMO_TENANTS_MAX] = {0};

    s->tenant_count = (size_t)options->tenants;
    s->tenants = calloc(s->tenant_count, sizeof *s->tenants);
    if (!s->tenants)
        return err_set(err, TMV_ERR_NOMEM, "no memory for %d tenants", options->tenants);
    stage_share_out(options->events, s->tenant_count, sizes);
    for (size_t i = 0; i < s->tenant_count; i++) {
        struct stage_tenant *t = &s->tenants[i];

        t->id = tmv_uuid_random();
        t->seeded = sizes[i];
        if (i < NAMES)
            text_copy(t->database, sizeof t->database, names[i]);
        else
            snprintf(t->database, sizeof t->database, "%s_%zu", names[i % NAMES], i / NAMES + 1);
        snprintf(t->name, sizeof t->name, "%.31s", t->database);
        snprintf(t->store, sizeof t->store, "dedicated-%.36s", t->database);
    }
    return true;
}

void stage_store(const struct stage *s, const struct stage_tenant *tenant, struct tmv_store_info *ret_store)
{
    memset(ret_store, 0, sizeof *ret_store);
    text_copy(ret_store->id, sizeof ret_store->id, tenant ? tenant->store : STAGE_SHARED);
    if (tenant)
        cluster_conninfo(s->dedicated, tenant->database, ret_store->conninfo);
    else
        text_copy(ret_store->conninfo, sizeof ret_store->conninfo, s->control);
    snprintf(ret_store->events_schema, sizeof ret_store->events_schema, "public");
    snprintf(ret_store->events_table, sizeof ret_store->events_table, "events");
}

/* One of the two servers, started at the same time as the other. */
struct start_job {
    struct stage *stage;
    const char *name;
    struct cluster *cluster;
    struct tmv_error err;
};

/* Pages leave these servers steadily, as an administrator sets it who cares for latency. Otherwise they lie
 * in the system's cache until it writes them, every five seconds what is thirty seconds old, and every commit
 * waits behind that (20 to 60 ms, measured; the kernel's admin-guide/sysctl/vm, dirty_expire_centisecs). A
 * cache that the demo fills is part of it: a server writes out what it needs the room of. */
static const char *const server_settings[] = {"max_connections=400",       "shared_buffers=256MB",
                                              "bgwriter_delay=50ms",       "bgwriter_lru_maxpages=1000",
                                              "backend_flush_after=256kB", NULL};

static void *start_main(void *argument)
{
    struct start_job *job = argument;
    struct cluster_options options = {.name = job->name, .settings = server_settings};

    /* no template: two servers must not have one system identifier */
    if (!cluster_start(job->stage->workspace, &options, &job->cluster, &job->err))
        job->cluster = NULL;
    return NULL;
}

static bool start_clusters(const struct demo_options *options, int cancel_fd, struct stage *s,
                           struct tmv_error *err)
{
    struct workspace_options where = {.keep = options->keep, .cancel_fd = cancel_fd};
    struct start_job shared = {.stage = s, .name = "shared"}, dedicated = {.stage = s, .name = "dedicated"};
    struct tmv_error no_thread;
    pthread_t thread;

    if (!workspace_open(&where, &s->workspace, err) ||
        !workspace_make_dir(s->workspace, "journal", s->journal, sizeof s->journal, err))
        return false;
    if (thread_spawn(&thread, "second cluster", start_main, &dedicated, &no_thread)) {
        start_main(&shared);
        pthread_join(thread, NULL);
    } else {
        start_main(&shared);
        start_main(&dedicated);
    }
    s->shared = shared.cluster;
    s->dedicated = dedicated.cluster;
    if (!s->shared || !s->dedicated)
        *err = s->shared ? dedicated.err : shared.err;
    return s->shared && s->dedicated;
}

static bool make_store(struct stage *s, struct tmv_control *control, const struct stage_tenant *tenant,
                       struct tmv_error *err)
{
    struct tmv_store_info store;

    stage_store(s, tenant, &store);
    return tmv_store_create_events(&store, err) && tmv_store_add(control, &store, err);
}

/* Databases, control schema, stores and routes. */
static bool register_all(struct stage *s, struct tmv_control *control, struct tmv_error *err)
{
    if (!make_store(s, control, NULL, err))
        return false;
    for (size_t i = 0; i < s->tenant_count; i++) {
        const struct stage_tenant *t = &s->tenants[i];

        if (!cluster_create_database(s->dedicated, t->database, err) || !make_store(s, control, t, err) ||
            !tmv_routing_register(control, &t->id, STAGE_SHARED, err))
            return err_wrap(err, "tenant %s", t->name);
    }
    return true;
}

static bool make_databases(struct stage *s, struct tmv_error *err)
{
    struct tmv_control *control = NULL;
    bool ok;

    if (!cluster_create_database(s->shared, STAGE_SHARED, err))
        return false;
    cluster_conninfo(s->shared, STAGE_SHARED, s->control);
    if (!tmv_control_init(s->control, err) || !tmv_control_open(s->control, &control, err))
        return false;
    ok = register_all(s, control, err);
    tmv_control_close(control);
    return ok;
}

static bool write_tenant_file(const struct stage *s, char *path, size_t size, struct tmv_error *err)
{
    char id[TMV_UUID_TEXT];
    struct outfile file;

    snprintf(path, size, "%s/tenants", s->journal);
    if (!outfile_create(&file, path, false))
        return err_errno(err, "cannot write %s", path);
    fchmod(file.fd, 0644);
    for (size_t i = 0; i < s->tenant_count; i++)
        fprintf(file.stream, "%zu\t%s\t%" PRId64 "\n", i, tmv_uuid_format(&s->tenants[i].id, id),
                s->tenants[i].seeded);
    errno = outfile_close(&file);
    return errno == 0 || err_errno(err, "cannot write %s", path);
}

/* One of several sessions that fill in history at the same time, each for tenants of its own. */
struct seed_job {
    struct stage *stage;
    const char *tenants; /* path of the file */
    int number;
    pthread_t thread;
    bool ok;
    struct tmv_error err;
};

static void *seed_main(void *argument)
{
    struct seed_job *job = argument;
    AUTO_FREE char *script = NULL;

    if (asprintf(&script, "\\set tenants '%s'\n\\set jobs %d\n\\set job %d\n%s", job->tenants, SEED_JOBS,
                 job->number, demo_sql_seed) < 0) {
        script = NULL; /* undefined now */
        job->ok = err_set(&job->err, TMV_ERR_NOMEM, "no memory for a script");
        return NULL;
    }
    job->ok = cluster_psql(job->stage->shared, STAGE_SHARED, script, SEED_TIMEOUT_US, NULL, &job->err);
    return NULL;
}

static void say_how_far(const struct stage *s, int64_t events, say_fn *say)
{
    struct tmv_error ignored;
    AUTO_FREE char *positions = NULL; /* handed out so far: the rows are not visible yet */

    if (!cluster_psql(s->shared, STAGE_SHARED, "SELECT last_value FROM public.events_global_position_seq",
                      SEED_TIMEOUT_US, &positions, &ignored))
        return;
    int64_t done = strtoll(positions, NULL, 10);
    if (events > 0)
        say("%" PRId64 " of %" PRId64 " events (%d%%)", done, events, (int)(100 * done / events));
}

/* Waits for a session; says every few seconds how far they all are. */
static void await_job(const struct stage *s, const struct seed_job *job, int64_t events, say_fn *say)
{
    if (pthread_equal(job->thread, pthread_self()))
        return;
    while (!thread_join_until(job->thread, clock_now_us() + SAY_EVERY_S * US_PER_S))
        say_how_far(s, events, say);
}

static bool seed(struct stage *s, int64_t events, say_fn *say, struct tmv_error *err)
{
    struct seed_job jobs[SEED_JOBS];
    struct tmv_error no_thread;
    char path[300];
    bool ok = true;

    if (!write_tenant_file(s, path, sizeof path, err) ||
        !cluster_psql(s->shared, STAGE_SHARED, demo_sql_seed_begin, SEED_TIMEOUT_US, NULL, err))
        return false;
    for (int i = 0; i < SEED_JOBS; i++) {
        jobs[i] = (struct seed_job){.stage = s, .tenants = path, .number = i};
        if (!thread_spawn(&jobs[i].thread, "seed", seed_main, &jobs[i], &no_thread)) {
            seed_main(&jobs[i]);
            jobs[i].thread = pthread_self();
        }
    }
    for (int i = 0; i < SEED_JOBS; i++) {
        await_job(s, &jobs[i], events, say);
        if (ok && !jobs[i].ok)
            *err = jobs[i].err;
        ok = ok && jobs[i].ok;
    }
    if (!ok)
        return false;
    say("building the shared store's indexes");
    return cluster_psql(s->shared, STAGE_SHARED, demo_sql_seed_end, SEED_TIMEOUT_US, NULL, err);
}

/* How much log a server writes before the demo ends, in files. */
static int64_t expected_segments(const struct demo_options *o)
{
    int64_t rate = o->writers == 0 ? 0 : o->rate > 0 ? o->rate : CLOSED_LOOP_RATE;
    int64_t bytes = o->events * WAL_PER_EVENT + rate * WAL_PER_WRITE * MOVE_S * o->cutovers;
    int64_t segments = WAL_SEGMENTS_MIN + bytes / WAL_SEGMENT;

    return segments < WAL_SEGMENTS_MAX ? segments : WAL_SEGMENTS_MAX;
}

static bool run_in(struct cluster *cluster, int64_t segments, struct tmv_error *err)
{
    AUTO_FREE char *script = NULL;

    if (asprintf(&script, "\\set segments %" PRId64 "\n%s", segments, demo_sql_run_in) < 0) {
        script = NULL; /* undefined now */
        return err_set(err, TMV_ERR_NOMEM, "no memory for a script");
    }
    return cluster_psql(cluster, "postgres", script, SEED_TIMEOUT_US, NULL, err);
}

static void say_nothing(const char *fmt, ...)
{
    (void)fmt;
}

bool stage_open(const struct demo_options *options, int cancel_fd, say_fn *say, struct stage *s,
                struct tmv_error *err)
{
    memset(s, 0, sizeof *s);
    if (!say)
        say = say_nothing;
    say("starting two PostgreSQL servers");
    if (!make_tenants(options, s, err) || !start_clusters(options, cancel_fd, s, err))
        return false;
    say("making a shared store and %d dedicated ones in %s", options->tenants, workspace_path(s->workspace));
    if (!make_databases(s, err) || !run_in(s->shared, expected_segments(options), err) ||
        !run_in(s->dedicated, expected_segments(options), err))
        return err_wrap(err, "preparing the demo's databases");
    say("filling in %" PRId64 " events of history", options->events);
    return seed(s, options->events, say, err) || err_wrap(err, "filling in the demo's history");
}

void stage_close(struct stage *s)
{
    cluster_free(s->shared);
    cluster_free(s->dedicated);
    workspace_close(s->workspace);
    free(s->tenants);
    memset(s, 0, sizeof *s);
}
