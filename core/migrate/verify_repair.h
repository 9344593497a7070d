/* Makes the target equal to the source where a verification finds that it is not: removes what is wrong or
 * too much, then copies what is missing. The source is only read. */
#pragma once

#include "migrate/consistency_verifier.h"

/* Verifies task->span (task->hook is not used) and mends the target, in small transactions that each check
 * that this engine still owns the migration and that the target is mirroring. The report says what was found;
 * `repaired` is set. A crash in between leaves events missing, which the next repair copies; nothing reads
 * the target before the switch. Verify again afterwards. REFUSED when there are too many differences to mend
 * one by one. After an error the sessions may be in the middle of a statement: close them. */
TMV_NODISCARD bool verify_repair(const struct verifier_task *task, struct tmv_verify_report *ret_report,
                                 struct tmv_error *err);
