#include "demo/checker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo/demo_sql.h"
#include "lib/cleanup.h"
#include "lib/err.h"

#define CHECK_TIMEOUT_US INT64_C(1800000000)

/* Runs a script with psql variables set before it. */
static bool run_with(struct cluster *cluster, const char *database, const char *variables, const char *script,
                     char **ret_output, struct tmv_error *err)
{
    AUTO_FREE char *text = NULL;

    if (asprintf(&text, "%s%s", variables, script) < 0) {
        text = NULL; /* undefined now */
        return err_set(err, TMV_ERR_NOMEM, "no memory for a script");
    }
    return cluster_psql(cluster, database, text, CHECK_TIMEOUT_US, ret_output, err);
}

bool checker_run(const struct check_request *request, struct check_result *ret_result, struct tmv_error *err)
{
    char variables[600], tenant[TMV_UUID_TEXT];
    AUTO_FREE char *output = NULL;
    struct check_result r = {0};
    int fields;

    snprintf(variables, sizeof variables,
             "\\set tenant %s\n\\set journal '%.256s'\n\\set seeded %" PRId64 "\n\\set dedicated %s\n",
             tmv_uuid_format(request->tenant, tenant), request->journal, request->seeded,
             request->dedicated ? "true" : "false");
    if (!run_with(request->cluster, request->database, variables, demo_sql_check_tenant, &output, err))
        return err_wrap(err, "checking tenant %s", tenant);
    fields = sscanf(output, "%" SCNd64 "|%" SCNd64 "|%" SCNd64 "|%" SCNd64 "|%" SCNd64, &r.lost,
                    &r.duplicated, &r.out_of_order, &r.events, &r.unknown_found);
    if (fields != 5)
        return err_set(err, TMV_ERR_INTERNAL, "checking tenant %s gave no figures", tenant);
    *ret_result = r;
    return true;
}

bool checker_last_position(struct cluster *cluster, const char *database, const struct tmv_uuid *tenant,
                           int64_t *ret_position, struct tmv_error *err)
{
    char variables[80], text[TMV_UUID_TEXT];
    AUTO_FREE char *output = NULL;

    snprintf(variables, sizeof variables, "\\set tenant %s\n", tmv_uuid_format(tenant, text));
    if (!run_with(cluster, database, variables, demo_sql_last_position, &output, err))
        return false;
    *ret_position = strtoll(output, NULL, 10);
    return true;
}
