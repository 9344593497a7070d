/* tenantmv: the program. Finds the subcommand and runs it; see cli/ and command/. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
