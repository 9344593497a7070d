#include "test.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "tenantmv/types.h"

static void round_trips_every_name(void **state)
{
    (void)state;
    for (int i = 0; i < TMV_PHASE_COUNT; i++) {
        enum tmv_phase back;
        assert_true(tmv_phase_parse(tmv_phase_name((enum tmv_phase)i), &back));
        assert_int_equal(back, i);
    }
    for (int i = 0; i < TMV_ROUTING_COUNT; i++) {
        enum tmv_routing_state back;
        assert_true(tmv_routing_state_parse(tmv_routing_state_name((enum tmv_routing_state)i), &back));
        assert_int_equal(back, i);
    }
    for (int i = 0; i < TMV_OP_COUNT; i++) {
        enum tmv_operation back;
        assert_true(tmv_operation_parse(tmv_operation_name((enum tmv_operation)i), &back));
        assert_int_equal(back, i);
    }
    for (int i = 0; i < TMV_CODE_COUNT; i++) {
        struct tmv_error e = {.code = (enum tmv_code)i};
        assert_non_null(tmv_code_name(e.code));
        assert_in_range(tmv_error_exit_code(&e), 0, 4);
    }
}

static void parses_only_whole_uuids(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      "bda448be-6aa4-4002-8af3-c3b3e252947",
                                      "bda448be06aa4-4002-8af3-c3b3e2529478",
                                      "bda448be-6aa4-4002-8af3-c3b3e252947g",
                                      "{bda448be-6aa4-4002-8af3-c3b3e252947"};
    struct tmv_uuid id, again;
    char text[TMV_UUID_TEXT];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(tmv_uuid_parse(bad[i], &id));
    id = tmv_uuid_random();
    assert_true(tmv_uuid_parse(tmv_uuid_format(&id, text), &again));
    assert_true(tmv_uuid_equal(&id, &again));
    assert_int_equal(text[14], '4');
}

static void shows_no_argument_that_may_hold_a_password(void **state)
{
    static const char *const secrets[] = {
        "password", "host=db1", "=", "amy:geheim@db1", "postgres//a:b", "db1@", "PGpassword geheim"};
    char wide[400];

    (void)state;
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
        assert_string_equal(ARGUMENT(secrets[i]), "(not shown: it may contain a password)");
    assert_string_equal(ARGUMENT("stauts"), "\"stauts\"");
    assert_string_equal(ARGUMENT(""), "\"\"");
    memset(wide, 'x', sizeof wide - 1);
    wide[sizeof wide - 1] = '\0';
    assert_int_equal(strlen(ARGUMENT(wide)), 132);
}

static void shows_a_path_that_is_no_connection_string(void **state)
{
    static const char *const paths[] = {
        "/srv/run=7/amy@db1/at:12:30.conf",
        "/srv/a:b@c.conf",
        "./user:x@host.theme",
        "../password=kept.conf",
        "/home/amy/passwords.conf",
        "/home/amy/My notes/a@b=c.conf",
        "amy@db1.theme",
        "run=7.csv",
        "12:30.csv",
        "mine.theme",
        "",
    };
    static const char *const secrets[] = {
        "postgresql://amy:geheim@db1/x",
        "postgres//amy:geheim@db1/x",
        "//amy:geheim@db1/x",
        "amy:geheim@db1",
        "amy:ge/heim@db1",
        "host=db1 pasword=geheim",
        "host=/tmp pwd=geheim",
        "/tmp password = geheim",
        "./x pwd=geheim",
        "password=geheim",
        "PGPASSWORD=geheim",
        "pasword=geheim",
        "scram_client_key=geheim",
        "password geheim",
        "PGpassword geheim",
    };
    char shown[400];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        snprintf(shown, sizeof shown, "\"%s\"", paths[i]);
        assert_string_equal(PATH_ARGUMENT(paths[i]), shown);
    }
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++)
        if (strcmp(PATH_ARGUMENT(secrets[i]), "(not shown: it may contain a password)") != 0)
            fail_msg("shown: %s", secrets[i]);
}

static void makes_foreign_text_safe(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"a\033[31mb", "a?[31mb"},
        {"a\xc2\x9b"
         "b",
         "a?b"},
        {"tab\there", "tab here"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"cut \xe2\x82", "cut ??"},
        {"\xe2\x80\xae"
         "evil",
         "?evil"},
        {"\xff\xfe", "??"},
        {"\xc0\xaf", "??"},
        {"\xed\xa0\x80", "???"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[64];
        text_copy(text, sizeof text, cases[i].in);
        text_sanitize(text);
        assert_string_equal(text, cases[i].out);
    }
}

