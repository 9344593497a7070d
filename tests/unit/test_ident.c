#include "test.h"

#include "lib/cleanup.h"
#include "lib/err.h"
#include "pg/ident.h"

static void quotes_identifiers_and_literals(void **state)
{
    AUTO(buf) struct buf b = BUF_INIT(200);

    (void)state;
    pgx_qualified(&b, "pub\"lic", "events");
    assert_string_equal(buf_text(&b), "\"pub\"\"lic\".\"events\"");
    buf_clear(&b);
    pgx_literal(&b, "it's");
    assert_string_equal(buf_text(&b), "'it''s'");
    buf_clear(&b);
    pgx_literal(&b, "a\\'b");
    assert_string_equal(buf_text(&b), " E'a\\\\''b'");
}

static void fills_templates_and_refuses_unknown_names(void **state)
{
    AUTO(buf) struct buf b = BUF_INIT(200);
    const struct pgx_var vars[] = {{"events", "\"e\""}, {"n", "5"}};
    struct tmv_error err;

    (void)state;
    assert_true(pgx_expand(&b, "select {{n}} from {{events}} where x = '{'", vars, 2, &err));
    assert_string_equal(buf_text(&b), "select 5 from \"e\" where x = '{'");
    assert_false(pgx_expand(&b, "{{nothing}}", vars, 2, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_identifiers_and_literals),
        cmocka_unit_test(fills_templates_and_refuses_unknown_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
