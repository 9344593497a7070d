/* Scope cleanup for what the library hands out: `AUTO(snapshot) struct tmv_snapshot *s = NULL;` frees it at
 * the end of the block. */
#pragma once

#include "lib/cleanup.h"
#include "tenantmv/preflight.h"
#include "tenantmv/record.h"
#include "tenantmv/snapshot.h"

static inline void snapshot_auto(struct tmv_snapshot **snapshot)
{
    tmv_snapshot_free(*snapshot);
}

static inline void record_auto(struct tmv_record **record)
{
    tmv_record_free(*record);
}

static inline void preflight_auto(struct tmv_preflight **preflight)
{
    tmv_preflight_free(*preflight);
}
