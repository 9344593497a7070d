/* Verification reports as JSON: how they stand in the control database. */
#pragma once

#include "lib/json.h"
#include "tenantmv/verify.h"

/* The caller frees it; NULL when memory is out. */
char *verify_report_to_json(const struct tmv_verify_report *report);
/* What does not fit or is not there is left out: the text may come from another version. */
void verify_report_from_json(const cJSON *json, struct tmv_verify_report *ret_report);
