#include <inttypes.h>
#include <string.h>

#include "demo/demo.h"
#include "lib/err.h"

void demo_options_default(bool headless, struct demo_options *ret_options)
{
    memset(ret_options, 0, sizeof *ret_options);
    ret_options->headless = headless;
    ret_options->events = headless ? 100000 : 150000;
    ret_options->tenants = headless ? 5 : 8;
    ret_options->writers = 8;
    ret_options->rate = headless ? 1000 : 400;
    ret_options->cutovers = headless ? 5 : 0;
}

bool demo_options_check(const struct demo_options *o, struct tmv_error *err)
{
    if (o->tenants < 1 || o->tenants > DEMO_TENANTS_MAX)
        return err_set(err, TMV_ERR_USAGE, "tenants: %d is not within 1 … %d", o->tenants, DEMO_TENANTS_MAX);
    if (o->events < 0 || o->events > DEMO_EVENTS_MAX)
        return err_set(err, TMV_ERR_USAGE, "events: %" PRId64 " is not within 0 … %" PRId64, o->events,
                       DEMO_EVENTS_MAX);
    if (o->writers < 0 || o->writers > DEMO_WRITERS_MAX)
        return err_set(err, TMV_ERR_USAGE, "writers: %d is not within 0 … %d", o->writers, DEMO_WRITERS_MAX);
    if (o->rate < 0)
        return err_set(err, TMV_ERR_USAGE, "rate: %" PRId64 " is negative", o->rate);
    if (o->cutovers < 0 || o->cutovers > o->tenants)
        return err_set(err, TMV_ERR_USAGE, "cutovers: %d is not within 0 … %d, the number of tenants",
                       o->cutovers, o->tenants);
    return true;
}
