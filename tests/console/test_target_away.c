/* A target that is stopped, dropped or full, in each phase of a move: what an operator reads of it (state,
 * cause, since when, next try) in status, `watch --once`, their JSON and on the console's screens, and that
 * an abort frees the source whatever the target does. One tenant is in each phase when the outage begins.
 * Nothing here depends on how long it lasts. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "console_pty.h"
#include "support/move.h"
#include "support/program.h"
#include "tenantmv/engine.h"
#include "tenantmv/snapshot.h"

#define PATIENCE_US (60 * US_PER_S)
#define LONGEST_TRY_US (20 * US_PER_S) /* a next try is never further away, however slow this machine is */

enum where { IN_PENDING, IN_COPY, IN_DUAL_WRITE, IN_CUTOVER, WHERES };
static const char *const where_names[WHERES] = {"pending", "bulk_copy", "dual_write", "cutover"};
static const struct tmv_actor amy = {.name = "amy", .from = "test"};

/* A tenant that is caught in one phase. */
struct patient {
    struct tmv_uuid tenant, migration;
    char text[TMV_UUID_TEXT], name[9]; /* of the tenant; as it is shown */
    struct tmv_store_info target;
    int64_t since_us; /* as first seen */
};

static struct {
    struct tmv_store_info source;
    struct tmv_control *control;
    struct tmv_engine *engine;
    struct pgx_conn *on_source; /* and on control */
    struct patient patients[WHERES];
    int64_t begun_us;     /* by the database's clock: before the outage */
    char small_disk[300]; /* mounted; "" none */
    void (*end)(void);    /* of the outage that lasts; NULL: none does */
} bed;

/* What must be seen of each phase. */
struct seen {
    enum tmv_display_state show;
    const char *cause;
};
struct outage {
    const char *name;
    void (*begin)(void);
    void (*end)(void); /* NULL: it stays */
    struct seen seen[WHERES];
};

static struct pgx_conn *on_target(const struct patient *p)
{
    return support_connect(p->target.conninfo);
}

/* ---- the outages ---- */

static void stop_target(void)
{
    struct tmv_error err;

    assert_done(cluster_stop(support_cluster("target", NULL), CLUSTER_IMMEDIATE, &err), &err);
}

static void resume_target(void)
{
    struct tmv_error err;

    assert_done(cluster_resume(support_cluster("target", NULL), &err), &err);
}

static void drop_databases(void)
{
    AUTO_CONN struct pgx_conn *conn = NULL;
    char conninfo[CLUSTER_CONNINFO_MAX];

    support_database(support_cluster("target", NULL), conninfo);
    conn = support_connect(conninfo);
    for (int i = 0; i < WHERES; i++) {
        AUTO_CONN struct pgx_conn *there = on_target(&bed.patients[i]);
        AUTO_FREE char *name = support_text(there, "SELECT current_database()");

        pgx_close(TAKE(there));
        support_sql(conn, "DROP DATABASE \"%s\" WITH (FORCE)", name);
    }
}

static void drop_tables(void)
{
    for (int i = 0; i < WHERES; i++) {
        AUTO_CONN struct pgx_conn *there = on_target(&bed.patients[i]);

        support_sql(there, "DROP TABLE public.events CASCADE");
    }
}

/* A small file system for the targets' events. Only root can mount one; there is no other way to make a
 * server answer 53100. */
static bool mount_small_disk(void)
{
    struct stat owner;
    char path[300];

    snprintf(path, sizeof path, "%s/small", support_temporary_dir());
    if (geteuid() != 0 || stat(cluster_data_dir(support_cluster("target", NULL)), &owner) != 0 ||
        (mkdir(path, 0700) != 0 && errno != EEXIST) || mount("tmpfs", path, "tmpfs", 0, "size=16m") != 0)
        return false;
    memcpy(bed.small_disk, path, sizeof path);
    assert_int_equal(chown(path, owner.st_uid, owner.st_gid), 0);
    return true;
}

