#include "base/fault.h"

#ifdef TMV_FAULT_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

/* How often the point named in the environment has been reached. */
static atomic_int reached;

bool fault_hit(const char *name, struct tmv_error *err)
{
    const char *spec = getenv("TENANTMV_FAULT");
    const char *end = spec ? strpbrk(spec, "#=") : NULL;
    int wanted = 1;

    if (!end || (size_t)(end - spec) != strlen(name) || strncmp(spec, name, strlen(name)) != 0)
        return true;
    if (*end == '#')
        wanted = (int)strtol(end + 1, NULL, 10);
    if (atomic_fetch_add(&reached, 1) + 1 != wanted)
        return true;
    const char *what = strchr(spec, '=');
    if (what && strcmp(what + 1, "exit") == 0)
        _exit(86);
    if (what && strcmp(what + 1, "stop") == 0) {
        raise(SIGSTOP);
        return true;
    }
    return err_set(err, TMV_ERR_INTERNAL, "fault point %s", name);
}

bool fault_is_mutant(const char *name)
{
    const char *wanted = getenv("TENANTMV_MUTANT");

    return wanted && strcmp(wanted, name) == 0;
}

#else

typedef int fault_points_are_compiled_out;

#endif
