/* Connection strings as people give them: checked before anything is stored, shown or connected to. */
#include "pg/conn.h"
#include "tenantmv/control.h"

bool tmv_conninfo_check(const char *conninfo, struct tmv_error *err)
{
    return pgx_check_conninfo(conninfo, err);
}

bool tmv_conninfo_user(const char *conninfo, char user[64])
{
    return pgx_conninfo_user(conninfo, user);
}