static void fill_disk(void)
{
    static const char zeros[4096];
    char path[320];

    snprintf(path, sizeof path, "%s/filler", bed.small_disk);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static void empty_disk(void)
{
    char path[320];

    snprintf(path, sizeof path, "%s/filler", bed.small_disk);
    assert_int_equal(unlink(path), 0);
}

#define AWAY "target"
#define NO_DATABASE "does not exist"
#define NO_TABLE "events"
#define NO_SPACE "No space left"
static const struct outage stopped = {
    "stopped",
    stop_target,
    resume_target,
    {{TMV_SHOW_WAITING, AWAY}, {TMV_SHOW_WAITING, AWAY}, {TMV_SHOW_WAITING, AWAY}, {TMV_SHOW_WAITING, AWAY}}};
/* What preflight finds missing does not come back by itself. */
static const struct outage dropped = {"dropped",
                                      drop_databases,
                                      NULL,
                                      {{TMV_SHOW_ABORTED, NO_DATABASE},
                                       {TMV_SHOW_WAITING, NO_DATABASE},
                                       {TMV_SHOW_WAITING, NO_DATABASE},
                                       {TMV_SHOW_WAITING, NO_DATABASE}}};
static const struct outage table_dropped = {"table dropped",
                                            drop_tables,
                                            NULL,
                                            {{TMV_SHOW_ABORTED, NO_TABLE},
                                             {TMV_SHOW_PAUSED, NO_TABLE},
                                             {TMV_SHOW_PAUSED, NO_TABLE},
                                             {TMV_SHOW_PAUSED, NO_TABLE}}};
static const struct outage full = {"full",
                                   fill_disk,
                                   empty_disk,
                                   {{TMV_SHOW_WAITING, NO_SPACE},
                                    {TMV_SHOW_WAITING, NO_SPACE},
                                    {TMV_SHOW_WAITING, NO_SPACE},
                                    {TMV_SHOW_WAITING, NO_SPACE}}};

/* ---- the patients ---- */

static void start_engine(const char *name)
{
    const struct tmv_engine_options options = {.control_conninfo = bed.source.conninfo, .name = name};
    struct tmv_error err;

    assert_done(tmv_engine_start(&options, &bed.engine, &err), &err);
}

static void admit(struct patient *p, enum where where)
{
    struct tmv_error err;
    char id[32];

    p->tenant = tmv_uuid_random();
    tmv_uuid_format(&p->tenant, p->text);
    text_copy(p->name, 9, p->text);
    snprintf(id, sizeof id, "dedicated-%d", (int)where);
    support_store(support_cluster("target", NULL), id, false, &p->target);
    assert_done(tmv_store_add(bed.control, &p->target, &err), &err);
    assert_done(tmv_routing_register(bed.control, &p->tenant, bed.source.id, &err), &err);
    support_fill(bed.on_source, &p->tenant, where == IN_COPY ? 300 : 20, 10);
    if (bed.small_disk[0]) {
        AUTO_CONN struct pgx_conn *there = on_target(p);

        support_sql(there, "ALTER TABLE public.events SET TABLESPACE small");
    }
}

static void start(struct patient *p, enum where where)
{
    struct tmv_start_options options = {.tenant = p->tenant, .target = p->target.id};
    struct tmv_error err;

    tmv_settings_default(&options.settings);
    options.settings.cutover_max_lag_ms = 60000; /* a slow machine keeps these */
    options.settings.lock_budget_ms = 400;
    options.settings.drain_budget_ms = 10000;
    options.settings.cutover_timeout_ms = 60000;
    if (where == IN_COPY)
        options.settings.max_bulk_copy_rate = 40; /* it is at it for a minute */
    assert_done(tmv_start(bed.control, &options, &amy, &p->migration, &err), &err);
}

static struct tmv_migration look_at(const struct patient *p)
{
    struct tmv_snapshot *snapshot = NULL;
    struct tmv_migration found;
    struct tmv_error err;

    assert_done(tmv_snapshot_read(bed.control, &p->tenant, 10, &snapshot, &err), &err);
    assert_int_equal(snapshot->migration_count, 1);
    found = snapshot->migrations[0];
    tmv_snapshot_free(snapshot);
    return found;
}

/* A copy must have begun, a mirror be ready. */
static void wait_for_phase(const struct patient *p, enum tmv_phase phase)
{
    int64_t until = clock_now_us() + PATIENCE_US;
    struct tmv_migration now;

    for (;;) {
        now = look_at(p);
        if (now.phase == phase &&
            (phase == TMV_PHASE_BULK_COPY ? now.events_copied > 0 : now.show == TMV_SHOW_READY))
            return;
        if (clock_now_us() > until)
            fail_msg("%s instead of %s: \"%s\", step \"%s\", last error \"%s\"",
                     tmv_display_state_name(now.show), tmv_phase_name(phase), now.note, now.step,
                     now.last_error);
        stop_sleep(NULL, 20 * US_PER_MS);
    }
}

static void write_events(const struct patient *p)
{
    support_sql(
        bed.on_source,
        "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
        "version, timestamp, payload) SELECT gen_random_uuid(), gen_random_uuid(), 'Order', 'Changed', "
        "'%s', 1, now(), jsonb_build_object('note', repeat(md5(i::text), 40)) FROM "
        "generate_series(1, 200) i",
        p->text);
}

/* As an engine that dies between the beginning of a cutover and its decision leaves it. */
static void leave_in_cutover(const struct patient *p)
{
    char id[TMV_UUID_TEXT];

    tmv_uuid_format(&p->migration, id);
    support_sql(
        bed.on_source,
        "UPDATE public.tenant_migrations SET phase = 'cutover', cutover_started_at = now() WHERE id = "
        "'%s'; INSERT INTO tenantmv.cutover_attempt (migration_id, number, owner_epoch, rehearsal) "
        "SELECT '%s', 1, owner_epoch, false FROM tenantmv.lease WHERE migration_id = '%s'",
        id, id, id);
}

/* Its state, its cause, since when, and when it is tried next. */
static bool is_as_expected(const struct patient *p, const struct seen *seen, struct tmv_migration *ret_now)
{
    const struct tmv_migration m = look_at(p);
    const char *why = m.show == TMV_SHOW_ABORTED ? m.last_error : m.note;

    *ret_now = m;
    return m.show == seen->show && strstr(why, seen->cause);
}

static void wait_until_seen(struct patient *p, const struct outage *outage, enum where where)
{
    const struct seen *seen = &outage->seen[where];
    int64_t until = clock_now_us() + PATIENCE_US;
    struct tmv_migration now;

    while (!is_as_expected(p, seen, &now)) {
        if (clock_now_us() > until)
            fail_msg("%s, %s: %s instead of %s; note \"%s\", last error \"%s\", step \"%s\"", outage->name,
                     where_names[where], tmv_display_state_name(now.show), tmv_display_state_name(seen->show),
                     now.note, now.last_error, now.step);
        stop_sleep(NULL, 20 * US_PER_MS);
    }
    p->since_us = now.show == TMV_SHOW_PAUSED ? now.paused_at_us : now.waiting_since_us;
}

/* Over several tries: it never looks healthy in between, nor as if it had just begun. */
static void assert_steady(const struct outage *outage)
{
    struct tmv_migration now;

    for (int look = 0; look < 25; look++) {
        for (int i = 0; i < WHERES; i++) {
            struct patient *p = &bed.patients[i];

            if (!is_as_expected(p, &outage->seen[i], &now))
                fail_msg("%s, %s: it became %s: note \"%s\", step \"%s\"", outage->name, where_names[i],
                         tmv_display_state_name(now.show), now.note, now.step);
            if (now.show == TMV_SHOW_ABORTED)
                continue;
            int64_t since = now.show == TMV_SHOW_PAUSED ? now.paused_at_us : now.waiting_since_us;
            int64_t current = support_int(bed.on_source, "SELECT (extract(epoch FROM clock_timestamp()) * "
                                                         "1000000)::bigint");
            if (since != p->since_us || since < bed.begun_us || since > current)
                fail_msg("%s, %s: since %lld, before %lld, the outage began at %lld, now is %lld",
                         outage->name, where_names[i], (long long)since, (long long)p->since_us,
                         (long long)bed.begun_us, (long long)current);
            assert_true(now.show == TMV_SHOW_PAUSED ||
                        (now.next_try_at_us > since && now.next_try_at_us < current + LONGEST_TRY_US));
        }
        stop_sleep(NULL, 100 * US_PER_MS);
    }
}

/* ---- what is printed ---- */

#define CONTROL "--control", bed.source.conninfo

static void assert_status(const struct patient *p, const struct seen *seen)
{
    bool paused = seen->show == TMV_SHOW_PAUSED, waits = seen->show == TMV_SHOW_WAITING;
    struct outcome *o = expect(0, run("status", p->text, CONTROL));

    says(o->out, tmv_display_state_name(seen->show));
    says(o->out, seen->cause);
    if (waits || paused)
        says(o->out, waits ? "waiting           for " : "paused            for ");
    if (waits)
        says(o->out, ", next try ");
    cJSON *root = document(expect(0, run("status", p->text, "--json", CONTROL)));
    has_text(root, "migration", "state", tmv_display_state_name(seen->show));
    assert_int_equal(!cJSON_IsNull(at(root, "migration", "waiting_since")), waits);
    assert_int_equal(!cJSON_IsNull(at(root, "migration", "next_try_at")), waits);
    assert_int_equal(!cJSON_IsNull(at(root, "migration", "paused_at")), paused);
    cJSON_Delete(root);
}

static const cJSON *item_of(const cJSON *root, const char *list, const char *id)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, list))
    {
        if (strcmp(cJSON_GetObjectItem(item, "id")->valuestring, id) == 0)
            return item;
    }
    return NULL;
}

