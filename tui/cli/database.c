/* The connection to the control database. */
#include "cli/cli.h"
#include "cli/failure.h"

bool cli_control(struct cli *cli, struct tmv_control **ret_control, struct tmv_error *err)
{
    bool ok = true;

    if (!cli->config.control) {
        failure(err, TMV_ERR_USAGE, "no control database is named");
        return failure_hint(
            err, "name it with --control, TENANTMV_CONTROL or \"control\" in the configuration, for "
                 "example --control \"host=db1 dbname=tenantmv\"");
    }
    if (!cli->control)
        ok = cli->command->access == ACCESS_READ
                 ? tmv_control_open_read_only(cli->config.control, &cli->control, err)
                 : tmv_control_open(cli->config.control, &cli->control, err);
    cli->close_control = tmv_control_close;
    *ret_control = cli->control;
    return ok;
}
