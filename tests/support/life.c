#include "test.h"

#include "support/life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"

struct life l;
const struct tmv_actor amy = {.name = "amy", .from = "test"};

void life_start_engine_with_webhook(const char *url)
{
    const struct tmv_engine_options options = {
        .control_conninfo = l.control, .name = "test", .webhook_url = url};
    struct tmv_error err;

    assert_done(tmv_engine_start(&options, &l.engine, &err), &err);
}

void life_start_engine(void)
{
    life_start_engine_with_webhook(NULL);
}

void life_stop_engine(void)
{
    tmv_engine_stop(TAKE(l.engine));
}

static void prepare(const char *target_server, bool control_elsewhere, bool partitioned,
                    bool target_partitioned)
{
    struct tmv_error err;

    memset(&l, 0, sizeof l);
    support_store(support_cluster("source", NULL), "shared", partitioned, &l.source);
    support_store(support_cluster(target_server, NULL), "dedicated", target_partitioned, &l.target);
    text_copy(l.control, sizeof l.control, l.source.conninfo);
    if (control_elsewhere)
        support_database(support_cluster("target", NULL), l.control);
    tmv_settings_default(&l.settings);
    l.settings.cutover_max_lag_ms = 60000;
    l.settings.lock_budget_ms = 400;
    l.settings.drain_budget_ms = 10000;
    l.settings.cutover_timeout_ms = 60000;
    l.tenant = tmv_uuid_random();
    tmv_uuid_format(&l.tenant, l.tenant_text);
    assert_done(tmv_control_init(l.control, &err), &err);
    assert_done(tmv_control_open(l.control, &l.handle, &err), &err);
    assert_done(tmv_store_add(l.handle, &l.source, &err), &err);
    assert_done(tmv_store_add(l.handle, &l.target, &err), &err);
    assert_done(tmv_routing_register(l.handle, &l.tenant, l.source.id, &err), &err);
    l.on_control = support_connect(l.control);
    l.on_source = support_connect(l.source.conninfo);
    l.on_target = support_connect(l.target.conninfo);
    support_fill(l.on_source, &l.tenant, HISTORY / 10, 10);
    const struct tmv_uuid other = tmv_uuid_random();
    support_fill(l.on_source, &other, 5, 10);
}

void life_prepare(bool control_elsewhere, bool partitioned)
{
    prepare("target", control_elsewhere, partitioned, false);
}

void life_prepare_partitioned(void)
{
    static const char until_2030[] =
        "ALTER TABLE public.events DETACH PARTITION public.events_new; ALTER TABLE public.events ATTACH "
        "PARTITION public.events_new FOR VALUES FROM ('2026-01-01') TO ('2030-01-01')";

    prepare("target", false, true, true);
    support_sql(l.on_source, "%s", until_2030);
    support_sql(l.on_target, "%s", until_2030);
}

bool life_begin(struct tmv_error *err)
{
    struct tmv_start_options options = {.tenant = l.tenant, .target = l.target.id, .settings = l.settings};

    return tmv_start(l.handle, &options, &amy, &l.migration, err);
}

/* Polls a condition on the migration's rows; shows what stands there when it does not come true. */
void life_wait_for(const char *condition)
{
    char id[TMV_UUID_TEXT];
    int64_t until = clock_now_us() + 90 * US_PER_S;

    tmv_uuid_format(&l.migration, id);
    while (!support_int(
        l.on_control,
        "SELECT count(*) FROM public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = "
        "m.id LEFT JOIN tenantmv.lease l ON l.migration_id = m.id WHERE m.id = '%s' AND (%s)",
        id, condition)) {
        if (clock_now_us() > until) {
            AUTO_FREE char *now =
                support_text(l.on_control,
                             "SELECT format('%%s paused=%%s step=%%s note=%%s error=%%s gates=%%s', m.phase, "
                             "m.is_paused, s.step, s.note, m.last_error, s.gates) FROM "
                             "public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = "
                             "m.id WHERE m.id = '%s'",
                             id);
            fail_msg("%s did not come true; %s", condition, now);
        }
        stop_sleep(NULL, 20 * US_PER_MS);
    }
}

void life_begin_and_wait_until_ready(void)
{
    struct tmv_error err;

    assert_done(life_begin(&err), &err);
    if (!l.engine)
        life_start_engine();
    life_wait_for("m.phase = 'dual_write' AND s.ready");
}

/* Asks for an operation and waits for its outcome. */
struct tmv_command_info life_ask(enum tmv_operation operation, const char *reason)
{
    const struct tmv_request request = {.operation = operation, .migration = l.migration, .reason = reason};

    return life_ask_for(&request);
}

struct tmv_command_info life_ask_for(const struct tmv_request *request)
{
    struct tmv_command_info info = {0};
    struct tmv_uuid id;
    struct tmv_error err;
    int64_t until = clock_now_us() + 90 * US_PER_S;

    /* An engine that was just started has no lease yet, and has not looked at the gates. */
    while (!tmv_request(l.handle, request, &amy, &id, &err)) {
        bool early = strstr(err.message, "no engine runs") ||
                     strstr(err.message, "gates of the cutover are not known");

        if (!early || clock_now_us() >= until)
            assert_done(false, &err);
        stop_sleep(NULL, 10 * US_PER_MS);
    }
    do {
        assert_true(clock_now_us() < until);
        stop_sleep(NULL, 10 * US_PER_MS);
        assert_done(tmv_command_get(l.handle, &id, &info, &err), &err);
    } while (info.state == TMV_COMMAND_REQUESTED || info.state == TMV_COMMAND_RUNNING);
    return info;
}

