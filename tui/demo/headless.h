/* The whole life without a terminal: tenants move one after the other under live writes; then what the
 * writers were told is compared with what the stores hold. */
#pragma once

#include "demo/live.h"
#include "demo/report.h"

/* Fills the report. Migrations that fail are in the report, not errors; then what can be checked still is. */
TMV_NODISCARD bool headless_run(const struct stage *stage, const struct demo_options *options,
                                void (*say)(const char *fmt, ...), struct demo_report *report,
                                struct tmv_error *err);
