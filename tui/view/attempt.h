/* An attempt to cut over, as words and as steps: the same on every screen. */
#pragma once

#include "view/model.h"
#include "widgets/timeline.h"

#define ATTEMPT_STEPS 3

const char *attempt_glyph(const struct tmv_attempt *attempt);
enum role attempt_role(const struct tmv_attempt *attempt);
/* "rolled back" */
const char *attempt_outcome(const struct tmv_attempt *attempt, char text[32]);
bool attempt_went_well(const struct tmv_attempt *attempt);
/* Lock, drain and decide. Budgets are those of `m`, which may be NULL. */
void attempt_steps(const struct tmv_attempt *attempt, const struct tmv_migration *m,
                   struct timeline_step ret_steps[ATTEMPT_STEPS]);
/* The latest attempt of a migration in a snapshot; NULL: there is none, or no snapshot. */
const struct tmv_attempt *attempt_latest(const struct tmv_snapshot *snapshot,
                                         const struct tmv_uuid *migration);
/* Its pause as operators judge it: against the budget of the whole. */
enum role attempt_pause_role(const struct tmv_attempt *attempt, const struct tmv_migration *m);
/* Title line, steps on their axis, and what writers saw: at most 6 rows. */
void attempt_draw(const struct model *model, const struct tmv_attempt *attempt, struct canvas *canvas,
                  struct rect area);
#define ATTEMPT_ROWS 6

/* Pauses of real cutovers that went through, sorted, at most `most`; returns how many. */
size_t attempt_pauses(const struct model *model, int64_t *ret_pauses, size_t most);