void life_expect(struct tmv_command_info got, enum tmv_command_state state, const char *words)
{
    if (got.state != state || !strstr(got.outcome, words))
        fail_msg("%s: %s (expected %s with \"%s\")", tmv_command_state_name(got.state), got.outcome,
                 tmv_command_state_name(state), words);
}

int64_t life_count(struct pgx_conn *conn)
{
    return support_int(conn, "SELECT count(*) FROM public.events WHERE tenant_id = '%s'", l.tenant_text);
}

static void assert_same_events(void)
{
    struct tmv_verify_report report;
    struct tmv_error err;

    const struct tmv_verify_options options = {
        .source = &l.source, .target = &l.target, .tenant = l.tenant, .level = TMV_VERIFY_HASH};
    assert_done(tmv_verify_stores(&options, &report, &err), &err);
    assert_true(report.consistent);
    assert_int_equal(report.events_source, report.events_target);
}

void life_assert_one_audit_row(const char *event_type)
{
    char id[TMV_UUID_TEXT];
    int64_t broken = -1;
    struct tmv_error err;

    tmv_uuid_format(&l.migration, id);
    assert_int_equal(
        support_int(
            l.on_control,
            "SELECT count(*) FROM public.migration_audit_log WHERE migration_id = '%s' AND event_type = "
            "'%s'",
            id, event_type),
        1);
    assert_done(tmv_audit_verify(l.handle, &l.migration, &broken, &err), &err);
    assert_int_equal(broken, 0);
}

/* Once what follows the decision is done, the figures are those of the decision, and there are no gates. What
 * moved is counted right after that. */
static void assert_final_figures(void)
{
    char id[TMV_UUID_TEXT];

    tmv_uuid_format(&l.migration, id);
    support_wait_until(l.on_control,
                       "SELECT NOT unsettled FROM tenantmv.migration_state WHERE migration_id = '%s'", id);
    support_wait_until(l.on_control,
                       "SELECT events_copied = %lld FROM public.tenant_migrations WHERE id = '%s'",
                       (long long)life_count(l.on_target), id);
    assert_int_equal(
        support_int(l.on_control, "SELECT watermark FROM tenantmv.migration_state WHERE migration_id = '%s'",
                    id),
        support_int(l.on_target, "SELECT watermark FROM tenantmv.applied WHERE migration_id = '%s'", id));
    assert_int_equal(
        support_int(
            l.on_control,
            "SELECT count(*) FROM tenantmv.migration_state s JOIN public.tenant_migrations m ON m.id = "
            "s.migration_id WHERE m.id = '%s' AND s.gates = '[]' AND NOT s.ready AND (s.measured ->> "
            "'watermark')::bigint > extract(epoch FROM m.completed_at) * 1000000",
            id),
        1);
}

void life_assert_moved(void)
{
    struct tmv_error err;
    AUTO_FREE char *route = support_text(
        l.on_control,
        "SELECT store_id || ' ' || migration_state || ' ' || coalesce(active_migration_id::text, '-') FROM "
        "public.tenant_routing WHERE tenant_id = '%s'",
        l.tenant_text);

    assert_string_equal(route, "dedicated migrated -");
    assert_same_events();
    assert_final_figures();
    assert_fails(move_insert(l.on_source, &l.tenant, 900, 1, &err), &err, TMV_ERR_MOVED);
    assert_done(move_insert(l.on_target, &l.tenant, 900, 1, &err), &err);
    assert_true(support_int(l.on_target, "SELECT max(global_position) FROM public.events") >
                support_int(l.on_source,
                            "SELECT max(global_position) FROM public.events WHERE tenant_id = '%s'",
                            l.tenant_text));
    life_assert_one_audit_row("migration_completed");
    life_assert_one_audit_row("cutover_completed");
}

void life_assert_source_as_it_was(void)
{
    assert_int_equal(
        support_int(l.on_source,
                    "SELECT count(*) FROM pg_trigger WHERE tgname LIKE '~tenantmv%%' AND tgname <> "
                    "'~tenantmv_truncate'"),
        0);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM tenantmv.fence"), 0);
    assert_int_equal(support_int(l.on_control, "SELECT count(*) FROM tenantmv.ledger WHERE done_at IS NULL"),
                     0);
    assert_int_equal(support_int(l.on_source, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"),
                     0);
    assert_true(life_count(l.on_source) >= HISTORY);
}

void life_release(void)
{
    life_stop_engine();
    tmv_control_close(TAKE(l.handle));
    pgx_close(TAKE(l.on_control));
    pgx_close(TAKE(l.on_source));
    pgx_close(TAKE(l.on_target));
}

int life_plain(void **state)
{
    (void)state;
    life_prepare(false, false);
    return 0;
}

int life_on_one_server(void **state)
{
    (void)state;
    prepare("source", false, false, false);
    return 0;
}

int life_with_control_elsewhere(void **state)
{
    (void)state;
    life_prepare(true, false);
    return 0;
}

int life_done(void **state)
{
    (void)state;
    life_release();
    return 0;
}
