/* What the repositories share: text that leaves the database is made safe here, and the answer that every
 * statement of an engine begins with (do we still own the migration?) is read here. */
#pragma once

#include "control/repositories.h"

/* A field as safe text; cut when it is longer. */
void row_text(char *dst, size_t size, const struct pgx_result *result, int row, int column);
/* Runs a statement whose first column says whether the owner is still the owner; OWNERSHIP if not.
 * *ret_result may be NULL; it is the caller's. */
TMV_NODISCARD bool row_owned(struct pgx_conn *conn, const struct owner *owner, const char *sql,
                             struct pgx_args args, struct pgx_result **ret_result, struct tmv_error *err);
/* An error as the audit keeps it; the text is the caller's. */
TMV_NODISCARD bool control_error_details(const struct tmv_error *what, char **ret_text,
                                         struct tmv_error *err);
/* The error of an owner that is none any more. Returns false. */
bool row_ownership_lost(const struct owner *owner, struct tmv_error *err);
/* REFUSED when the handle is for watching only. */
TMV_NODISCARD bool control_check_writable(const struct tmv_control *control, struct tmv_error *err);

/* The parameters $1 … $3 of every statement of an owner. */
#define OWNER_ARGS(o) PGX_UUID(&(o)->migration), PGX_INT((o)->epoch), PGX_UUID(&(o)->engine)
