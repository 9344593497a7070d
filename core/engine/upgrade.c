#include "engine/upgrade.h"

#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define UPGRADE_TIMEOUT_US (30 * US_PER_S)
#define INSTALL_PATIENCE_US (60 * US_PER_S)

/* *ret_from 0: the guard is not an older version's, or had been changed before the upgrade. */
static bool was_unchanged(struct coordinator *c, struct pgx_conn *conn, bool source, int64_t *ret_from,
                          struct tmv_error *err)
{
    const struct guard *guard = source ? &c->source_guard : &c->target_guard;
    AUTO_RESULT struct pgx_result *before = NULL;
    char noted[FACTS_DIGEST_SIZE];

    *ret_from = 0;
    if (!pgx_query(conn, UPGRADE_TIMEOUT_US, sql_takeover_upgraded,
                   PGX_ARGS(PGX_INT(guard->shape->relation_oid), PGX_TEXT(guard->mark)), &before, err) ||
        !coordinator_noted_digest(c, source ? SIDE_SOURCE : SIDE_TARGET, conn, noted, err))
        return false;
    if (pgx_rows(before) == 1 && strcmp(noted, pgx_text(before, 0, 0)) == 0)
        *ret_from = pgx_int(before, 0, 1);
    return true;
}

/* The proof first: what was compared under the old facts is compared again whatever happens after. */
static bool note(struct coordinator *c, enum store_side side, struct pgx_conn *conn, int64_t from,
                 const char *glance, struct tmv_error *err)
{
    const char *store = store_side_name(side);
    char details[200];

    snprintf(details, sizeof details,
             "{\"upgraded\":\"%s\",\"from_version\":%lld,\"to_version\":%d,\"verified_again\":true}", store,
             (long long)from, STORE_SCHEMA_VERSION);
    if (!control_proof_save(c->control, &c->endpoints.owner, 0, "", err) ||
        !control_audit(c->control, &c->endpoints.owner, AUDIT_PROGRESS_CHECKPOINT, details, NULL, err) ||
        !coordinator_note_facts(c, side, conn, glance, err))
        return false;
    log_info(
        "migration %s: the guard's functions on the %s were upgraded from version %lld to %d; everything is "
        "verified again",
        c->endpoints.migration, store, (long long)from, STORE_SCHEMA_VERSION);
    return true;
}

bool upgrade_take_in(struct coordinator *c, struct pgx_conn *conn, bool source, struct tmv_error *err)
{
    const struct guard *guard = source ? &c->source_guard : &c->target_guard;
    struct guard_installed now;
    int64_t from;

    if (tmv_phase_is_terminal(c->row.phase))
        return true;
    if (!was_unchanged(c, conn, source, &from, err))
        return false;
    return from == 0 || (guard_install(conn, guard, GUARD_ROWS, INSTALL_PATIENCE_US, &now, err) &&
                         note(c, source ? SIDE_SOURCE : SIDE_TARGET, conn, from, now.glance, err));
}
