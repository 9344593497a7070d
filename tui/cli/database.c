/* The connection to the control database. */
#include "cli/cli.h"

#include "lib/err.h"

bool cli_conninfo(const struct cli *cli, const char **ret_conninfo, struct tmv_error *err)
{
    *ret_conninfo = cli->config.control;
    if (cli->config.control)
        return true;
    err_set(err, TMV_ERR_USAGE, "no control database is named");
    return err_hint(
        err, "name it with --control, TENANTMV_CONTROL or \"control\" in the configuration, for example "
             "--control \"host=db1 dbname=tenantmv\"");
}

bool cli_control(struct cli *cli, struct tmv_control **ret_control, struct tmv_error *err)
{
    const char *conninfo;
    struct tmv_actor actor;
    bool ok = true;

    if (!cli_conninfo(cli, &conninfo, err))
        return false;
    cli->close_control = tmv_control_close;
    if (!cli->control)
        ok = cli->command->access == ACCESS_READ ? tmv_control_open_read_only(conninfo, &cli->control, err)
                                                 : tmv_control_open(conninfo, &cli->control, err);
    *ret_control = cli->control;
    if (ok) {
        cli_actor(cli, &actor);
        tmv_control_set_actor(cli->control, &actor);
    }
    return ok;
}
