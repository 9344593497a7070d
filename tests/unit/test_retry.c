#include "test.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "route/retry.h"

static struct tmv_error make(enum tmv_code code, const char *sqlstate, const char *constraint)
{
    struct tmv_error err;

    err_set(&err, code, "made for the test");
    text_copy(err.sqlstate, sizeof err.sqlstate, sqlstate);
    text_copy(err.constraint, sizeof err.constraint, constraint);
    return err;
}

static void decides_by_code_and_sqlstate(void **state)
{
    static const struct {
        enum tmv_code code;
        const char *sqlstate;
        enum retry_action append, unsure, read;
    } cases[] = {
        {TMV_ERR_MOVED, "TM001", RETRY_FOLLOW, RETRY_FOLLOW, RETRY_GIVE_UP},
        {TMV_ERR_CLOSED, "TM002", RETRY_LATER, RETRY_LATER, RETRY_GIVE_UP},
        {TMV_ERR_SQL, "40001", RETRY_LATER, RETRY_LATER, RETRY_LATER},
        {TMV_ERR_SQL, "57014", RETRY_LATER, RETRY_LATER, RETRY_GIVE_UP},
        {TMV_ERR_SQL, "42501", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_SQL, "25006", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_UNREACHABLE, "", RETRY_LATER, RETRY_LATER, RETRY_LATER},
        {TMV_ERR_UNREACHABLE, "28P01", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_UNREACHABLE, "42501", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_UNREACHABLE, "57P03", RETRY_LATER, RETRY_LATER, RETRY_LATER},
        {TMV_ERR_UNKNOWN, "", RETRY_LATER, RETRY_LATER, RETRY_LATER},
        {TMV_ERR_DUPLICATE, "23505", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_VERSION, "", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_TIMEOUT, "", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_NOT_FOUND, "", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
        {TMV_ERR_USAGE, "22P02", RETRY_GIVE_UP, RETRY_RESOLVE, RETRY_GIVE_UP},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct tmv_error err = make(cases[i].code, cases[i].sqlstate, "");

        if (retry_decide(&err, 3, false) != cases[i].append ||
            retry_decide(&err, 3, true) != cases[i].unsure || retry_decide_read(&err) != cases[i].read)
            fail_msg("case %zu: %s %s", i, tmv_code_name(cases[i].code), cases[i].sqlstate);
    }
}

static void repeats_a_lost_race_only_while_the_expectation_holds(void **state)
{
    struct tmv_error race = make(TMV_ERR_VERSION, "23505", "uq_events_aggregate_version");

    (void)state;
    assert_int_equal(retry_decide(&race, TMV_EXPECT_ANY, false), RETRY_NOW);
    assert_int_equal(retry_decide(&race, TMV_EXPECT_STREAM_EXISTS, false), RETRY_NOW);
    assert_int_equal(retry_decide(&race, TMV_EXPECT_NO_STREAM, false), RETRY_GIVE_UP);
    assert_int_equal(retry_decide(&race, 0, false), RETRY_GIVE_UP);
    assert_int_equal(retry_decide(&race, 7, false), RETRY_GIVE_UP);
    assert_int_equal(retry_decide(&race, TMV_EXPECT_ANY, true), RETRY_RESOLVE);
}

static void pauses_grow_and_stay_short(void **state)
{
    (void)state;
    for (int attempt = -1; attempt < 100; attempt++)
        for (int i = 0; i < 50; i++) {
            int64_t pause = retry_pause_us(attempt);

            assert_in_range(pause, 1000, 64000);
            if (attempt <= 1)
                assert_in_range(pause, 1000, 2000);
            if (attempt >= 6)
                assert_in_range(pause, 32000, 64000);
        }
}

static void reads_the_new_home_and_nothing_else(void **state)
{
    static const char *const bad[] = {
        "",
        "moved",
        "[]",
        "{}",
        "{\"store_id\": \"b\"}",
        "{\"store_id\": \"\", \"placement_epoch\": 3}",
        "{\"store_id\": 3, \"placement_epoch\": 3}",
        "{\"store_id\": \"b\", \"placement_epoch\": 0}",
        "{\"store_id\": \"b\", \"placement_epoch\": 3",
        "{\"store_id\": null, \"placement_epoch\": 3}",
    };
    struct retry_home home;

    (void)state;
    assert_true(
        retry_read_home("{\"store_id\" : \"dedicated ü\", \"placement_epoch\" : 9007199254740991}", &home));
    assert_string_equal(home.store_id, "dedicated ü");
    assert_true(home.epoch == INT64_C(9007199254740991));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (retry_read_home(bad[i], &home))
            fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_by_code_and_sqlstate),
        cmocka_unit_test(repeats_a_lost_race_only_while_the_expectation_holds),
        cmocka_unit_test(pauses_grow_and_stay_short),
        cmocka_unit_test(reads_the_new_home_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
