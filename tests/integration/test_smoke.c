/* Whether anything works at all, in seconds: one server, one move, and one that is taken back. */
#include "test.h"

#include "lib/cleanup.h"
#include "support/life.h"

static void moves_a_tenant(void **state)
{
    struct tmv_error err;

    (void)state;
    life_begin_and_wait_until_ready();
    assert_done(move_insert(l.on_source, &l.tenant, 500, 1, &err), &err);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed'");
    life_assert_moved();
    assert_int_equal(life_count(l.on_target), HISTORY + 2);
}

static void takes_a_move_back(void **state)
{
    (void)state;
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_ABORT, "changed our minds"), TMV_COMMAND_DONE, "aborted");
    life_assert_source_as_it_was();
    assert_int_equal(life_count(l.on_target), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(moves_a_tenant, life_on_one_server, life_done),
        cmocka_unit_test_setup_teardown(takes_a_move_back, life_on_one_server, life_done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
