/* Words that every part of libtenantmv shares: tenants' ids, phases, routing states.
 *
 * The names of phases and routing states are those of eventsource-py's tables, so its processes can read the
 * values in a database too. A name is a constant, "?" for a number that is not of the enum. A parser returns
 * false for any text that is no such name, NULL too, and leaves its result as it was.
 *
 * Cannot fail: every function that takes no `err`. Any thread; none blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tenantmv/error.h"

/* A UUID in network byte order. All zero means "none". */
struct tmv_uuid {
    uint8_t bytes[16];
};

#define TMV_UUID_TEXT 37 /* length of the text form with its final NUL */

/* Parses the usual 36-character form (RFC 9562, section 4), in either case. False if `text` is anything else,
 * NULL too: *ret_id stays as it was. */
TMV_API bool tmv_uuid_parse(const char *text, struct tmv_uuid *ret_id);
/* Writes the lower-case form; returns `buf`. */
TMV_API const char *tmv_uuid_format(const struct tmv_uuid *id, char buf[TMV_UUID_TEXT]);
/* A new random id (version 4; RFC 9562, section 5.4) from the kernel's generator. Blocks only before the
 * kernel has started that generator, early at boot. */
TMV_API struct tmv_uuid tmv_uuid_random(void);
/* Whether both are the same id. */
TMV_API bool tmv_uuid_equal(const struct tmv_uuid *a, const struct tmv_uuid *b);
/* Whether it is all zero, which means "none". */
TMV_API bool tmv_uuid_is_nil(const struct tmv_uuid *id);

/* Phase of a migration (column tenant_migrations.phase). */
enum tmv_phase {
    TMV_PHASE_PENDING,
    TMV_PHASE_BULK_COPY,
    TMV_PHASE_DUAL_WRITE,
    TMV_PHASE_CUTOVER,
    TMV_PHASE_COMPLETED,
    TMV_PHASE_ABORTED,
    TMV_PHASE_FAILED,
    TMV_PHASE_COUNT
};

/* Routing state of a tenant (column tenant_routing.migration_state). */
enum tmv_routing_state {
    TMV_ROUTING_NORMAL,
    TMV_ROUTING_BULK_COPY,
    TMV_ROUTING_DUAL_WRITE,
    TMV_ROUTING_CUTOVER_PAUSED,
    TMV_ROUTING_MIGRATED,
    TMV_ROUTING_COUNT
};

/* What became of an attempt to cut over (column tenantmv.cutover_attempt.outcome). */
enum tmv_attempt_outcome {
    TMV_ATTEMPT_UNKNOWN, /* not there, or a word of a newer version */
    TMV_ATTEMPT_RUNNING,
    TMV_ATTEMPT_COMPLETED,
    TMV_ATTEMPT_ROLLED_BACK,
    TMV_ATTEMPT_REFUSED,
    TMV_ATTEMPT_REHEARSED,
    TMV_ATTEMPT_COUNT
};

/* What an operator, a verb or the API may ask of a migration. */
enum tmv_operation {
    TMV_OP_START,
    TMV_OP_PAUSE,
    TMV_OP_RESUME,
    TMV_OP_CUTOVER,
    TMV_OP_REHEARSE,
    TMV_OP_ABORT,
    TMV_OP_VERIFY,
    TMV_OP_FINALIZE, /* ends the time in which the old store is kept current */
    TMV_OP_COUNT
};

/* "bulk_copy", as in the column. */
TMV_API const char *tmv_phase_name(enum tmv_phase phase);
/* The phase of a name. False when there is none. */
TMV_API bool tmv_phase_parse(const char *name, enum tmv_phase *ret_phase);
/* "rolled_back", as in the column; "unknown" also for a number that is not of the enum. */
TMV_API const char *tmv_attempt_outcome_name(enum tmv_attempt_outcome outcome);
/* The outcome of a name; UNKNOWN for any other text, NULL too. */
TMV_API enum tmv_attempt_outcome tmv_attempt_outcome_parse(const char *name);
/* Whether a migration has ended in this phase: completed, aborted, failed. */
TMV_API bool tmv_phase_is_terminal(enum tmv_phase phase);
/* "cutover_paused", as in the column. */
TMV_API const char *tmv_routing_state_name(enum tmv_routing_state state);
/* The routing state of a name. False when there is none. */
TMV_API bool tmv_routing_state_parse(const char *name, enum tmv_routing_state *ret_state);
/* "cutover", as in the column and as the verb of the program. */
TMV_API const char *tmv_operation_name(enum tmv_operation op);
/* The operation of a name. False when there is none. */
TMV_API bool tmv_operation_parse(const char *name, enum tmv_operation *ret_op);
