/* Settings of a migration that runs, read and changed by people; the engine reads them again several times a
 * second. A change is one statement, so that two people who change different limits both have their way. */
#include "lib/cleanup.h"
#include "lib/err.h"
#include "control/row.h"
#include "control/migration/settings.h"
#include "sql_embedded.h"

bool tmv_settings_read(struct tmv_control *control, const struct tmv_uuid *migration,
                       struct tmv_settings *ret_settings, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char id[TMV_UUID_TEXT];

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_settings_read,
                   PGX_ARGS(PGX_UUID(migration)), &result, err))
        return err_wrap(err, "reading the settings");
    if (pgx_rows(result) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", tmv_uuid_format(migration, id));
    return tmv_settings_from_json(pgx_text(result, 0, 0), ret_settings, err);
}

/* Nothing was changed: says why. */
static bool not_changed(struct tmv_control *control, const struct tmv_uuid *migration, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    char id[TMV_UUID_TEXT];

    tmv_uuid_format(migration, id);
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_settings_read,
                   PGX_ARGS(PGX_UUID(migration)), &result, err))
        return err_wrap(err, "reading the settings");
    if (pgx_rows(result) == 0)
        return err_set(err, TMV_ERR_NOT_FOUND, "there is no migration %s", id);
    if (!pgx_bool(result, 0, 2))
        return err_set(err, TMV_ERR_REFUSED,
                       "another program runs this migration; tenantmv does not touch it");
    return err_set(err, TMV_ERR_REFUSED, "migration %s is %s: there is nothing left to limit", id,
                   pgx_text(result, 0, 1));
}

bool tmv_settings_change(struct tmv_control *control, const struct tmv_uuid *migration, const char *changes,
                         const struct tmv_actor *actor, struct tmv_settings *ret_settings,
                         struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *result = NULL;
    AUTO_FREE char *set = NULL;
    AUTO_FREE char *removed = NULL;

    if (!control_check_writable(control, err) || !settings_changes(changes, &set, &removed, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_change_limits,
                   PGX_ARGS(PGX_UUID(migration), PGX_TEXT(set), PGX_TEXT(removed), PGX_TEXT(actor->name),
                            PGX_TEXT(actor->from)),
                   &result, err))
        return err_wrap(err, "changing the limits");
    if (pgx_rows(result) == 0)
        return not_changed(control, migration, err);
    return tmv_settings_from_json(pgx_text(result, 0, 0), ret_settings, err);
}
