/* tenantmv demo: real stores, live writers and running migrations for somebody who has none of them yet.
 *
 * Makes two private PostgreSQL clusters (a shared one and one with a dedicated database per tenant), fills
 * the shared store with the histories of several tenants, starts writers that append through the router and
 * an engine, and then either opens the console on it or, headless, moves tenants one after the other and
 * checks that nothing was lost.
 */
#pragma once

#include <cjson/cJSON.h>
#include <stdint.h>

#include "tenantmv/error.h"

struct demo_options {
    bool headless;
    bool json;        /* headless: one JSON object on stdout instead of text */
    int64_t events;   /* history over all tenants; DEMO_EVENTS_MAX at most */
    int tenants;      /* 1 … DEMO_TENANTS_MAX */
    int writers;      /* threads, 0 … DEMO_WRITERS_MAX */
    int64_t rate;     /* events/s over all writers; 0: each as fast as it can */
    int cutovers;     /* headless: tenants to move, 0 … tenants */
    const char *keep; /* directory to use and to leave in place; NULL: a temporary one */
};
#define DEMO_EVENTS_MAX INT64_C(100000000)
#define DEMO_TENANTS_MAX 100
#define DEMO_WRITERS_MAX 64

void demo_options_default(bool headless, struct demo_options *ret_options);
/* USAGE when a value is out of range. */
TMV_NODISCARD bool demo_options_check(const struct demo_options *options, struct tmv_error *err);
/* Runs the demo to its end: until the console is left, or headless until all is checked. Call it from the
 * main thread, before the program starts others. *ret_clean is false when something was lost, duplicated,
 * reordered or failed (the report says what). Headless with options->json, the report's members are added to
 * `object` (else NULL); without, lines go to stdout. SIGINT, SIGTERM and SIGHUP end it early with CANCELLED.
 * In every case no process and no directory stays, unless options->keep. Errors: USAGE for options out of
 * range, NOT_FOUND without PostgreSQL's programs. */
TMV_NODISCARD bool demo_run(const struct demo_options *options, cJSON *object, bool *ret_clean,
                            struct tmv_error *err);
