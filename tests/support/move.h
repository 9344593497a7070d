/* A tenant between two stores, as far as the guard and the tail know it: for tests of those parts alone. */
#pragma once

#include "move/tail/tailer.h"
#include "support/support.h"

struct move {
    struct endpoints endpoints;
    struct guard source_guard, target_guard;
    struct pgx_conn *source, *target; /* owned: for the test's own statements */
    int64_t v0;
    char facts[80]; /* digest; of the source's guard */
};

/* Two new databases, a random tenant, nothing installed. */
void move_prepare(struct move *m, bool partitioned);
/* Schema, owner, fence open and triggers on the source. */
void move_guard_source(struct move *m);
/* Schema, owner, fence closed, triggers and an applied row "mirroring" from V0 on the target. */
void move_open_target(struct move *m);
void move_release(struct move *m);
/* Appends one event of the tenant with the next version of `stream` (1, 2, …). False with the error when it
 * is refused. */
bool move_insert(struct pgx_conn *conn, const struct tmv_uuid *tenant, int stream, int version,
                 struct tmv_error *err);
/* Sets the source's fence to moved, as a decision would. */
void move_decide(struct move *m);
/* Replaces a part of a function's body: takes a protection out. Fails the test when the part is not there. */
void move_mutate(struct pgx_conn *conn, const char *function, const char *part, const char *by);
