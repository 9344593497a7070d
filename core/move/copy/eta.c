#include "move/copy/eta.h"

#include "lib/clock.h"

#define SPEAKS_FOR_ITSELF 0.05 /* of all builds: from here on their own speed counts */

/* Seconds that all rows take to be copied; 0 unknown. */
static double whole_copy_s(const struct eta_copy *c)
{
    return c->events_per_second > 0 ? (double)c->events_total / (double)c->events_per_second : 0;
}

/* Negative: unknown. */
static double indexes_s(const struct eta_copy *c)
{
    double left = c->indexes - c->indexes_built;

    if (left <= 0)
        return 0;
    if (c->building_us > 0 && c->indexes_built >= SPEAKS_FOR_ITSELF * c->indexes)
        return (double)c->building_us / US_PER_S * left / c->indexes_built;
    return c->events_per_second > 0 ? left * ETA_INDEX_SHARE * whole_copy_s(c) : -1;
}

int64_t eta_of_copy_us(const struct eta_copy *c)
{
    double indexes = indexes_s(c);

    if (indexes < 0 || (c->events_left > 0 && c->events_per_second <= 0))
        return -1;
    double rows = c->events_left > 0 ? (double)c->events_left / (double)c->events_per_second : 0;
    return (int64_t)((rows + indexes + ETA_VERIFY_SHARE * whole_copy_s(c)) * US_PER_S);
}

int64_t eta_of_verification_us(int64_t verified, int64_t left, int64_t elapsed_us)
{
    if (verified <= 0 || elapsed_us <= 0 || left <= 0)
        return -1;
    int64_t eta = (int64_t)((double)left / (double)verified * (double)elapsed_us);
    return eta < ETA_SHORT_US ? -1 : eta;
}