/* Of what has not ended: why it is not well, and as in `status` its state, and since when. */
static void assert_problem(const cJSON *root, const struct patient *p, const struct seen *seen)
{
    char id[TMV_UUID_TEXT];
    const cJSON *problem = item_of(root, "problems", tmv_uuid_format(&p->migration, id)),
                *m = item_of(root, "migrations", id);
    bool paused = seen->show == TMV_SHOW_PAUSED;

    assert_non_null(m);
    assert_string_equal(cJSON_GetObjectItem(m, "state")->valuestring, tmv_display_state_name(seen->show));
    assert_int_equal(!problem, seen->show == TMV_SHOW_ABORTED);
    if (!problem)
        return;
    assert_string_equal(cJSON_GetObjectItem(problem, "why")->valuestring,
                        paused ? "paused" : "its engine is retrying");
    assert_int_equal(!cJSON_IsNull(cJSON_GetObjectItem(m, "waiting_since")), !paused);
    assert_int_equal(!cJSON_IsNull(cJSON_GetObjectItem(m, "next_try_at")), !paused);
    assert_int_equal(!cJSON_IsNull(cJSON_GetObjectItem(m, "paused_at")), paused);
}

/* The monitoring check: one line of the tenant with state and cause, one with what is wrong since when. */
static void assert_once(const struct outage *outage)
{
    struct outcome *o = expect(1, run("watch", "--once", CONTROL));
    char line[100];

    for (int i = 0; i < WHERES; i++) {
        const struct seen *seen = &outage->seen[i];

        snprintf(line, sizeof line, "%s %s ", bed.patients[i].name, tmv_display_state_name(seen->show));
        says(o->out, line);
        if (seen->show == TMV_SHOW_ABORTED)
            continue;
        says(o->out, seen->cause);
        snprintf(line, sizeof line,
                 seen->show == TMV_SHOW_PAUSED ? "%s: paused for "
                                               : "%s: its engine is retrying, waiting for ",
                 bed.patients[i].name);
        says(o->out, line);
    }
    cJSON *root = document(expect(1, run("watch", "--once", "--json", CONTROL)));
    has_text(root, "health", NULL, "warning");
    for (int i = 0; i < WHERES; i++)
        assert_problem(root, &bed.patients[i], &outage->seen[i]);
    cJSON_Delete(root);
}

