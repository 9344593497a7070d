/* Who is about to ask for something: dialogs that people have open, for others to see. They decide nothing:
 * whose request comes first does. */
#include "tenantmv/control.h"

#include "lib/cleanup.h"
#include "lib/err.h"
#include "control/row.h"
#include "sql_embedded.h"

bool tmv_dialog_show(struct tmv_control *control, const struct tmv_uuid *dialog,
                     const struct tmv_uuid *migration, enum tmv_operation operation,
                     const struct tmv_actor *actor, struct tmv_error *err)
{
    if (!control_check_writable(control, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_dialog_show,
                   PGX_ARGS(PGX_UUID(dialog), PGX_UUID(migration), PGX_TEXT(tmv_operation_name(operation)),
                            PGX_TEXT(actor->name), PGX_TEXT(actor->from)),
                   NULL, err))
        return err_wrap(err, "saying that a dialog is open");
    return true;
}

bool tmv_dialog_close(struct tmv_control *control, const struct tmv_uuid *dialog, struct tmv_error *err)
{
    if (!control_check_writable(control, err))
        return false;
    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_dialog_close, PGX_ARGS(PGX_UUID(dialog)),
                   NULL, err))
        return err_wrap(err, "saying that a dialog was closed");
    return true;
}
