/* Makes the target equal to the source where a verification finds that it is not: removes what is wrong or
 * too much, then copies what is missing. The source is only read. */
#pragma once

#include "move/verify/consistency_verifier.h"

/* Verifies task->span (task->hook is not used) and mends the target, in small transactions that each check
 * that this engine still owns the migration and that the target is mirroring. The report says what was found;
 * `repaired` is set. A crash in between leaves events missing, and a note on the target (tenantmv.repair)
 * with which no cutover can arm it: it is taken away at the end of the next repair, which copies them.
 * Nothing reads the target before the switch. Verify again afterwards. REFUSED when there are too many
 * differences to mend one by one. After an error the sessions may be in the middle of a statement: close
 * them. */
TMV_NODISCARD bool verify_repair(const struct verifier_task *task, struct tmv_verify_report *ret_report,
                                 struct tmv_error *err);
/* Whether the target has the note of a repair that did not come to its end. */
TMV_NODISCARD bool verify_repair_is_noted(struct pgx_conn *target, const struct tmv_uuid *migration,
                                          bool *ret_noted, struct tmv_error *err);
/* Takes the note of an earlier repair away, because everything up to where it worked was found equal on both
 * ends since. Waits for a transaction that holds the applied row, up to ten seconds. */
TMV_NODISCARD bool verify_repair_forget(const struct verifier_task *task, struct tmv_error *err);
