/* Version of the control schema: what this program needs, what a database has. */
#pragma once

#include "pg/query.h"

#define CONTROL_SCHEMA_VERSION 7

/* Refuses unless the database has exactly the version that this program knows. */
TMV_NODISCARD bool control_schema_check(struct pgx_conn *conn, struct tmv_error *err);
