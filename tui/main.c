/* tenantmv: the program. Finds the subcommand and runs it; see command/. */
#include <stdio.h>

int main(void)
{
    puts(TMV_VERSION);
    return 0;
}
