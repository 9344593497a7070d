/* Settings: their round trip through JSON, and every bad value named. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "control/migration/settings.h"
#include "support/json_keys.h"

static void round_trips_the_defaults(void **state)
{
    struct tmv_settings settings;
    struct tmv_settings back;
    struct tmv_error err = {0};

    (void)state;
    tmv_settings_default(&settings);
    AUTO_FREE char *json = tmv_settings_to_json(&settings);
    assert_non_null(json);
    memset(&back, 0xff, sizeof back);
    assert_true(tmv_settings_from_json(json, &back, &err));
    assert_int_equal(back.batch_size, 0);
    assert_int_equal(back.max_bulk_copy_rate, 0);
    assert_int_equal(back.cutover_max_lag_events, -1);
    assert_int_equal(back.cutover_timeout_ms, 500);
    assert_int_equal(back.cutover_max_lag_ms, 50);
    assert_int_equal(back.lock_budget_ms, 20);
    assert_int_equal(back.drain_budget_ms, 60);
    assert_int_equal(back.copy_workers, 2);
    assert_true(back.verify_consistency);
    assert_false(back.keep_indexes);
    assert_false(back.auto_cutover);
}

static void round_trips_every_value(void **state)
{
    const struct tmv_settings settings = {.batch_size = 1234,
                                          .max_bulk_copy_rate = 99,
                                          .cutover_max_lag_events = 0,
                                          .cutover_timeout_ms = 60000,
                                          .verify_consistency = false,
                                          .copy_workers = 16,
                                          .cutover_max_lag_ms = 7,
                                          .lock_budget_ms = 900,
                                          .drain_budget_ms = 59000,
                                          .keep_indexes = true,
                                          .auto_cutover = true,
                                          .max_bulk_copy_bytes = 5000000,
                                          .throttle_replica_lag_ms = 9000,
                                          .throttle_connections = 70,
                                          .throttle_file = "/run/hold",
                                          .throttle_query = "SELECT 'a\nb' > $$ü$$",
                                          .throttle_query_limit = -5,
                                          .leave_columns = {{"region", "it's, \"odd\""}},
                                          .without_tables = {{"event_outbox"}}};
    struct tmv_settings back;
    struct tmv_error err = {0};

    (void)state;
    AUTO_FREE char *json = tmv_settings_to_json(&settings);
    assert_true(tmv_settings_from_json(json, &back, &err));
    assert_int_equal(back.batch_size, 1234);
    assert_int_equal(back.max_bulk_copy_rate, 99);
    assert_int_equal(back.cutover_max_lag_events, 0);
    assert_int_equal(back.cutover_timeout_ms, 60000);
    assert_int_equal(back.cutover_max_lag_ms, 7);
    assert_int_equal(back.lock_budget_ms, 900);
    assert_int_equal(back.drain_budget_ms, 59000);
    assert_int_equal(back.copy_workers, 16);
    assert_false(back.verify_consistency);
    assert_true(back.keep_indexes);
    assert_true(back.auto_cutover);
    assert_int_equal(back.max_bulk_copy_bytes, 5000000);
    assert_int_equal(back.throttle_replica_lag_ms, 9000);
    assert_int_equal(back.throttle_connections, 70);
    assert_string_equal(back.throttle_file, settings.throttle_file);
    assert_string_equal(back.throttle_query, settings.throttle_query);
    assert_int_equal(back.throttle_query_limit, -5);
    assert_int_equal(tmv_names_count(&back.leave_columns), 2);
    assert_true(tmv_names_contain(&back.leave_columns, "it's, \"odd\""));
    assert_false(tmv_names_contain(&back.leave_columns, "odd"));
    assert_int_equal(tmv_names_count(&back.without_tables), 1);
    assert_true(tmv_names_contain(&back.without_tables, "event_outbox"));
}

static void lists_of_names_have_an_end(void **state)
{
    struct tmv_names names = {0};
    struct tmv_error err = {0};
    char name[32];

    (void)state;
    for (int i = 0; i < TMV_NAMES_MAX; i++) {
        snprintf(name, sizeof name, "column%d", i);
        assert_true(tmv_names_add(&names, name, &err));
        assert_true(tmv_names_add(&names, name, &err)); /* again: it is there */
    }
    assert_int_equal(tmv_names_count(&names), TMV_NAMES_MAX);
    assert_false(tmv_names_add(&names, "one_more", &err));
    assert_int_equal(err.code, TMV_ERR_USAGE);
    names = (struct tmv_names){0};
    assert_false(tmv_names_add(&names, "", &err));
    assert_false(
        tmv_names_add(&names, "a_name_of_sixty_four_bytes_which_is_one_more_than_postgresql_has", &err));
    assert_int_equal(tmv_names_count(&names), 0);
}

