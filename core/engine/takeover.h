/* Taking ownership of a migration in both stores: end the sessions of earlier engines, raise the owner epoch,
 * and only then read (design §9, Taking over). */
#pragma once

#include "engine/coordinator.h"

/* Does it in every store that already knows the migration; a store that was never prepared is left alone.
 * Opens connections of its own, and leaves them in c->sessions where a copy begins or continues: they are
 * younger than every session that was ended, and older than those of a successor. Discovers the shapes,
 * identifies the guards. */
TMV_NODISCARD bool takeover_raise(struct coordinator *c, struct tmv_error *err);
/* The same in the source alone, for an abort while the target is away. */
TMV_NODISCARD bool takeover_raise_source(struct coordinator *c, struct tmv_error *err);
/* The same in the target alone, once the source was raised: an abort that began while the target was away and
 * finds it back must know what is there (c->applied is known then). No session on the source is kept. */
TMV_NODISCARD bool takeover_raise_target(struct coordinator *c, struct tmv_error *err);
/* The target says that an abort was under way. */
bool takeover_must_undo(const struct coordinator *c);
