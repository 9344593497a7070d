/* What happens from outside to an engine that stands at a fault point: a server crashes, or something happens
 * to the ways to all databases. The worker is stopped at the point, it happens, and the worker goes on. */
#pragma once

#include "chaos/bed.h"
#include "support/proxy.h"

#define OUTSIDE_PLACES 3 /* source, target, control */

struct outside {
    const char *fault;                     /* "crash-source" …; NULL: nothing happens */
    struct proxy *proxies[OUTSIDE_PLACES]; /* owned; NULL where no proxy is needed */
    int64_t until_us;                      /* so long ways are slow or held; 0: they are not */
};

/* All names, for a table of cases. */
const char *const *outside_faults(size_t *ret_count);
/* Whether a fault is one of these; NULL is not. */
bool outside_is(const char *fault);
/* Whether it makes writes of the router fail, too, so that these prove nothing. */
bool outside_hurts_writers(const char *fault);

/* Before the bed is opened: a server that is to crash must be this process's own. */
void outside_prepare(struct outside *outside, const char *fault);
/* When the bed stands: the engines' ways to its databases lead through proxies from now on. */
void outside_open(struct outside *outside, struct bed *bed);
/* It happens, now. The bed's own connections are good afterwards. */
void outside_strike(struct outside *outside, struct bed *bed);
/* Ends what has lasted long enough; call it often. */
void outside_mend(struct outside *outside);
/* Takes the proxies away; the workers have ended. */
void outside_close(struct outside *outside);