static const char *since_words(enum tmv_display_state show)
{
    return show == TMV_SHOW_PAUSED ? "(paused for " : show == TMV_SHOW_WAITING ? "(waiting for " : "";
}

/* Its row and, as its note may be wider than its cell, the whole of it under the table. */
static bool shows_in_fleet(struct pty *pty, const struct patient *p, const struct seen *seen)
{
    bool row = false;

    for (int i = 0; i < 40 && !row; i++)
        row = strstr(pty_row(pty, i), p->name) && strstr(pty_row(pty, i), tmv_display_state_name(seen->show));
    return row && pty_shows(pty, seen->cause) && pty_shows(pty, since_words(seen->show)) &&
           (seen->show != TMV_SHOW_WAITING || pty_shows(pty, ", next try "));
}

static bool shows_in_migration(struct pty *pty, const struct patient *p, const struct seen *seen)
{
    return pty_shows(pty, "generation ") && pty_shows(pty, p->text) &&
           pty_shows(pty, tmv_display_state_name(seen->show)) && pty_shows(pty, seen->cause) &&
           pty_shows(pty, since_words(seen->show)) &&
           (seen->show != TMV_SHOW_WAITING || pty_shows(pty, ", next try "));
}

static void wait_for_screen(struct pty *pty, const struct outage *outage, enum where where,
                            bool (*shows)(struct pty *, const struct patient *, const struct seen *))
{
    int64_t until = clock_now_us() + PATIENCE_US;

    while (!shows(pty, &bed.patients[where], &outage->seen[where])) {
        if (clock_now_us() > until) {
            for (int i = 0; i < 40; i++)
                print_message("%s\n", pty_row(pty, i));
            fail_msg("%s, %s: not on the screen above", outage->name, where_names[where]);
        }
        pty_settle(pty, 50);
    }
}

