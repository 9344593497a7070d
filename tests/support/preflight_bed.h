/* Two stores between which a tenant could move at once, and rows that break one thing of them: what the tests
 * of preflight share.
 *
 * The engine's role is an ordinary one, so the checks of rights are real; the rows break things as the
 * superuser.
 */
#pragma once

#include "support/support.h"
#include "tenantmv/preflight.h"

enum where { SOURCE, TARGET, ENDS /* their number; in a row: both */ };

struct preflight_bed {
    struct tmv_store_info stores[ENDS]; /* as the engine's role */
    struct pgx_conn *super[ENDS];
    char super_conninfo[ENDS][CLUSTER_CONNINFO_MAX];
    struct tmv_control *control; /* in the source's database */
    struct tmv_uuid tenant;
};

#define TENANT "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define NOBODY "33333333-3333-4333-8333-333333333333"
#define NEW_EVENT(tenant, stream, version)                                                                   \
    "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "    \
    "timestamp, "                                                                                            \
    "payload) VALUES (gen_random_uuid(), " stream ", 'Order', 'Made', " tenant ", " version ", now(), '{}')"
#define FIRST_STREAM                                                                                         \
    "(SELECT aggregate_id FROM public.events WHERE tenant_id = '" TENANT "' ORDER BY 1 LIMIT 1)"
struct broken {
    const char *name; /* of the test */
    enum where where;
    const char *setup;
    const char *check;
    enum tmv_verdict verdict;
    const char *says; /* stands in what was seen or what to do */
    const char *teardown;
    const char *hold; /* run by a session of its own that stays open during the preflight; NULL: none */
    const char *also_refuses; /* checks or groups that may refuse for the same reason; NULL: none */
    const char *leave_column, *without_table; /* accepted at the start; NULL: none */
    bool unverified;                          /* started without verification */
    bool held;                                /* started with a way back */
};

/* Two stores of 20 streams of 10 events of TENANT and as many of OTHER, and their roles "engine" and "app".
 * After support_setup. */
void preflight_bed_make(struct preflight_bed *bed);
void preflight_bed_end(struct preflight_bed *bed);
/* Runs preflight with the usual settings; tmv_preflight_free. */
struct tmv_preflight *preflight(const struct preflight_bed *bed, const char *source, const char *target);
/* Prints what is not ok. */
void preflight_show(const struct tmv_preflight *p);
const struct tmv_check *preflight_find(const struct tmv_preflight *p, const char *name); /* NULL: none */
/* The row has this verdict, with these words in what was seen or what to do. */
void assert_verdict(const struct tmv_preflight *p, const char *name, enum tmv_verdict verdict,
                    const char *says);
/* Breaks it, looks, and puts it right again: the named check notices, and no other refuses. */
void assert_notices(const struct preflight_bed *bed, const struct broken *b);
