#include "console/console.h"

#include <stdio.h>

#include "console/session.h"
#include "terminal/terminal.h"

static int run_on_terminal(struct session *session)
{
    char why[200] = "";
    bool no_terminal = false;
    int code = run_screen(session, why, sizeof why, &no_terminal);

    if (!no_terminal)
        return code;
    fprintf(stderr, "tenantmv: no screen (%s): one line per change instead\n", why);
    return run_plain(session);
}

int console_run(const struct console_options *options, enum leave *ret_leave)
{
    struct session session;
    int code;

    if (ret_leave)
        *ret_leave = LEAVE_STOP;
    terminal_fill_standard_fds();
    if (!session_start(&session, options))
        return 1;
    if (options->script)
        code = run_script(&session);
    else if (options->once)
        code = run_once(&session);
    else if (options->plain)
        code = run_plain(&session);
    else
        code = run_on_terminal(&session);
    if (ret_leave && code == 0)
        *ret_leave = session.state.leave;
    session_stop(&session);
    return code;
}
