/* What may follow :throttle, and what is said back. */
#include "test.h"

#include <string.h>

#include "actions/limits.h"

static void understands_the_forms_that_it_offers(void **state)
{
    static const struct {
        const char *typed, *changes;
    } cases[] = {
        {"5000", "{\"max_bulk_copy_rate\":5000}"},
        {"5000/s", "{\"max_bulk_copy_rate\":5000}"},
        {"5000 events/s", "{\"max_bulk_copy_rate\":5000}"},
        {"0", "{\"max_bulk_copy_rate\":0}"},
        {"20 MB", "{\"max_bulk_copy_bytes\":20000000}"},
        {"20mb/s", "{\"max_bulk_copy_bytes\":20000000}"},
        {"1 worker", "{\"copy_workers\":1}"},
        {"4 workers", "{\"copy_workers\":4}"},
        {"none", TMV_NO_LIMITS},
        {"1000000000000 MB", "{\"max_bulk_copy_bytes\":1000000000000000000}"},
    };
    char changes[LIMITS_JSON_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!limits_parse(cases[i].typed, changes))
            fail_msg("\"%s\" is not understood", cases[i].typed);
        assert_string_equal(changes, cases[i].changes);
    }
}

static void refuses_everything_else(void **state)
{
    static const char *const typed[] = {
        "",
        "soon",
        "5 apples",
        "-1",
        "5.5",
        "5000 events/s, please",
        "nonene",
        "MB",
        "99999999999999 MB",
        "1e9",
        "99999999999999999999",
        "5\"",
    };
    char changes[LIMITS_JSON_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
        if (limits_parse(typed[i], changes))
            fail_msg("\"%s\" became %s", typed[i], changes);
}

static void says_what_holds_from_now_on(void **state)
{
    struct tmv_settings s;
    char text[200];

    (void)state;
    tmv_settings_default(&s);
    limits_words(&s, text, sizeof text);
    assert_string_equal(text, "any number of events, of any size, 2 workers");
    s.max_bulk_copy_rate = 5000;
    s.max_bulk_copy_bytes = 1500000;
    s.copy_workers = 1;
    s.throttle_connections = 9;
    limits_words(&s, text, sizeof text);
    assert_string_equal(text, "5,000 events/s, 1,500,000 bytes/s, 1 worker, held while a condition says so");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(understands_the_forms_that_it_offers),
        cmocka_unit_test(refuses_everything_else),
        cmocka_unit_test(says_what_holds_from_now_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
