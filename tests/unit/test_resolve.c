/* What two fences say together: every pair has at most one answer, and a pair that fits nothing stops. */
#include "test.h"

#include "lib/cleanup.h"
#include "move/cutover/resolve.h"

static void says_what_every_pair_of_fences_asks_for(void **state)
{
    static const struct {
        enum fence_state source;
        int64_t source_epoch;
        enum fence_state target;
        int64_t target_epoch;
        enum resolve_action action;
    } cases[] = {
        {FENCE_OPEN, 1, FENCE_CLOSED, 1, RESOLVE_NOTHING}, {FENCE_OPEN, 1, FENCE_CLOSED, 5, RESOLVE_NOTHING},
        {FENCE_OPEN, 1, FENCE_ARMED, 2, RESOLVE_DISARM},   {FENCE_OPEN, 1, FENCE_OPEN, 2, RESOLVE_REFENCE},
        {FENCE_OPEN, 2, FENCE_OPEN, 2, RESOLVE_STOP},      {FENCE_OPEN, 3, FENCE_OPEN, 2, RESOLVE_STOP},
        {FENCE_MOVED, 2, FENCE_OPEN, 2, RESOLVE_NOTHING},  {FENCE_MOVED, 2, FENCE_OPEN, 3, RESOLVE_STOP},
        {FENCE_MOVED, 2, FENCE_ARMED, 2, RESOLVE_OPEN},    {FENCE_MOVED, 3, FENCE_ARMED, 2, RESOLVE_RECOPY},
        {FENCE_MOVED, 2, FENCE_CLOSED, 1, RESOLVE_RECOPY}, {FENCE_CLOSED, 1, FENCE_CLOSED, 1, RESOLVE_STOP},
        {FENCE_OFF, 1, FENCE_CLOSED, 1, RESOLVE_STOP},     {FENCE_MOVED, 2, FENCE_MOVED, 2, RESOLVE_STOP},
        {FENCE_ARMED, 2, FENCE_OPEN, 2, RESOLVE_STOP},     {FENCE_OPEN, 1, FENCE_OFF, 1, RESOLVE_STOP},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct resolve_side source = {
            .ours = true, .state = cases[i].source, .epoch = cases[i].source_epoch};
        const struct resolve_side target = {
            .ours = true, .state = cases[i].target, .epoch = cases[i].target_epoch};
        const char *why = NULL;

        if (resolve_judge(&source, &target, &why) != cases[i].action)
            fail_msg("case %zu: %s at %lld, %s at %lld", i, fence_state_name(source.state),
                     (long long)source.epoch, fence_state_name(target.state), (long long)target.epoch);
        assert_non_null(why);
    }
}

static void understands_no_fence_of_another_migration(void **state)
{
    (void)state;
    for (int s = 0; s < FENCE_STATE_COUNT; s++) {
        for (int t = 0; t < FENCE_STATE_COUNT; t++) {
            const char *why;
            struct resolve_side source = {.ours = true, .state = (enum fence_state)s, .epoch = 1};
            struct resolve_side target = {.ours = false, .state = (enum fence_state)t, .epoch = 1};

            assert_int_equal(resolve_judge(&source, &target, &why), RESOLVE_STOP);
            source.ours = false;
            target.ours = true;
            assert_int_equal(resolve_judge(&source, &target, &why), RESOLVE_STOP);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_every_pair_of_fences_asks_for),
        cmocka_unit_test(understands_no_fence_of_another_migration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
