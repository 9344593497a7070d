/* Tenants without an alias are told apart by the shortest beginning of their UUID. */
#include "stage.h"

#include <stdlib.h>

static struct tmv_uuid uuid(const char *text)
{
    struct tmv_uuid id;

    assert_true(tmv_uuid_parse(text, &id));
    return id;
}

static void a_tenant_goes_by_the_shortest_beginning_that_no_other_has(void **state)
{
    static const struct {
        const char *uuid, *typed, *shown;
    } cases[] = {
        /* made within a minute by a clock */
        {"0190a5b3-7c10-7cc1-8f4e-1a2b3c4d5e6f", "0190a5b3-7c10", "0190a5b3-7c10…5e6f"},
        {"0190a5b3-7c11-7d22-9b00-6f5e4d3c2b1a", "0190a5b3-7c11", "0190a5b3-7c11…2b1a"},
        {"0190a5b3-8111-7d22-9b00-6f5e4d3c2b1a", "0190a5b3-8", "0190a5b3-8…2b1a"},
        {"5f000000-0000-4000-8000-000000000001", "5f000000", "5f000000…0001"}, /* never below eight */
        /* alike but for the last digit: in full */
        {"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1",
         "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1"},
        {"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2", "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2",
         "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2"},
    };
    struct tmv_uuid known[2 * sizeof cases / sizeof *cases];
    struct tenant_names names = {.known = known};
    char text[TENANT_NAME_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) /* each with two migrations */
        known[2 * i] = known[2 * i + 1] = uuid(cases[i].uuid);
    names.known_count = sizeof known / sizeof *known;
    qsort(known, names.known_count, sizeof *known, tenant_compare);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tmv_uuid id = uuid(cases[i].uuid);
        assert_string_equal(tenant_typed(&names, &id, text), cases[i].typed);
        assert_string_equal(tenant_name(&names, &id, text), cases[i].shown);
        assert_string_equal(tenant_full(&names, &id, text), cases[i].uuid);
    }
}

static void an_alias_is_shown_and_typed_as_it_is(void **state)
{
    struct tenant_alias alias = {uuid("0190a5b3-7c10-7cc1-8f4e-1a2b3c4d5e6f"), "acme"};
    struct tenant_names names = {.aliases = &alias, .count = 1};
    char text[TENANT_NAME_MAX];

    (void)state;
    assert_string_equal(tenant_typed(&names, &alias.tenant, text), "acme");
    assert_string_equal(tenant_name(&names, &alias.tenant, text), "acme");
}

/* Two rows that look alike would be a wrong tenant under the next key. */
static void no_two_tenants_look_alike_on_a_screen_of_any_width(void **state)
{
    struct stage stage;
    struct tmv_snapshot *snapshot = sample_snapshot();

    (void)state;
    stage_begin(&stage, sample_snapshot());
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        snapshot->migrations[i].tenant = uuid("0190a5b3-7c10-7cc1-8f4e-1a2b3c4d5e6f");
        snapshot->migrations[i].tenant.bytes[5] = (uint8_t)(0x10 + i);
        snapshot->migrations[i].phase = TMV_PHASE_DUAL_WRITE;
        snapshot->migrations[i].show = TMV_SHOW_SYNC;
    }
    stage.state.model.names = (struct tenant_names){0};
    state_set_snapshot(&stage.state, snapshot);
    for (int cols = 40; cols <= 140; cols += 20) {
        stage_draw(&stage, cols, 43);
        for (size_t i = 0; i < snapshot->migration_count; i++) {
            char begins[20];
            snprintf(begins, sizeof begins, "0190a5b3-7c%zx", 0x10 + i);
            if (!stage_shows(&stage, begins))
                fail_msg("%s is not on %d columns", begins, cols);
        }
    }
    stage.state.requests = (struct requests *)&stage; /* nothing is sent */
    stage_type(&stage, "x");
    assert_true(stage_shows(&stage, "Type 0190a5b3-7c1"));
    stage.state.requests = NULL;
    stage_end(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenant_goes_by_the_shortest_beginning_that_no_other_has),
        cmocka_unit_test(an_alias_is_shown_and_typed_as_it_is),
        cmocka_unit_test(no_two_tenants_look_alike_on_a_screen_of_any_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
