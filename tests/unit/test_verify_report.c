/* Verification reports: put together from ranges in any order, and back from their JSON. */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "move/verify/consistency_verifier.h"
#include "move/verify/verify_report.h"
#include "move/verify/verify_total.h"

static struct tmv_verify_report part_with(int64_t first, int64_t step, int64_t differences)
{
    struct tmv_verify_report part = {
        .differences = differences, .events_source = 10, .to_copy = differences, .to_remove = 1};

    for (int64_t i = 0; i < differences && i < TMV_DIFFERENCES_MAX; i++)
        part.found[i].position = first + i * step;
    part.consistent = differences == 0;
    return part;
}

static void merging_keeps_the_lowest_positions_in_order(void **state)
{
    struct tmv_verify_report whole = {.consistent = true};
    const struct tmv_verify_report equal = part_with(0, 0, 0);
    const struct tmv_verify_report later = part_with(101, 2, 40);
    const struct tmv_verify_report between = part_with(100, 2, 3);
    const struct tmv_verify_report earlier = part_with(1, 1, 2);

    (void)state;
    verifier_merge(&whole, &equal);
    assert_true(whole.consistent);
    verifier_merge(&whole, &later);
    verifier_merge(&whole, &between);
    verifier_merge(&whole, &earlier);
    assert_false(whole.consistent);
    assert_int_equal(whole.differences, 45);
    assert_int_equal(whole.events_source, 40);
    assert_int_equal(whole.to_copy, 45);
    assert_int_equal(whole.to_remove, 4);
    static const int64_t first[] = {1, 2, 100, 101, 102, 103, 104, 105, 107};
    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        assert_int_equal(whole.found[i].position, first[i]);
    for (int i = 1; i < TMV_DIFFERENCES_MAX; i++)
        assert_true(whole.found[i].position > whole.found[i - 1].position);
}

static void a_sample_is_about_as_large_as_asked_for(void **state)
{
    int64_t chosen = 0;

    (void)state;
    for (int64_t block = 0; block < 100000; block++)
        chosen += verifier_samples_block(42, 5, block);
    assert_in_range(chosen, 4700, 5300);
    for (int64_t block = 0; block < 1000; block++) {
        assert_true(verifier_samples_block(7, 100, block));
        assert_false(verifier_samples_block(7, 0, block));
    }
}

static void different_seeds_choose_different_blocks(void **state)
{
    int both = 0;

    (void)state;
    for (int64_t block = 0; block < 10000; block++)
        both += verifier_samples_block(1, 10, block) && verifier_samples_block(2, 10, block);
    assert_in_range(both, 50, 150);
}

static void a_report_comes_back_from_its_json(void **state)
{
    struct tmv_verify_report report = part_with(5, 5, 2);
    struct tmv_verify_report back;
    struct tmv_error err;

    (void)state;
    report.level = TMV_VERIFY_FULL;
    report.to_position = (INT64_C(1) << 53) - 1; /* what a JSON number holds exactly */
    report.equal_to = 4;
    report.sample_percent = 12.5;
    report.sample_seed = 77;
    report.repaired = true;
    strcpy(report.found[1].kind, "moved");
    strcpy(report.found[1].columns, "payload");
    report.found[1].target_position = 99;
    report.found[1].version = 3;
    report.found[1].event_id = tmv_uuid_random();
    report.found[1].aggregate = tmv_uuid_random();
    AUTO_FREE char *text = verify_report_to_json(&report);
    AUTO(json) cJSON *json = NULL;
    assert_true(json_parse(text, &json, &err));
    verify_report_from_json(json, &back);
    assert_memory_equal(&back, &report, sizeof back);
}

static void json_of_others_does_no_harm(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        "null",
                                        "{\"found\":7,\"differences\":5}",
                                        "{\"differences\":9,\"found\":[{},3,null]}",
                                        "{\"level\":\"odd\",\"sample_percent\":\"x\"}"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        AUTO(json) cJSON *json = NULL;
        struct tmv_verify_report back;
        struct tmv_error err;

        assert_true(json_parse(texts[i], &json, &err));
        verify_report_from_json(json, &back);
        assert_true(back.level < TMV_VERIFY_LEVELS);
        assert_true(back.differences <= 3);
        assert_false(back.consistent);
    }
}

static void totals_tell_what_no_range_holds(void **state)
{
    static const struct {
        struct tenant_total source, target;
        bool equal;
        const char *kind;
    } cases[] = {
        {{0, 0}, {0, 0}, true, ""},
        {{100, 100}, {100, 100}, true, ""},
        {{103, 100}, {100, 100}, false, "missing"}, /* below the range, on the source only */
        {{100, 100}, {101, 100}, false, "extra"},   /* the same on the target */
        {{100, 100}, {99, 99}, false, "missing"},   /* in the range, where it was compared already */
        {{100, 100}, {100, 99}, false, "differs"},  /* as many, but elsewhere */
        {{INT64_MAX, 0}, {0, 0}, false, "missing"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tmv_verify_report report = {.consistent = true};

        assert_int_equal(verifier_totals_equal(&cases[i].source, &cases[i].target), cases[i].equal);
        if (cases[i].equal)
            continue;
        verifier_note_total(&report, &cases[i].source, &cases[i].target);
        assert_false(report.consistent);
        assert_int_equal(report.differences, 1);
        assert_string_equal(report.found[0].kind, cases[i].kind);
        assert_non_null(strstr(report.found[0].columns, "total: source "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_keeps_the_lowest_positions_in_order),
        cmocka_unit_test(a_sample_is_about_as_large_as_asked_for),
        cmocka_unit_test(different_seeds_choose_different_blocks),
        cmocka_unit_test(a_report_comes_back_from_its_json),
        cmocka_unit_test(json_of_others_does_no_harm),
        cmocka_unit_test(totals_tell_what_no_range_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
