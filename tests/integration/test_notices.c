/* What an engine tells others of a migration: every move of its life, once, as the audit has it. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "support/http_server.h"
#include "support/life.h"
#include "support/move.h"

static const int always_ok[] = {200, 0};
static struct http_server *server;

static void start_engine(void)
{
    char url[100];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/", http_server_port(server));
    life_start_engine_with_webhook(url);
}

static int with_control_elsewhere(void **state)
{
    server = http_server_start(always_ok, NULL);
    return life_with_control_elsewhere(state);
}

static int with_control_in_the_source(void **state)
{
    server = http_server_start(always_ok, NULL);
    return life_plain(state);
}

static int done(void **state)
{
    int result = life_done(state);

    http_server_stop(TAKE(server));
    return result;
}

/* A notice as one line: the event, where it led, who asked, and why. */
static char *line_of(const char *body)
{
    AUTO(json) cJSON *o = cJSON_Parse(body);
    AUTO(buf) struct buf text = BUF_INIT(2000);
    const char *who = cJSON_GetStringValue(cJSON_GetObjectItem(o, "operator"));
    const char *why = cJSON_GetStringValue(cJSON_GetObjectItem(o, "reason"));

    assert_non_null(o);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "tenant_id")), l.tenant_text);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(o, "engine")), "test");
    assert_int_equal(strlen(cJSON_GetStringValue(cJSON_GetObjectItem(o, "occurred_at"))), 20);
    buf_printf(&text, "%s %s>%s by %s: %s", cJSON_GetStringValue(cJSON_GetObjectItem(o, "event")),
               cJSON_GetStringValue(cJSON_GetObjectItem(o, "old_phase")),
               cJSON_GetStringValue(cJSON_GetObjectItem(o, "new_phase")), who ? who : "-", why ? why : "-");
    return strdup(buf_text(&text));
}

/* The next notice begins so and contains that. */
static void expect(size_t *at, const char *begin, const char *part)
{
    http_server_wait(server, *at + 1);
    AUTO_FREE char *line = line_of(http_server_body(server, (*at)++));

    if (strncmp(line, begin, strlen(begin)) != 0 || !strstr(line, part))
        fail_msg("notice %zu is '%s', not '%s … %s'", *at, line, begin, part);
}

static void be_in_the_way_of_a_cutover(void)
{
    struct tmv_error err;
    AUTO_CONN struct pgx_conn *writer = support_connect(l.source.conninfo);

    support_sql(writer, "BEGIN");
    assert_done(move_insert(writer, &l.tenant, 1, 1, &err), &err);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_FAILED, "");
    support_sql(writer, "ROLLBACK");
}

static void tells_every_move_once(void **state)
{
    size_t at = 0;

    (void)state;
    start_engine();
    life_begin_and_wait_until_ready();
    expect(&at, "phase_changed pending>bulk_copy by -", "");
    expect(&at, "phase_changed bulk_copy>dual_write by -", "");
    life_expect(life_ask(TMV_OP_PAUSE, "lunch"), TMV_COMMAND_DONE, "paused");
    expect(&at, "migration_paused dual_write>dual_write by amy", "lunch");
    life_expect(life_ask(TMV_OP_RESUME, NULL), TMV_COMMAND_DONE, "resumed");
    expect(&at, "migration_resumed dual_write>dual_write by amy", "");
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    be_in_the_way_of_a_cutover();
    expect(&at, "cutover_initiated dual_write>cutover by amy", "");
    expect(&at, "cutover_rolled_back cutover>dual_write by amy", "a transaction of the tenant is in the way");
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    expect(&at, "cutover_initiated dual_write>cutover by amy", "");
    expect(&at, "migration_completed cutover>completed by amy", "");
    life_stop_engine(); /* it sends what waits */
    assert_int_equal(http_server_count(server), at);
}

static void tells_an_error_and_an_abort(void **state)
{
    size_t at = 2;

    (void)state;
    start_engine();
    life_begin_and_wait_until_ready();
    support_sql(l.on_target, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                             "current_database() AND application_name <> 'tenantmv/test'");
    expect(&at, "error_occurred dual_write>dual_write by -", "");
    life_wait_for("m.phase = 'dual_write' AND s.ready");
    life_expect(life_ask(TMV_OP_ABORT, "not today"), TMV_COMMAND_DONE, "aborted");
    http_server_wait(server, at + 1);
    while (strstr(http_server_body(server, at), "error_occurred"))
        http_server_wait(server, ++at + 1); /* one for each session that noticed */
    expect(&at, "migration_aborted dual_write>aborted by amy", "not today");
}

/* What is changed underneath so that the move can only be aborted: told once, as it is audited once. */
static void tells_that_a_move_is_void(void **state)
{
    size_t at = 2;

    (void)state;
    start_engine();
    life_begin_and_wait_until_ready();
    support_sql(l.on_source, "SELECT setval('public.events_global_position_seq', 100000); ALTER SEQUENCE "
                             "public.events_global_position_seq INCREMENT 5");
    expect(&at, "error_occurred dual_write>dual_write by -", "the move is void");
    life_wait_for("m.error_count = 1 AND s.note <> ''");
    life_expect(life_ask(TMV_OP_ABORT, "start again"), TMV_COMMAND_DONE, "aborted");
    expect(&at, "migration_aborted dual_write>aborted by amy", "start again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tells_every_move_once, with_control_in_the_source, done),
        cmocka_unit_test_setup_teardown(tells_every_move_once, with_control_elsewhere, done),
        cmocka_unit_test_setup_teardown(tells_an_error_and_an_abort, with_control_in_the_source, done),
        cmocka_unit_test_setup_teardown(tells_that_a_move_is_void, with_control_in_the_source, done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
