/* Connection strings as people give them: checked before anything is stored, shown or connected to. */
#include <string.h>

#include "lib/err.h"
#include "pg/conn.h"
#include "tenantmv/control.h"

bool tmv_conninfo_check(const char *conninfo, struct tmv_error *err)
{
    if (pgx_check_conninfo(conninfo, err))
        return true;
    /* libpq's message about a malformed URI repeats the URI, and with it a password that may stand in it. */
    if (strstr(conninfo, "://") && strchr(conninfo, '@') && strstr(err->message, "://")) {
        err_set(err, TMV_ERR_USAGE,
                "not a connection URI (it is not shown, because it may carry a password)");
        err_hint(err, "write postgresql://user@host:port/database, or host=… port=… dbname=… user=…");
    }
    return false;
}
