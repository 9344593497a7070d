/* tenantmv: the program. Finds the subcommand and runs it; see cli/ and command/. */
#include <stdio.h>
#include <unistd.h>

#include "console/thread.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    int code = cli_main(argc, argv);

    if (thread_any_left_behind()) {
        fflush(NULL);
        _exit(code);
    }
    return code;
}
