/* The webhook against a real HTTP server on the loopback address. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/stop.h"
#include "observe/webhook.h"
#include "support/http_server.h"

static const int always_ok[] = {200, 0};

static struct webhook *start(const struct http_server *server)
{
    struct tmv_error err = {0};
    struct webhook *webhook = NULL;
    char url[100];

    snprintf(url, sizeof url, "http://127.0.0.1:%d/hook?key=secret", http_server_port(server));
    if (!webhook_start(url, &webhook, &err))
        fail_msg("%s", err.message);
    return webhook;
}

/* Polls until the webhook has given up or delivered so many messages. */
static struct webhook_stats wait_settled(struct webhook *webhook, int64_t count)
{
    struct webhook_stats stats;

    for (int i = 0; i < 3000; i++) {
        webhook_get_stats(webhook, &stats);
        if (stats.delivered + stats.failed >= count)
            return stats;
        stop_sleep(NULL, 10000);
    }
    fail_msg("%lld messages settled", (long long)(stats.delivered + stats.failed));
    return stats;
}

static void posts_json_in_order(void **state)
{
    struct http_server *server = http_server_start(always_ok, NULL);
    struct webhook *webhook = start(server);

    (void)state;
    webhook_post(webhook, "{\"phase\":\"bulk_copy\"}");
    webhook_post(webhook, "{\"phase\":\"dual_write\"}");
    http_server_wait(server, 2);
    assert_string_equal(http_server_body(server, 0), "{\"phase\":\"bulk_copy\"}");
    assert_string_equal(http_server_body(server, 1), "{\"phase\":\"dual_write\"}");
    assert_non_null(strstr(http_server_head(server, 0), "POST /hook?key=secret HTTP/1.1"));
    assert_non_null(strstr(http_server_head(server, 0), "Content-Type: application/json"));
    webhook_stop(webhook);
    http_server_stop(server);
}

static void repeats_what_a_busy_server_refuses(void **state)
{
    static const int busy_first[] = {503, -1, 200, 0};
    struct http_server *server = http_server_start(busy_first, NULL);
    struct webhook *webhook = start(server);
    struct webhook_stats stats;

    (void)state;
    webhook_post(webhook, "{}");
    stats = wait_settled(webhook, 1);
    assert_int_equal(stats.delivered, 1);
    assert_int_equal(stats.attempts, 3);
    assert_int_equal(http_server_count(server), 3);
    webhook_stop(webhook);
    http_server_stop(server);
}

static void gives_up_after_four_tries_and_goes_on_with_the_next(void **state)
{
    static const int four_times_away[] = {500, 500, 500, 500, 200, 0};
    struct http_server *server = http_server_start(four_times_away, NULL);
    struct webhook *webhook = start(server);
    struct webhook_stats stats;

    (void)state;
    webhook_post(webhook, "1");
    webhook_post(webhook, "2");
    stats = wait_settled(webhook, 2);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.delivered, 1);
    assert_string_equal(http_server_body(server, 3), "1");
    assert_string_equal(http_server_body(server, 4), "2");
    webhook_stop(webhook);
    http_server_stop(server);
}

static void does_not_repeat_what_the_server_rejects(void **state)
{
    static const int rejects[] = {404, 0};
    struct http_server *server = http_server_start(rejects, NULL);
    struct webhook *webhook = start(server);
    struct webhook_stats stats;

    (void)state;
    webhook_post(webhook, "{}");
    stats = wait_settled(webhook, 1);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(http_server_count(server), 1);
    webhook_stop(webhook);
    http_server_stop(server);
}

static void follows_no_redirect(void **state)
{
    static const int moved[] = {302, 0};
    struct http_server *elsewhere = http_server_start(always_ok, NULL);
    char location[100];
    struct webhook_stats stats;

    (void)state;
    snprintf(location, sizeof location, "http://127.0.0.1:%d/", http_server_port(elsewhere));
    struct http_server *server = http_server_start(moved, location);
    struct webhook *webhook = start(server);
    webhook_post(webhook, "{}");
    stats = wait_settled(webhook, 1);
    assert_int_equal(stats.failed, 1);
    webhook_stop(webhook);
    assert_int_equal(http_server_count(server), 1);
    assert_int_equal(http_server_count(elsewhere), 0);
    http_server_stop(server);
    http_server_stop(elsewhere);
}

static void drops_the_oldest_when_the_server_hangs(void **state)
{
    static const int silent[] = {-2, 0};
    struct http_server *server = http_server_start(silent, NULL);
    struct webhook *webhook = start(server);
    struct webhook_stats stats;

    (void)state;
    webhook_post(webhook, "first");
    http_server_wait(server, 1); /* the thread hangs in this one */
    for (int i = 0; i < WEBHOOK_QUEUE_MAX + 5; i++)
        webhook_post(webhook, "{}");
    webhook_get_stats(webhook, &stats);
    assert_int_equal(stats.dropped, 5);
    webhook_stop(webhook); /* does not wait for the silent server */
    http_server_stop(server);
}

static void sends_what_waits_before_it_stops(void **state)
{
    struct http_server *server = http_server_start(always_ok, NULL);
    struct webhook *webhook = start(server);

    (void)state;
    for (int i = 0; i < 20; i++)
        webhook_post(webhook, "{}");
    webhook_stop(webhook);
    assert_int_equal(http_server_count(server), 20);
    http_server_stop(server);
}

static void drops_a_message_that_is_too_long(void **state)
{
    static char huge[WEBHOOK_MESSAGE_MAX + 2];
    struct http_server *server = http_server_start(always_ok, NULL);
    struct webhook *webhook = start(server);
    struct webhook_stats stats;

    (void)state;
    memset(huge, ' ', sizeof huge - 1);
    webhook_post(webhook, huge);
    webhook_get_stats(webhook, &stats);
    assert_int_equal(stats.dropped, 1);
    webhook_stop(webhook);
    assert_int_equal(http_server_count(server), 0);
    http_server_stop(server);
}

static void refuses_what_is_not_an_http_address(void **state)
{
    static const char *const bad[] = {"",        "nonsense",   "ftp://127.0.0.1/", "file:///etc/passwd",
                                      "http://", "gopher://x/"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tmv_error err = {0};
        struct webhook *webhook = NULL;

        assert_false(webhook_start(bad[i], &webhook, &err));
        assert_int_equal(err.code, TMV_ERR_USAGE);
        assert_null(webhook);
    }
}

static void nobody_listens(void **state)
{
    struct http_server *server = http_server_start(always_ok, NULL);
    struct webhook *webhook = start(server);
    struct webhook_stats stats;

    (void)state;
    http_server_stop(server);
    webhook_post(webhook, "{}");
    stats = wait_settled(webhook, 1);
    assert_int_equal(stats.failed, 1);
    assert_int_equal(stats.attempts, 4);
    webhook_stop(webhook);
    webhook_post(NULL, "{}");
    webhook_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_json_in_order),
        cmocka_unit_test(repeats_what_a_busy_server_refuses),
        cmocka_unit_test(gives_up_after_four_tries_and_goes_on_with_the_next),
        cmocka_unit_test(does_not_repeat_what_the_server_rejects),
        cmocka_unit_test(follows_no_redirect),
        cmocka_unit_test(drops_the_oldest_when_the_server_hangs),
        cmocka_unit_test(sends_what_waits_before_it_stops),
        cmocka_unit_test(drops_a_message_that_is_too_long),
        cmocka_unit_test(refuses_what_is_not_an_http_address),
        cmocka_unit_test(nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
