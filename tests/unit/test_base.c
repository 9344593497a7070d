#include "test.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/err.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_every_name),        cmocka_unit_test(parses_only_whole_uuids),
        cmocka_unit_test(makes_foreign_text_safe),       cmocka_unit_test(stops_growing_at_the_maximum),
        cmocka_unit_test(keeps_the_outer_context_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
