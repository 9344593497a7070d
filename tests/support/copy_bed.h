/* A migration that has been started and is owned, between two stores, ready for its bulk copy: what the tests
 * of the copy and of the index rebuild share. */
#pragma once

#include "move/copy/bulk_copier.h"
#include "support/support.h"

#define COPY_BED_TENANT "bda448be-6aa4-4002-8af3-c3b3e2529478"
#define COPY_BED_OTHER "00000000-0000-4000-8000-000000000002"
#define COPY_BED_RARE "00000000-0000-4000-8000-000000000003"
#define COPY_BED_WAIT_US (60 * 1000 * 1000LL)

enum side { SOURCE, TARGET };

/* A migration that has been started and is owned, between two stores. */
struct copy_bed {
    char control_conninfo[CLUSTER_CONNINFO_MAX];
    struct tmv_control *control;
    struct pgx_conn *conn[2];
    struct endpoints endpoints;
    struct tmv_settings settings; /* of the copy */
    struct bulk_copier_options options;
};

struct copy_bed_options {
    bool partitioned[2];
    const char *changes[2];
    const char *tenant;              /* NULL: COPY_BED_TENANT */
    const char *const *source_alone; /* settings of a server for the source alone; NULL: both share one */
};

/* What the progress hook saw, and what it is to do. */
struct copy_seen {
    int64_t stop_after; /* events after which the hook says stop; 0 never */
    int64_t kill_after; /* events after which the process kills itself; 0 never */
    const char *kill_at_step;
    const char *stop_at_step; /* the hook says stop there; NULL: nowhere */
    bool break_off;           /* and says that it is broken off */
    int64_t copied, total;
};

void copy_bed_open(struct copy_bed *bed, const struct copy_bed_options *o);
void copy_bed_close(struct copy_bed *bed);
/* `count` events, most of them of the tenant, one in ten of another and one in a thousand of a rare one, with
 * payloads of every shape and holes in the positions. */
void copy_bed_fill(struct copy_bed *bed, int count);
bool copy_bed_run(struct copy_bed *bed, struct copy_seen *seen, bool *ret_finished, struct tmv_error *err);
/* Runs it to its end. */
void copy_bed_copy_all(struct copy_bed *bed);
/* Runs it in a child that is killed on the way; `fault` names a fault point, or NULL. */
void copy_bed_run_and_be_killed(struct copy_bed *bed, struct copy_seen *seen, const char *fault);
/* The target holds exactly the tenant's events up to the limit, each as it is on the source, and nothing
 * else. */
void copy_bed_assert_copied(struct copy_bed *bed);
