/* The rules that settings obey, for those who got them other than from JSON. */
#pragma once

#include "tenantmv/control.h"

/* USAGE, naming the key, when a value is out of range or the parts of the pause exceed the whole. */
TMV_NODISCARD bool settings_check(const struct tmv_settings *settings, struct tmv_error *err);
/* Checks changes of limits (tmv_settings_change) and says what they do to tenant_migrations.config: the JSON
 * object of the keys that are set, and the JSON array of those that go. The caller frees both. Pure. */
TMV_NODISCARD bool settings_changes(const char *json, char **ret_set, char **ret_removed,
                                    struct tmv_error *err);
/* What the operator accepts to lose (leave_columns, without_tables) as a JSON object for the audit; the
 * caller frees it. NULL: no memory. */
char *settings_given_up(const struct tmv_settings *settings);
