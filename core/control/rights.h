/* What a role may do in the control database, asked of its catalogue and not found out by failing. */
#pragma once

#include "pg/query.h"
#include "tenantmv/control.h"

/* As tmv_control_rights, of this connection's role. */
TMV_NODISCARD bool control_rights(struct pgx_conn *conn, struct tmv_rights *ret_rights,
                                  struct tmv_error *err);
/* The error of an engine whose role may not run migrations: REFUSED, with what it lacks. False. */
bool control_rights_refuse(const struct tmv_rights *rights, struct tmv_error *err);
