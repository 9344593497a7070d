/* A made-up fleet for tests of the views: every state, hostile names, a cutover with its steps. The same at
 * every call and at every time. */
#pragma once

#include "view/model.h"

#define SAMPLE_WALL_US INT64_C(1795356151000000) /* 2026-11-22T14:02:31Z */
#define SAMPLE_NOW_US INT64_C(5000000000)

/* The caller frees it with tmv_snapshot_free. */
struct tmv_snapshot *sample_snapshot(void);
/* `count` migrations in all states. */
struct tmv_snapshot *sample_many(int count);
struct tenant_names sample_names(void);
/* Stores in every condition, and the record of mistral, whose cutover went through. Static: nobody frees
 * them. */
const struct store_view *sample_stores(size_t *ret_count);
const struct tmv_record *sample_record(void);
/* A model that shows `snapshot`, 0.4 s old, first row selected. */
void sample_model(struct model *model, const struct tmv_snapshot *snapshot);
