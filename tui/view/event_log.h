/* The audit as this console has seen it: more than one picture holds, and bounded. Entries are ordered by id,
 * each stands once, whatever order and however often they come. */
#pragma once

#include "tenantmv/control.h"

#define EVENT_LOG_MAX 2000 /* the oldest make room */

struct event_log {
    struct tmv_audit_entry *entries; /* oldest first; owned */
    size_t count;
    size_t room;
};

/* Takes entries over in any order; what is older than a full log's oldest is left out. Without memory the log
 * stays as it was. */
void event_log_add(struct event_log *log, const struct tmv_audit_entry *entries, size_t count);
void event_log_release(struct event_log *log);