/* Each of them in the fleet, alone by a filter, and on its own screen: state, cause, since when, next try.
 * The screen is wide enough for the longest note. */
static void assert_console(const struct outage *outage)
{
    const char *argv[] = {getenv("TENANTMV_PROGRAM"), "watch", CONTROL, NULL};
    struct pty_options options = {argv, NULL, 300, 40};
    struct pty *pty = pty_start(&options);

    for (int i = 0; i < WHERES; i++) {
        pty_wait_text(pty, bed.patients[i].name);
        pty_send(pty, "/");
        pty_send(pty, bed.patients[i].name);
        pty_send(pty, "\r");
        pty_wait_text(pty, "1 of 4");
        wait_for_screen(pty, outage, (enum where)i, shows_in_fleet);
        pty_send(pty, "\r");
        wait_for_screen(pty, outage, (enum where)i, shows_in_migration);
        pty_send(pty, "1");
        pty_wait_text(pty, "1 of 4");
        pty_send_alone(pty, "\033");
        pty_wait_text(pty, "4 of 4");
    }
    pty_free(pty);
}

/* ---- abort ---- */

static void abort_move(struct patient *p, const struct outage *outage, enum where where)
{
    const struct tmv_request request = {
        .operation = TMV_OP_ABORT, .migration = p->migration, .reason = outage->name};
    struct tmv_command_info info = {0};
    struct tmv_uuid id;
    struct tmv_error err;
    int64_t until = clock_now_us() + PATIENCE_US;

    if (outage->seen[where].show != TMV_SHOW_ABORTED) {
        assert_done(tmv_request(bed.control, &request, &amy, &id, &err), &err);
        do {
            assert_true(clock_now_us() < until);
            stop_sleep(NULL, 20 * US_PER_MS);
            assert_done(tmv_command_get(bed.control, &id, &info, &err), &err);
        } while (info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING);
        if (info.state != TMV_COMMAND_DONE)
            fail_msg("%s, %s: %s: %s", outage->name, where_names[where], tmv_command_state_name(info.state),
                     info.outcome);
    }
    assert_done(move_insert(bed.on_source, &p->tenant, 900 + (int)where, 1, &err), &err);
    assert_int_equal(support_int(bed.on_source,
                                 "SELECT count(*) FROM public.tenant_routing WHERE tenant_id = '%s' AND "
                                 "migration_state = 'normal' AND active_migration_id IS NULL",
                                 p->text),
                     1);
}

static void assert_source_is_free(void)
{
    assert_int_equal(support_int(bed.on_source,
                                 "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' "
                                 "AND tgname <> '~tenantmv_truncate'"),
                     0);
    assert_int_equal(support_int(bed.on_source, "SELECT count(*) FROM tenantmv.fence"), 0);
    assert_int_equal(support_int(bed.on_source,
                                 "SELECT count(*) FROM tenantmv.ledger WHERE done_at IS NULL AND "
                                 "store = 'source'"),
                     0);
}

/* When it is back, what was left there goes by itself. */
static void assert_target_is_cleaned(void)
{
    support_wait_until(bed.on_source,
                       "SELECT NOT EXISTS (SELECT FROM tenantmv.ledger WHERE done_at IS NULL)");
    for (int i = 0; i < WHERES; i++) {
        AUTO_CONN struct pgx_conn *there = on_target(&bed.patients[i]);

        assert_int_equal(support_int(there, "SELECT count(*) FROM public.events"), 0);
    }
}

/* ---- one outage ---- */

static void admit_all(void)
{
    struct tmv_error err;

    support_store(support_cluster("source", NULL), "shared", false, &bed.source);
    assert_done(tmv_control_init(bed.source.conninfo, &err), &err);
    assert_done(tmv_control_open(bed.source.conninfo, &bed.control, &err), &err);
    assert_done(tmv_store_add(bed.control, &bed.source, &err), &err);
    bed.on_source = support_connect(bed.source.conninfo);
    for (int i = 0; i < WHERES; i++)
        admit(&bed.patients[i], (enum where)i);
    start_engine("first");
    for (int i = IN_COPY; i < WHERES; i++)
        start(&bed.patients[i], (enum where)i);
    wait_for_phase(&bed.patients[IN_COPY], TMV_PHASE_BULK_COPY);
    wait_for_phase(&bed.patients[IN_DUAL_WRITE], TMV_PHASE_DUAL_WRITE);
    wait_for_phase(&bed.patients[IN_CUTOVER], TMV_PHASE_DUAL_WRITE);
}

