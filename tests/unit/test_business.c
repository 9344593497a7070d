#include "test.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "demo/business.h"

static void makes_whole_streams_in_order(void **state)
{
    struct tmv_uuid tenant = tmv_uuid_random();
    struct business_case c = {0};
    struct business_batch batch;
    int streams = 0;

    (void)state;
    for (uint64_t i = 0; i < 300; i++) {
        int64_t before = c.version;
        struct tmv_uuid stream = c.stream;

        business_next(&c, &tenant, i, 1 + i % BUSINESS_BATCH_MAX, &batch);
        assert_in_range(batch.count, 1, BUSINESS_BATCH_MAX);
        if (batch.expected == 0)
            streams++;
        else
            assert_true(tmv_uuid_equal(&stream, &batch.stream.aggregate) && batch.expected == before);
        for (size_t k = 0; k < batch.count; k++) {
            assert_non_null(batch.events[k].type);
            assert_memory_equal(batch.events[k].type, batch.stream.aggregate_type,
                                strlen(batch.stream.aggregate_type));
        }
        business_confirm(&c, batch.count);
    }
    assert_in_range(streams, 300 / 8, 300);
}

static void writes_payloads_as_eventsource_py_does(void **state)
{
    static const char *const keys[] = {"event_id",     "event_type",     "event_version", "occurred_at",
                                       "aggregate_id", "aggregate_type", "tenant_id",     "aggregate_version",
                                       "actor_id",     "correlation_id", "causation_id",  "metadata"};
    struct tmv_uuid tenant = tmv_uuid_random();
    struct business_case c = {0};
    struct business_batch batch;

    (void)state;
    for (uint64_t i = 0; i < 30; i++) {
        business_next(&c, &tenant, i, BUSINESS_BATCH_MAX, &batch);
        for (size_t k = 0; k < batch.count; k++) {
            cJSON *payload = cJSON_Parse(batch.events[k].payload);

            assert_non_null(payload);
            for (size_t n = 0; n < sizeof keys / sizeof *keys; n++)
                assert_non_null(cJSON_GetObjectItemCaseSensitive(payload, keys[n]));
            assert_int_equal(cJSON_GetObjectItemCaseSensitive(payload, "aggregate_version")->valueint,
                             batch.expected + 1 + (int64_t)k);
            cJSON_Delete(payload);
            assert_in_range(strlen(batch.events[k].payload), 400, BUSINESS_PAYLOAD_MAX - 2);
        }
        business_confirm(&c, batch.count);
    }
}

static void leaves_a_stream_of_unknown_end_alone(void **state)
{
    struct tmv_uuid tenant = tmv_uuid_random(), first;
    struct business_case c = {0};
    struct business_batch batch;

    (void)state;
    business_next(&c, &tenant, 1, 1, &batch);
    first = batch.stream.aggregate;
    business_abandon(&c);
    business_next(&c, &tenant, 1, 1, &batch);
    assert_false(tmv_uuid_equal(&first, &batch.stream.aggregate));
    assert_int_equal(batch.expected, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_whole_streams_in_order),
        cmocka_unit_test(writes_payloads_as_eventsource_py_does),
        cmocka_unit_test(leaves_a_stream_of_unknown_end_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
