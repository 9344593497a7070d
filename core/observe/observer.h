/* Who is told what happens to migrations. An observer is one row of the table in observer.c; what an engine
 * does never waits for one and never depends on one. A notice tells what is committed: when the engine dies
 * between a commit and its notice, the audit has it and the observers do not.
 */
#pragma once

#include <stdint.h>

#include "model/audit_events.h"
#include "tenantmv/types.h"

/* What happened. Every text is borrowed for the call. */
struct notice {
    enum audit_event event;
    const char *migration, *tenant; /* ids as text */
    enum tmv_phase from, to;        /* the same when the phase did not change */
    const char *engine;             /* name of the engine that did it */
    const char *operator_name;      /* who asked; NULL: the engine by itself */
    const char *reason;             /* NULL: none */
    int64_t at_us;                  /* wall clock of the engine's machine, µs since 1970 */
};

/* As the object that is sent to others: event, migration_id, tenant_id, old_phase, new_phase, engine,
 * occurred_at (RFC 3339, UTC), and operator and reason where there are any. The caller frees it; NULL when
 * memory is out. */
char *notice_to_json(const struct notice *notice);

struct observer_options {
    const char *webhook_url; /* NULL: none */
};

struct observers;

/* Starts those that the options ask for. Errors: those of the observers' own starts (USAGE, NOMEM, IO); none
 * runs then. Texts are copied. */
TMV_NODISCARD bool observers_start(const struct observer_options *options, struct observers **ret_observers,
                                   struct tmv_error *err);
/* Tells all of them; never blocks for the network. Any thread. NULL is fine. */
void observers_tell(struct observers *observers, const struct notice *notice);
/* Ends them, each within its own bound (WEBHOOK_STOP_US), and frees. NULL is fine. */
void observers_stop(struct observers *observers);
