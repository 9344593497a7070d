/* The rules that settings obey, for those who got them other than from JSON. */
#pragma once

#include "tenantmv/control.h"

/* USAGE, naming the key, when a value is out of range or the parts of the pause exceed the whole. */
TMV_NODISCARD bool settings_check(const struct tmv_settings *settings, struct tmv_error *err);
