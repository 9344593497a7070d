/* tenantmv version */
#include <stdio.h>

#include "command/table.h"

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    (void)arguments, (void)err;
    if (cli->json)
        cJSON_AddStringToObject(cli_document(cli), "version", TMV_VERSION);
    else
        printf("tenantmv %s\n", TMV_VERSION);
    return true;
}

const struct command command_version = {
    .name = "version",
    .summary = "print the version",
    .run = run,
};
