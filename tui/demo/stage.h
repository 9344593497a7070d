/* The demo's scenery: two clusters, their databases and stores, the tenants and their history. */
#pragma once

#include "demo/cluster.h"
#include "demo/demo.h"
#include "tenantmv/control.h"

#define STAGE_SHARED                                                                                         \
    "shared" /* id of the shared store, and its database, which is the control database too */

struct stage_tenant {
    struct tmv_uuid id;
    char name[32];     /* "acme" */
    char store[48];    /* id of its dedicated store, "dedicated-acme" */
    char database[48]; /* of that store, "acme" */
    int64_t seeded;    /* events of its history */
};

struct stage {
    struct workspace *workspace;        /* owned */
    struct cluster *shared;             /* owned */
    struct cluster *dedicated;          /* owned */
    char control[CLUSTER_CONNINFO_MAX]; /* of the control database */
    char journal[256];                  /* directory for files that the servers may read */
    size_t tenant_count;
    struct stage_tenant *tenants; /* owned; largest first */
};

/* Sets it up; `say` (may be NULL) is told of each step in a line. The caller frees with stage_close, also
 * after an error. Ends early with CANCELLED when `cancel_fd` becomes readable. */
TMV_NODISCARD bool stage_open(const struct demo_options *options, int cancel_fd,
                              void (*say)(const char *fmt, ...), struct stage *ret_stage,
                              struct tmv_error *err);
void stage_close(struct stage *stage);
/* What the registry says about a tenant's dedicated store, or the shared store for NULL. */
void stage_store(const struct stage *stage, const struct stage_tenant *tenant,
                 struct tmv_store_info *ret_store);
/* Sizes that differ as real tenants' do (1/k), largest first, `total` in sum, none below 1 when the total
 * allows it. */
void stage_share_out(int64_t total, size_t count, int64_t *ret_sizes);
