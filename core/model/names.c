/* Names of the shared enums, in one place, so that each has exactly one spelling. */
#include "tenantmv/types.h"

#include <string.h>

static const char *const phases[TMV_PHASE_COUNT] = {"pending",   "bulk_copy", "dual_write", "cutover",
                                                    "completed", "aborted",   "failed"};
static const char *const routing_states[TMV_ROUTING_COUNT] = {"normal", "bulk_copy", "dual_write",
                                                              "cutover_paused", "migrated"};
static const char *const operations[TMV_OP_COUNT] = {"start",    "pause", "resume", "cutover",
                                                     "rehearse", "abort", "verify", "finalize"};

static const char *const attempt_outcomes[TMV_ATTEMPT_COUNT] = {"unknown",     "running", "completed",
                                                                "rolled_back", "refused", "rehearsed"};

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *tmv_phase_name(enum tmv_phase phase)
{
    return (unsigned)phase < TMV_PHASE_COUNT ? phases[phase] : "?";
}

bool tmv_phase_parse(const char *name, enum tmv_phase *ret_phase)
{
    int i = find(phases, TMV_PHASE_COUNT, name);

    if (i >= 0)
        *ret_phase = (enum tmv_phase)i;
    return i >= 0;
}

const char *tmv_attempt_outcome_name(enum tmv_attempt_outcome outcome)
{
    return attempt_outcomes[(unsigned)outcome < TMV_ATTEMPT_COUNT ? outcome : TMV_ATTEMPT_UNKNOWN];
}

enum tmv_attempt_outcome tmv_attempt_outcome_parse(const char *name)
{
    int i = find(attempt_outcomes, TMV_ATTEMPT_COUNT, name);

    return i >= 0 ? (enum tmv_attempt_outcome)i : TMV_ATTEMPT_UNKNOWN;
}

bool tmv_phase_is_terminal(enum tmv_phase phase)
{
    return phase == TMV_PHASE_COMPLETED || phase == TMV_PHASE_ABORTED || phase == TMV_PHASE_FAILED;
}

const char *tmv_routing_state_name(enum tmv_routing_state state)
{
    return (unsigned)state < TMV_ROUTING_COUNT ? routing_states[state] : "?";
}

bool tmv_routing_state_parse(const char *name, enum tmv_routing_state *ret_state)
{
    int i = find(routing_states, TMV_ROUTING_COUNT, name);

    if (i >= 0)
        *ret_state = (enum tmv_routing_state)i;
    return i >= 0;
}

const char *tmv_operation_name(enum tmv_operation op)
{
    return (unsigned)op < TMV_OP_COUNT ? operations[op] : "?";
}

bool tmv_operation_parse(const char *name, enum tmv_operation *ret_op)
{
    int i = find(operations, TMV_OP_COUNT, name);

    if (i >= 0)
        *ret_op = (enum tmv_operation)i;
    return i >= 0;
}
