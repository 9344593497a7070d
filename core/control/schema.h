/* Version of the control schema: what this program needs, what a database has. */
#pragma once

#include "pg/query.h"

#define CONTROL_SCHEMA_VERSION 16

/* Refuses unless the database has exactly the version that this program knows. */
TMV_NODISCARD bool control_schema_check(struct pgx_conn *conn, struct tmv_error *err);
/* The same for a router, which accepts a newer version too: it sits in applications, and those cannot all be
 * replaced at the moment of `tenantmv init`. What it reads of the schema stays; and a wrong route harms
 * nothing, because the store's fence turns the write away. */
TMV_NODISCARD bool control_schema_check_router(struct pgx_conn *conn, struct tmv_error *err);
