/* Ends what a program left that will not come back. The program may be alive all the same: what a person saw
 * of it is compared with what is so now, in the statement that ends it. */
#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "control/row.h"
#include "control/snapshot/show.h"
#include "sql_embedded.h"

bool tmv_foreign_check(const struct tmv_migration *migration, struct tmv_error *err)
{
    char whose[TMV_REASON_MAX], id[TMV_UUID_TEXT];

    if (migration->generation != 0 || tmv_phase_is_terminal(migration->phase))
        return true;
    err_set(err, TMV_ERR_REFUSED, "migration %s: %s", tmv_uuid_format(&migration->id, id),
            show_foreign(migration, 0, migration->foreign_sign_at_us, whose));
    return err_hint(err,
                    "let that program end it; if it will not come back (`tenantmv status` shows its last "
                    "sign), use `tenantmv abort TENANT --foreign`");
}

/* What kept it from being ended, in words. */
static bool not_ended(const struct pgx_result *result, const char *id, struct tmv_error *err)
{
    const char *outcome = pgx_text(result, 0, 0);
    char place[TMV_NAME_MAX];

    row_text(place, sizeof place, result, 0, 2);
    if (strcmp(outcome, "ours") == 0) {
        err_set(err, TMV_ERR_REFUSED, "no other program runs migration %s", id);
        return err_hint(err, "abort it without --foreign");
    }
    if (strcmp(outcome, "ended") == 0)
        return err_set(err, TMV_ERR_REFUSED, "migration %s is %s: there is nothing to end", id,
                       pgx_text(result, 0, 1));
    if (strcmp(outcome, "cutting") == 0) {
        err_set(err, TMV_ERR_REFUSED, "the program that runs migration %s is cutting over: it holds the lock",
                id);
        return err_hint(err, "look again when it has ended or rolled back");
    }
    if (strcmp(outcome, "moved") == 0) {
        err_set(err, TMV_ERR_REFUSED,
                "the tenant of migration %s lives on %s already: to end it would send "
                "writes back to the source, without what was written since",
                id, place);
        return err_hint(err,
                        "it is completed in all but name: see the runbook, \"Another program's migration\"");
    }
    err_set(err, TMV_ERR_CONFLICT, "migration %s has changed since you looked: its program is alive", id);
    return err_hint(err, "nothing was done; look again with `tenantmv status`, then decide again");
}

bool tmv_foreign_abort(struct tmv_control *control, const struct tmv_migration *seen, const char *reason,
                       const struct tmv_actor *actor, enum tmv_phase *ret_phase, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char id[TMV_UUID_TEXT], why[TMV_REASON_MAX];

    if (!control_check_writable(control, err))
        return false;
    if (!reason || !reason[0])
        return err_set(err, TMV_ERR_USAGE, "an abort needs a reason");
    text_copy(why, sizeof why, reason);
    text_sanitize(why);
    tmv_uuid_format(&seen->id, id);
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_foreign_abort,
                   PGX_ARGS(PGX_UUID(&seen->id), PGX_TEXT(tmv_phase_name(seen->phase)),
                            PGX_INT(seen->foreign_sign_at_us), PGX_TEXT(why), PGX_TEXT(actor->name),
                            PGX_TEXT(actor->from)),
                   &result, err))
        return err_wrap(err, "ending migration %s", id);
    if (pgx_rows(result) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", id);
    if (strcmp(pgx_text(result, 0, 0), "ok") != 0)
        return not_ended(result, id, err);
    if (!tmv_phase_parse(pgx_text(result, 0, 1), ret_phase))
        return err_set(err, TMV_ERR_INTERNAL, "a migration was ended as '%s'", pgx_text(result, 0, 1));
    return true;
}