static void stops_growing_at_the_maximum(void **state)
{
    AUTO(buf) struct buf b = BUF_INIT(10);
    struct tmv_error err = {0};

    (void)state;
    buf_str(&b, "0123456789");
    assert_true(buf_ok(&b, &err));
    buf_char(&b, 'x');
    assert_false(buf_ok(&b, &err));
    assert_string_equal(buf_text(&b), "0123456789");
}

static void keeps_the_outer_context_first(void **state)
{
    struct tmv_error err;

    (void)state;
    assert_false(err_set(&err, TMV_ERR_SQL, "relation is missing"));
    assert_false(err_wrap(&err, "copying chunk %d", 3));
    assert_string_equal(err.message, "copying chunk 3: relation is missing");
}

static void gives_the_cause_first_where_there_is_little_room(void **state)
{
    struct tmv_error err;
    char text[ERR_CAUSE_MAX], much[600];

    (void)state;
    err_set(&err, TMV_ERR_SQL, "relation \"a: b\" is missing");
    assert_string_equal(err_cause_first(&err, text), "relation \"a: b\" is missing");
    err_wrap(&err, "copying chunk %d", 3);
    err_wrap(&err, "store %s", "k1\a");
    assert_string_equal(err_cause_first(&err, text),
                        "relation \"a: b\" is missing (store k1?: copying chunk 3)");
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    err_set(&err, TMV_ERR_SQL, "cause %s", much);
    for (int i = 0; i < 20; i++) {
        err_wrap(&err, "%.250s", much);
        assert_true(strlen(err_cause_first(&err, text)) < sizeof text);
    }
    err_set(&err, TMV_ERR_SQL, "another");
    assert_string_equal(err_cause_first(&err, text), "another");
}

static void writes_and_reads_numbers_with_a_point(void)
{
    static const struct {
        double value;
        int digits;
        const char *text;
    } cases[] = {{0, 0, "0"},
                 {0.5, 6, "0.500000"},
                 {-0.04, 1, "0.0"},
                 {-1.25, 2, "-1.25"},
                 {1234567.89, 1, "1234567.9"},
                 {99.95, 1, "100.0"},
                 {1e300, 0, "9000000000000"},
                 {-1e300, 6, "-9000000000000.000000"},
                 {100, 6, "100.000000"},
                 {2.5, 9, "2.500000"}};
    static const char *const bad[] = {"", "0,5", "1.5x", "many"};
    const char *end;
    double value;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(DECIMAL(cases[i].value, cases[i].digits), cases[i].text);
    assert_string_equal(DECIMAL(strtod("nan", NULL), 1), "-9000000000000.0");
    assert_true(text_to_double("0.5", &value) && value > 0.4 && value < 0.6);
    assert_true(text_to_double("-2e3", &value) && value < -1999);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(text_to_double(bad[i], &value));
    assert_true(text_read_double("1.5ms", &end) > 1.4);
    assert_string_equal(end, "ms");
}

/* cJSON asks the process for its point. */
static void carries_fractions_in_json(void)
{
    AUTO_FREE char *text = NULL;
    struct tmv_error err = {0};
    cJSON *root = NULL;

    assert_true(json_parse("{\"share\":0.25}", &root, &err));
    text = json_print(root);
    assert_string_equal(text, "{\"share\":0.25}");
    assert_true(cJSON_GetObjectItemCaseSensitive(root, "share")->valuedouble > 0.24);
    cJSON_Delete(root);
}

/* An embedding program may set any locale. Those that are not installed are left out: .ci/run makes them. */
static void numbers_and_words_do_not_follow_the_locale(void **state)
{
    static const char *const locales[] = {"C", "de_DE.UTF-8", "tr_TR.UTF-8"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(locales); i++) {
        if (!setlocale(LC_ALL, locales[i]))
            continue;
        writes_and_reads_numbers_with_a_point();
        carries_fractions_in_json();
        assert_int_equal(text_lower('I'), 'i');
        assert_int_equal(text_lower('['), '[');
    }
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_every_name),
        cmocka_unit_test(parses_only_whole_uuids),
        cmocka_unit_test(shows_no_argument_that_may_hold_a_password),
        cmocka_unit_test(shows_a_path_that_is_no_connection_string),
        cmocka_unit_test(makes_foreign_text_safe),
        cmocka_unit_test(stops_growing_at_the_maximum),
        cmocka_unit_test(keeps_the_outer_context_first),
        cmocka_unit_test(gives_the_cause_first_where_there_is_little_room),
        cmocka_unit_test(numbers_and_words_do_not_follow_the_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
