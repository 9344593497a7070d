#include "test.h"

#include "support/held.h"

#include <stdlib.h>

#include "lib/cleanup.h"

#define HOLD_S 3600

int held_prepared(int failed)
{
    l.settings.hold_s = HOLD_S;
    return failed;
}

void held_move(void)
{
    life_begin_and_wait_until_ready();
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    life_wait_for("m.phase = 'completed' AND NOT s.unsettled");
}

void held_write_home(int stream, int version)
{
    struct tmv_error err;

    assert_done(move_insert(l.on_target, &l.tenant, stream, version, &err), &err);
}

void held_wait_until_carried(void)
{
    support_wait_until(l.on_source, "SELECT count(*) >= %lld FROM public.events WHERE tenant_id = '%s'",
                       (long long)life_count(l.on_target), l.tenant_text);
}

void held_assert_same(void)
{
    static const char order[] = "SELECT md5(string_agg(format('%%s %%s %%s', event_id, version, payload), "
                                "';' ORDER BY global_position)) "
                                "FROM public.events WHERE tenant_id = '%s'";
    AUTO_FREE char *there = support_text(l.on_target, order, l.tenant_text);
    AUTO_FREE char *here = support_text(l.on_source, order, l.tenant_text);

    assert_int_equal(life_count(l.on_source), life_count(l.on_target));
    assert_string_equal(there, here);
}
