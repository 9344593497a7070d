/* What a role may do in the control database, asked of its catalogue and not found out by failing. */
#pragma once

#include "pg/query.h"
#include "tenantmv/control.h"

/* As tmv_control_rights, of this connection's role. */
TMV_NODISCARD bool control_rights(struct pgx_conn *conn, struct tmv_rights *ret_rights,
                                  struct tmv_error *err);
