/* Compares what writers were told with what a store holds, inside the store's own server
 * (sql/check_tenant.sql): nothing of the router, the engine or this program's memory is trusted. */
#pragma once

#include "demo/cluster.h"
#include "tenantmv/types.h"

struct check_request {
    struct cluster *cluster;
    const char *database;
    const struct tmv_uuid *tenant;
    const char *journal; /* path of the tenant's journal, flushed */
    int64_t seeded;      /* events of the tenant before the first writer */
    bool dedicated;      /* the database must hold nobody else's events */
};
struct check_result {
    int64_t lost;         /* acknowledged, or of the history, and not there */
    int64_t duplicated;   /* there twice, or there though nobody was told so, or somebody else's */
    int64_t out_of_order; /* not at the position or version that the writer was told; gaps and steps back in a
                             stream */
    int64_t events;       /* of the tenant */
    int64_t unknown_found; /* writes with a lost answer that did happen */
};
TMV_NODISCARD bool checker_run(const struct check_request *request, struct check_result *ret_result,
                               struct tmv_error *err);
/* Position of the tenant's last event in a store, 0 without one. */
TMV_NODISCARD bool checker_last_position(struct cluster *cluster, const char *database,
                                         const struct tmv_uuid *tenant, int64_t *ret_position,
                                         struct tmv_error *err);
