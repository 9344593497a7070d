/* The table of moves against the list of legal phase changes that the other programs share (interop.md). */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "model/moves.h"

static const char *const legal[TMV_PHASE_COUNT] = {
    [TMV_PHASE_PENDING] = " bulk_copy aborted ",
    [TMV_PHASE_BULK_COPY] = " dual_write aborted failed ",
    [TMV_PHASE_DUAL_WRITE] = " cutover aborted failed ",
    [TMV_PHASE_CUTOVER] = " completed dual_write failed ",
    [TMV_PHASE_COMPLETED] = "",
    [TMV_PHASE_ABORTED] = "",
    [TMV_PHASE_FAILED] = "",
};

static bool is_legal(enum tmv_phase from, enum tmv_phase to)
{
    char word[40];

    snprintf(word, sizeof word, " %s ", tmv_phase_name(to));
    return strstr(legal[from], word) != NULL;
}

/* A decision that the fence shows outranks the phase, whatever it is. */
static void leads_along_the_legal_ways_only(void **state)
{
    (void)state;
    for (int m = 0; m < MOVE_COUNT; m++)
        for (int from = 0; from < TMV_PHASE_COUNT; from++) {
            enum move_id move = (enum move_id)m;
            enum tmv_phase to = move_leads_to(move, (enum tmv_phase)from);

            if (move_is_made_from(move, (enum tmv_phase)from) && move != MOVE_FOLLOW_DECISION &&
                !move_row(move)->stays && !is_legal((enum tmv_phase)from, to))
                fail_msg("%s from %s to %s", move_row(move)->name, tmv_phase_name((enum tmv_phase)from),
                         tmv_phase_name(to));
        }
}

/* failed is for other programs: what fails here is told, and pauses. */
static void reaches_every_phase_from_pending_but_failed(void **state)
{
    bool reached[TMV_PHASE_COUNT] = {[TMV_PHASE_PENDING] = true};

    (void)state;
    for (int round = 0; round < TMV_PHASE_COUNT; round++)
        for (int m = 0; m < MOVE_COUNT; m++)
            for (int from = 0; from < TMV_PHASE_COUNT; from++)
                if (reached[from] && move_is_made_from((enum move_id)m, (enum tmv_phase)from))
                    reached[move_leads_to((enum move_id)m, (enum tmv_phase)from)] = true;
    for (int phase = 0; phase < TMV_PHASE_COUNT; phase++)
        assert_int_equal(reached[phase], phase != TMV_PHASE_FAILED);
}

static void never_shows_python_a_paused_cutover(void **state)
{
    (void)state;
    for (int m = 0; m < MOVE_COUNT; m++)
        assert_int_not_equal(move_row((enum move_id)m)->routing, TMV_ROUTING_CUTOVER_PAUSED);
}

static void changes_nothing_of_an_ended_migration_but_what_the_fence_says(void **state)
{
    (void)state;
    for (int m = 0; m < MOVE_COUNT; m++)
        for (int from = 0; from < TMV_PHASE_COUNT; from++)
            if (tmv_phase_is_terminal((enum tmv_phase)from))
                assert_int_equal(move_is_made_from((enum move_id)m, (enum tmv_phase)from),
                                 m == MOVE_FOLLOW_DECISION || m == MOVE_ERROR ||
                                     (m == MOVE_FINALIZE && from == TMV_PHASE_COMPLETED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_along_the_legal_ways_only),
        cmocka_unit_test(reaches_every_phase_from_pending_but_failed),
        cmocka_unit_test(never_shows_python_a_paused_cutover),
        cmocka_unit_test(changes_nothing_of_an_ended_migration_but_what_the_fence_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
