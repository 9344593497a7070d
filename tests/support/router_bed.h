/* What the router's tests share: a control database, two stores, a tenant, a router, writers in threads. */
#pragma once

#include <pthread.h>

#include "route/internal.h"
#include "store/guard/guard.h"
#include "support/support.h"
#include "tenantmv/router.h"

#define ROUTER_BED_OWNER_EPOCH 1
#define ROUTER_BED_PLACEMENT 5 /* the placement epoch of a move; before it the fences stand one lower */

/* A control database, two stores, a tenant that lives on the first. */
struct router_bed {
    char control[CLUSTER_CONNINFO_MAX];
    struct tmv_store_info a_info, b_info;
    struct pgx_conn *control_conn, *a, *b;
    struct store_shape a_shape, b_shape;
    struct tmv_stream stream;
    char tenant[TMV_UUID_TEXT];
    struct tmv_router *router;
};

/* A writer in a thread of its own. */
struct router_writer {
    struct router_bed *bed;
    struct tmv_stream stream;
    struct tmv_new_event events[3];
    size_t count;
    int64_t expected;
    bool ok;
    struct tmv_append_result result;
    struct tmv_error err;
    pthread_t thread;
};

/* Makes the databases; no router yet. */
void router_bed_stores(struct router_bed *bed, bool partitioned);
/* Opens the router; the control database is filled in. */
void router_bed_router(struct router_bed *bed, struct tmv_router_options options);
/* Both, with plain stores and the defaults. */
void router_bed_open(struct router_bed *bed);
void router_bed_close(struct router_bed *bed);
struct tmv_new_event router_bed_event(void);
/* Appends one event to the bed's stream. */
bool router_bed_append(struct router_bed *bed, int64_t expected, struct tmv_append_result *result,
                       struct tmv_error *err);
/* Events in a store. */
int64_t router_bed_count(struct pgx_conn *conn);
/* Polls until a condition on the router holds. */
void router_bed_wait(struct router_bed *bed, bool (*holds)(struct tmv_router *router));
/* Conditions: it hears announcements; a writer waits in it. */
bool router_bed_listens(struct tmv_router *router);
bool router_bed_holds_writers(struct tmv_router *router);
/* Starts a writer that appends `count` events to the bed's stream; join its thread. */
void router_bed_start(struct router_writer *w, struct router_bed *bed, size_t count, int64_t expected);
/* The real guard: find the shapes, install it with the fence in a state, change the fence. */
void router_bed_discover(struct router_bed *bed);
struct guard router_bed_guard(struct router_bed *bed, struct pgx_conn *conn, const struct store_shape *shape,
                              enum fence_state state);
void router_bed_fence(struct router_bed *bed, struct pgx_conn *conn, const char *state, int64_t epoch,
                      const char *store);
