/* Between two tries: the stores, or one of them, cannot be used now. What does not need them is heard all the
 * same, so that an engine can always be spoken to. */
#include "engine/coordinator.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "model/lifecycle.h"
#include "engine/takeover.h"

#define POLL_US (200 * US_PER_MS)
#define DEAF_US US_PER_S /* nobody who asks for something waits longer for an engine that hears nothing */

enum waited {
    WAITED_GO_ON, /* nothing happened */
    WAITED_TRY,   /* try now */
    WAITED_ENDED, /* aborted, or it is not ours any more */
};

/* The error may be the target's, and then the source is freed without it. */
static enum waited abort_now(struct coordinator *c, const struct command_row *command, struct tmv_error *err)
{
    char outcome[TMV_REASON_MAX];
    struct tmv_error ignored;

    /* A pending migration has nothing in the stores. */
    if ((takeover_raise(c, err) || takeover_raise_source(c, err)) && phase_abort(c, command, err))
        return WAITED_ENDED;
    if (err->code == TMV_ERR_OWNERSHIP)
        return WAITED_ENDED;
    log_error(TMV_LOG_WARN, "an abort", err);
    snprintf(outcome, sizeof outcome, "not aborted: %.360s", err->message);
    return coordinator_answer(c, command, TMV_COMMAND_FAILED, outcome, &ignored) ? WAITED_TRY : WAITED_GO_ON;
}

static enum waited carry_out(struct coordinator *c, const struct command_row *command,
                             const struct tmv_error *why, struct tmv_error *err)
{
    char outcome[TMV_REASON_MAX];

    if (!lifecycle_allows(c->row.phase, c->row.paused, command->operation, outcome))
        return coordinator_answer(c, command, TMV_COMMAND_REFUSED, outcome, err) ? WAITED_GO_ON : WAITED_TRY;
    if (command->operation == TMV_OP_ABORT)
        return abort_now(c, command, err);
    if (command->operation == TMV_OP_PAUSE || command->operation == TMV_OP_RESUME)
        return coordinator_pause(c, command, err) && command->operation == TMV_OP_PAUSE ? WAITED_GO_ON
                                                                                        : WAITED_TRY;
    if (command->operation == TMV_OP_FINALIZE && command->force)
        return hold_abandon(c, command, err) ? WAITED_ENDED : WAITED_TRY;
    snprintf(outcome, sizeof outcome, "the engine is trying again: %.320s%s", why->message,
             command->operation == TMV_OP_FINALIZE ? "; --abandon-source ends it all the same" : "");
    return coordinator_answer(c, command, TMV_COMMAND_REFUSED, outcome, err) ? WAITED_GO_ON : WAITED_TRY;
}

static enum waited hear(struct coordinator *c, const struct tmv_error *why, struct tmv_error *err)
{
    struct command_row command;
    bool found = false;

    if (!control_migration_get(c->control, &c->endpoints.owner.migration, &c->row, err) ||
        !control_command_take(c->control, &c->endpoints.owner, &command, &found, err))
        return err->code == TMV_ERR_OWNERSHIP ? WAITED_ENDED : WAITED_TRY;
    return found ? carry_out(c, &command, why, err) : WAITED_GO_ON;
}

bool phase_waiting(struct coordinator *c, const struct tmv_error *why, int64_t pause_us)
{
    int64_t until = clock_now_us() + pause_us;
    struct tmv_error err;

    /* The stores answer, and are only connected to again: what is asked meanwhile is answered then, by what
     * the tables are. */
    if (why->code == TMV_ERR_CONFLICT && pause_us <= DEAF_US)
        return stop_sleep(c->options->stop, pause_us);
    while (!stop_is_raised(c->options->stop) && c->endpoints.owner.epoch > 0 && pgx_is_usable(c->control)) {
        enum waited waited = hear(c, why, &err);
        int64_t left = until - clock_now_us();

        if (waited == WAITED_ENDED || waited == WAITED_TRY)
            return waited == WAITED_TRY;
        if (left <= 0)
            return true;
        if (!pgx_wait_readable(c->control, left < POLL_US ? left : POLL_US, &err))
            break;
    }
    (void)stop_sleep(c->options->stop, until - clock_now_us() > 0 ? until - clock_now_us() : 0);
    return true;
}