static void changes_only_what_may_change_while_it_runs(void **state)
{
    static const struct {
        const char *changes, *set, *removed; /* set NULL: refused, `removed` is named */
    } cases[] = {
        {"{\"max_bulk_copy_rate\":5000,\"copy_workers\":1}",
         "{\"max_bulk_copy_rate\":5000,\"copy_workers\":1}", "[]"},
        {"{\"max_bulk_copy_rate\":0}", "{}", "[\"max_bulk_copy_rate\"]"}, /* eventsource-py's lowest is 1 */
        {"{\"throttle_file\":null,\"throttle_query\":\"\"}", "{}", "[\"throttle_file\",\"throttle_query\"]"},
        {"{\"throttle_query_limit\":-4}", "{\"throttle_query_limit\":-4}", "[]"},
        {"{}", "{}", "[]"},
        {"{\"batch_size\":5}", NULL, "batch_size"},
        {"{\"cutover_timeout_ms\":500}", NULL, "cutover_timeout_ms"},
        {"{\"auto_cutover\":true}", NULL, "auto_cutover"},
        {"{\"leave_columns\":[\"region\"]}", NULL, "leave_columns"},
        {"{\"no_such\":5}", NULL, "no_such"},
        {"{\"copy_workers\":17}", NULL, "copy_workers"},
        {"{\"max_bulk_copy_rate\":-1}", NULL, "max_bulk_copy_rate"},
        {"{\"max_bulk_copy_bytes\":\"5\"}", NULL, "max_bulk_copy_bytes"},
        {"{\"throttle_file\":\"relative\"}", NULL, "throttle_file"},
        {"{\"throttle_query\":5}", NULL, "throttle_query"},
        {"[]", NULL, "object"},
        {"{", NULL, "settings"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FREE char *set = NULL;
        AUTO_FREE char *removed = NULL;
        struct tmv_error err = {0};
        bool ok = settings_changes(cases[i].changes, &set, &removed, &err);

        if (ok != (cases[i].set != NULL))
            fail_msg("%s: %s", cases[i].changes, err.message);
        if (ok) {
            assert_string_equal(set, cases[i].set);
            assert_string_equal(removed, cases[i].removed);
        } else {
            assert_int_equal(err.code, TMV_ERR_USAGE);
            if (!strstr(err.message, cases[i].removed))
                fail_msg("%s: %s", cases[i].changes, err.message);
        }
    }
}

/* eventsource-py reads the same object and refuses values below its own lowest ones. */
static void writes_only_what_eventsource_py_can_parse(void **state)
{
    struct tmv_settings settings;

    (void)state;
    tmv_settings_default(&settings);
    AUTO_FREE char *text = tmv_settings_to_json(&settings);
    AUTO(json) cJSON *root = cJSON_Parse(text);
    has_no_key_twice(root);
    assert_int_equal(json_get_int64(root, "batch_size", 1000) >= 1, true);
    assert_int_equal(json_get_int64(root, "max_bulk_copy_rate", 10000) >= 1, true);
    assert_int_equal(json_get_int64(root, "cutover_max_lag_events", 0) >= 0, true);
    assert_int_equal(json_get_int64(root, "cutover_timeout_ms", 0) >= 100, true);
    assert_false(json_get_bool(root, "position_mapping_enabled", true));
    assert_false(json_get_bool(root, "migrate_subscriptions", true));
}

static void names_the_key_of_every_bad_value(void **state)
{
    static const struct {
        const char *json, *named;
    } cases[] = {
        {"{\"batch_size\":-1}", "batch_size"},
        {"{\"batch_size\":1.5}", "batch_size"},
        {"{\"batch_size\":\"many\"}", "batch_size"},
        {"{\"batch_size\":true}", "batch_size"},
        {"{\"batch_size\":null}", "batch_size"},
        {"{\"batch_size\":1e30}", "batch_size"},
        {"{\"max_bulk_copy_rate\":-1}", "max_bulk_copy_rate"},
        {"{\"cutover_max_lag_events\":-2}", "cutover_max_lag_events"},
        {"{\"cutover_timeout_ms\":99}", "cutover_timeout_ms"},
        {"{\"cutover_timeout_ms\":60001}", "cutover_timeout_ms"},
        {"{\"cutover_max_lag_ms\":0}", "cutover_max_lag_ms"},
        {"{\"lock_budget_ms\":0}", "lock_budget_ms"},
        {"{\"lock_budget_ms\":901}", "lock_budget_ms"},
        {"{\"drain_budget_ms\":0}", "drain_budget_ms"},
        {"{\"copy_workers\":0}", "copy_workers"},
        {"{\"copy_workers\":17}", "copy_workers"},
        {"{\"verify_consistency\":1}", "verify_consistency"},
        {"{\"keep_indexes\":\"yes\"}", "keep_indexes"},
        {"{\"leave_columns\":\"region\"}", "leave_columns"},
        {"{\"leave_columns\":[5]}", "leave_columns"},
        {"{\"without_tables\":[\"\"]}", "without_tables"},
        {"{\"auto_cutover\":[]}", "auto_cutover"},
        {"{\"cutover_timeout_ms\":100,\"drain_budget_ms\":90}", "cutover_timeout_ms"},
        {"{\"sync_lag_threshold\":5}", "sync_lag_threshold"},
        {"{\"sync_check_interval\":5}", "sync_check_interval"},
        {"{\"cutover_timeout_seconds\":5}", "cutover_timeout_seconds"},
        {"{\"verification_level\":\"full\"}", "verification_level"},
        {"{\"sample_percentage\":5}", "sample_percentage"},
        {"{\"enable_tracing\":true}", "enable_tracing"},
        {"{\"enable_metrics\":true}", "enable_metrics"},
        {"[]", "object"},
        {"7", "object"},
        {"", "JSON"},
        {"{\"batch_size\":}", "JSON"},
        {"{} x", "JSON"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tmv_settings settings = {.copy_workers = 77};
        struct tmv_error err = {0};

        if (tmv_settings_from_json(cases[i].json, &settings, &err))
            fail_msg("taken: %s", cases[i].json);
        assert_int_equal(err.code, TMV_ERR_USAGE);
        if (!strstr(err.message, cases[i].named))
            fail_msg("%s: '%s' does not name %s", cases[i].json, err.message, cases[i].named);
        assert_int_equal(settings.copy_workers, 77); /* untouched */
    }
}

static void explains_the_names_of_older_documents(void **state)
{
    struct tmv_settings settings;
    struct tmv_error err = {0};

    (void)state;
    assert_false(tmv_settings_from_json("{\"cutover_timeout_seconds\":5}", &settings, &err));
    assert_non_null(strstr(err.hint, "cutover_timeout_ms"));
}

static void ignores_keys_of_others(void **state)
{
    struct tmv_settings settings;
    struct tmv_error err = {0};

    (void)state;
    assert_true(tmv_settings_from_json(
        "{\"position_mapping_enabled\":true,\"theirs\":{\"a\":1},\"batch_size\":7}", &settings, &err));
    assert_int_equal(settings.batch_size, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_the_defaults),
        cmocka_unit_test(round_trips_every_value),
        cmocka_unit_test(lists_of_names_have_an_end),
        cmocka_unit_test(changes_only_what_may_change_while_it_runs),
        cmocka_unit_test(writes_only_what_eventsource_py_can_parse),
        cmocka_unit_test(names_the_key_of_every_bad_value),
        cmocka_unit_test(explains_the_names_of_older_documents),
        cmocka_unit_test(ignores_keys_of_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
