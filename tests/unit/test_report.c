#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo/report.h"

static struct demo_report *clean_report(void)
{
    struct demo_report *r = calloc(1, sizeof *r);
    struct tmv_error err;

    assert_non_null(r);
    for (int i = 1; i <= 20; i++) {
        struct report_cutover cutover = {
            .attempt = {.number = i, .outcome = TMV_ATTEMPT_COMPLETED, .pause_us = 4000},
            .writer_gap_us = 21000 - i * 1000,
            .quiet_gap_us = 4000 + i};
        assert_true(report_add_cutover(r, &cutover, &err));
    }
    r->wanted = r->completed = 20;
    r->checked = r->consistent = true;
    r->events_total = INT64_C(9007199254740993); /* a double cannot hold it */
    r->copied_events = 1000000;
    r->copy_us = 20000000;
    return r;
}

static void drop(struct demo_report *r)
{
    report_release(r);
    free(r);
}

/* As text, because the order of the members and the form of the numbers matter to whoever reads it by eye. */
static void prints_the_members_in_the_promised_order(void **state)
{
    static const char *const members[] = {"version",       "events_total",        "copy_events_per_second",
                                          "copy_seconds",  "mirror_lag_ms",       "cutovers",
                                          "writer_gap_us", "writes_acknowledged", "writes_failed",
                                          "events_lost",   "events_duplicated",   "events_out_of_order",
                                          "verification",  "peak_rss_kib",        "quiet_gap_us"};
    struct demo_report *r = clean_report();
    cJSON *object = cJSON_CreateObject();
    const cJSON *item;
    size_t i = 0;
    char *text;

    (void)state;
    report_to_json(r, object);
    cJSON_ArrayForEach(item, object)
    {
        assert_in_range(i, 0, sizeof members / sizeof *members - 1);
        assert_string_equal(item->string, members[i++]);
    }
    assert_int_equal(i, sizeof members / sizeof *members);
    text = cJSON_PrintUnformatted(object);
    assert_non_null(strstr(text, "\"events_total\":9007199254740993,"));
    assert_non_null(strstr(text, "\"copy_events_per_second\":50000,\"copy_seconds\":20.000,"));
    assert_non_null(strstr(text, "\"writer_gap_us\":{\"p50\":10000,\"p99\":20000,\"max\":20000}"));
    assert_non_null(strstr(text, "\"quiet_gap_us\":{\"p50\":4010,\"p99\":4020,\"max\":4020}"));
    assert_non_null(strstr(text, "\"drained_events\":0,\"quiet_gap_us\":4001}"));
    assert_non_null(strstr(text, "\"verification\":{\"level\":\"hash\",\"consistent\":true,"));
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(object, "cutovers")), 20);
    cJSON_free(text);
    cJSON_Delete(object);
    drop(r);
}

static void is_clean_only_without_any_blemish(void **state)
{
    struct demo_report *r = clean_report();
    int64_t *const counts[] = {&r->lost, &r->duplicated, &r->out_of_order, &r->writes_failed};

    (void)state;
    assert_true(report_is_clean(r));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        *counts[i] = 1;
        assert_false(report_is_clean(r));
        *counts[i] = 0;
    }
    r->completed--;
    assert_false(report_is_clean(r));
    r->completed++;
    r->consistent = false;
    assert_false(report_is_clean(r));
    r->consistent = true;
    r->checked = false;
    assert_false(report_is_clean(r));
    r->checked = true;
    strcpy(r->problem, "a migration failed");
    assert_false(report_is_clean(r));
    drop(r);
}

static void reports_no_cutover_as_zero(void **state)
{
    struct demo_report r = {0};
    cJSON *object = cJSON_CreateObject();

    (void)state;
    report_to_json(&r, object);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(object, "cutovers")), 0);
    assert_string_equal(cJSON_GetObjectItem(object, "copy_events_per_second")->valuestring, "0");
    cJSON_Delete(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_the_members_in_the_promised_order),
        cmocka_unit_test(is_clean_only_without_any_blemish),
        cmocka_unit_test(reports_no_cutover_as_zero),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