/* The cutover's engine dies; the next one finds what it left and the outage. The others waited before, and
 * another engine does not begin their time anew. */
static void change_engines(void)
{
    tmv_engine_stop(TAKE(bed.engine));
    leave_in_cutover(&bed.patients[IN_CUTOVER]);
    start_engine("second");
    support_wait_until(bed.on_source,
                       "SELECT count(*) = 0 FROM public.tenant_migrations WHERE phase = 'cutover'");
    support_wait_until(bed.on_source, "SELECT count(*) = 1 FROM tenantmv.cutover_attempt WHERE outcome = "
                                      "'rolled_back' AND reason LIKE 'the engine that ran it %%'");
    support_wait_until(bed.on_source,
                       "SELECT count(*) = 0 FROM tenantmv.lease l JOIN public.tenant_migrations m ON m.id = "
                       "l.migration_id WHERE l.engine_name <> 'second' AND m.phase <> 'aborted'");
}

static void end_outage(void)
{
    void (*end)(void) = bed.end;

    bed.end = NULL;
    if (end)
        end();
}

static void suffer(const struct outage *outage)
{
    admit_all();
    bed.begun_us =
        support_int(bed.on_source, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint");
    outage->begin();
    bed.end = outage->end;
    for (int i = 0; i < WHERES; i++)
        write_events(&bed.patients[i]);
    start(&bed.patients[IN_PENDING], IN_PENDING);
    for (int i = 0; i < WHERES; i++)
        wait_until_seen(&bed.patients[i], outage, (enum where)i);
    change_engines();
    for (int i = 0; i < WHERES; i++) {
        int64_t since = bed.patients[i].since_us;

        wait_until_seen(&bed.patients[i], outage, (enum where)i);
        if (bed.patients[i].since_us != since)
            fail_msg("%s, %s: another engine says since %lld, the first one %lld", outage->name,
                     where_names[i], (long long)bed.patients[i].since_us, (long long)since);
    }
    assert_steady(outage);
    for (int i = 0; i < WHERES; i++)
        assert_status(&bed.patients[i], &outage->seen[i]);
    assert_once(outage);
    assert_console(outage);
    for (int i = 0; i < WHERES; i++)
        abort_move(&bed.patients[i], outage, (enum where)i);
    assert_source_is_free();
    if (!outage->end)
        return;
    end_outage();
    assert_target_is_cleaned();
}

static int discharge(void **state)
{
    (void)state;
    end_outage();
    tmv_engine_stop(TAKE(bed.engine));
    tmv_control_close(TAKE(bed.control));
    pgx_close(TAKE(bed.on_source));
    return 0;
}

static void says_that_the_target_is_stopped_and_frees_the_source(void **state)
{
    (void)state;
    suffer(&stopped);
}

static void says_that_the_target_was_dropped_and_frees_the_source(void **state)
{
    (void)state;
    suffer(&dropped);
}

static void says_that_the_targets_table_was_dropped_and_frees_the_source(void **state)
{
    (void)state;
    suffer(&table_dropped);
}

static void says_that_the_target_is_full_and_frees_the_source(void **state)
{
    char conninfo[CLUSTER_CONNINFO_MAX];

    (void)state;
    if (!mount_small_disk()) {
        print_message("a small file system can only be mounted by root\n");
        skip();
    }
    support_database(support_cluster("target", NULL), conninfo);
    AUTO_CONN struct pgx_conn *conn = support_connect(conninfo);
    support_sql(conn, "CREATE TABLESPACE small LOCATION '%s'", bed.small_disk);
    suffer(&full);
}

static int tear_down(void **state)
{
    int result = support_teardown(state);

    if (bed.small_disk[0])
        umount2(bed.small_disk, MNT_DETACH);
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(says_that_the_target_is_stopped_and_frees_the_source, discharge),
        cmocka_unit_test_teardown(says_that_the_target_was_dropped_and_frees_the_source, discharge),
        cmocka_unit_test_teardown(says_that_the_targets_table_was_dropped_and_frees_the_source, discharge),
        cmocka_unit_test_teardown(says_that_the_target_is_full_and_frees_the_source, discharge),
    };

    return cmocka_run_group_tests(tests, support_setup, tear_down);
}
