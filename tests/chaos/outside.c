#include "test.h"

#include "chaos/outside.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/text.h"
#include "support/support.h"

#define DELAY_US (5 * US_PER_MS) /* in each direction of each way */
#define DELAYED_US (5 * US_PER_S)
#define STALLED_US (3 * US_PER_S) /* longer than a lease */

enum kind { CRASH, DELAY, STALL, CUT, HALF_CLOSE, SILENCE };

static const char *const names[] = {"crash-source", "crash-target", "delay",  "stall",
                                    "cut-all",      "half-close",   "silence"};
static const enum kind kinds[] = {CRASH, CRASH, DELAY, STALL, CUT, HALF_CLOSE, SILENCE};

const char *const *outside_faults(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(names);
    return names;
}

static bool find(const char *fault, size_t *ret_index)
{
    for (*ret_index = 0; fault && *ret_index < ARRAY_LEN(names); (*ret_index)++)
        if (strcmp(names[*ret_index], fault) == 0)
            return true;
    return false;
}

bool outside_is(const char *fault)
{
    size_t ignored;

    return find(fault, &ignored);
}

bool outside_hurts_writers(const char *fault)
{
    return outside_is(fault); /* a router reaches the stores as the engine does: the registry says how */
}

static enum kind kind_of(const char *fault)
{
    size_t index;

    assert_true(find(fault, &index));
    return kinds[index];
}

void outside_prepare(struct outside *o, const char *fault)
{
    memset(o, 0, sizeof *o);
    if (!outside_is(fault))
        return;
    o->fault = fault;
    if (kind_of(fault) != CRASH)
        return;
    support_setup_apart();
    beds_prepare(false);
}

/* `conninfo` with the way through a proxy of its own. */
static void lead(struct proxy **ret_proxy, char *conninfo, size_t size)
{
    char text[CLUSTER_CONNINFO_MAX];

    *ret_proxy = proxy_start(conninfo);
    text_copy(conninfo, size, proxy_tcp_conninfo(*ret_proxy, conninfo, text));
}

void outside_open(struct outside *o, struct bed *bed)
{
    struct tmv_store_info source = bed->source, target = bed->tenants[0].target;
    struct tmv_error err;

    if (!o->fault || kind_of(o->fault) == CRASH)
        return;
    lead(&o->proxies[0], source.conninfo, sizeof source.conninfo);
    lead(&o->proxies[1], target.conninfo, sizeof target.conninfo);
    lead(&o->proxies[2], bed->workers_control, sizeof bed->workers_control);
    assert_done(tmv_store_replace(bed->handle, &source, true, &err), &err);
    assert_done(tmv_store_replace(bed->handle, &target, true, &err), &err);
}

/* The source by SIGQUIT to its postmaster, the target by kill -9 of everything: either way what was not
 * flushed is gone. */
static void crash(const char *fault, struct bed *bed)
{
    bool source = strcmp(fault, "crash-source") == 0;
    struct cluster *cluster = support_cluster(source ? "source" : "target", NULL);
    struct tmv_error err;

    bed->crashed = true;
    bed_disconnect(bed);
    assert_done(cluster_stop(cluster, source ? CLUSTER_IMMEDIATE : CLUSTER_KILL, &err), &err);
    assert_done(cluster_resume(cluster, &err), &err);
    bed_connect(bed);
}

static void strike_way(struct outside *o, size_t place)
{
    struct proxy *proxy = o->proxies[place];

    switch (kind_of(o->fault)) {
    case CRASH:
        break;
    case DELAY:
        proxy_delay(proxy, DELAY_US);
        o->until_us = clock_now_us() + DELAYED_US;
        break;
    case STALL:
        proxy_stall(proxy, PROXY_TO_SERVER, true);
        proxy_stall(proxy, PROXY_TO_CLIENT, true);
        o->until_us = clock_now_us() + STALLED_US;
        break;
    case CUT:
        proxy_cut(proxy);
        break;
    case HALF_CLOSE:
        proxy_half_close(proxy, place == 1 ? PROXY_TO_CLIENT : PROXY_TO_SERVER);
        break;
    case SILENCE:
        proxy_silence(proxy);
        break;
    }
}

void outside_strike(struct outside *o, struct bed *bed)
{
    if (kind_of(o->fault) == CRASH)
        crash(o->fault, bed);
    else
        for (size_t i = 0; i < OUTSIDE_PLACES; i++)
            strike_way(o, i);
}

void outside_mend(struct outside *o)
{
    if (!o->until_us || clock_now_us() < o->until_us)
        return;
    o->until_us = 0;
    for (size_t i = 0; i < OUTSIDE_PLACES; i++) {
        proxy_delay(o->proxies[i], 0);
        proxy_stall(o->proxies[i], PROXY_TO_SERVER, false);
        proxy_stall(o->proxies[i], PROXY_TO_CLIENT, false);
    }
}

void outside_close(struct outside *o)
{
    for (size_t i = 0; i < OUTSIDE_PLACES; i++)
        proxy_stop(TAKE(o->proxies[i]));
}
