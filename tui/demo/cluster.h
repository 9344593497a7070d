/* Private PostgreSQL clusters inside a workspace: real servers with their own data directories, reachable
 * through a unix socket only, by this program's user and root only.
 *
 * Administration uses the server's own tools (initdb, postgres, psql). One thread at a time per cluster.
 * Nothing here waits without a bound.
 */
#pragma once

#include "demo/workspace.h"

struct cluster;

#define CLUSTER_SUPERUSER "postgres" /* trusted on the private socket, whoever connects */
#define CLUSTER_CONNINFO_MAX 320

struct cluster_options {
    const char *name;            /* directory within the workspace: "shared" */
    const char *const *settings; /* "max_connections=50", …, NULL; later ones win over ours; may be NULL.
                                    "port=" names the socket, too */
    const char *locale;          /* of the server: its messages, its order of words, its numbers; NULL: C */
    const char
        *template_dir; /* a cache: a data directory fresh from initdb, made there when missing; NULL: none */
};
/* Makes a cluster and starts it; returns when it takes connections. It is durable (fsync on) unless a setting
 * says otherwise. Errors: NOT_FOUND when PostgreSQL's programs are not installed, IO with the end of the
 * server's log. */
TMV_NODISCARD bool cluster_start(struct workspace *workspace, const struct cluster_options *options,
                                 struct cluster **ret_cluster, struct tmv_error *err);
/* Forgets a cluster; its server runs on until the workspace closes. NULL is fine. */
void cluster_free(struct cluster *cluster);

enum cluster_stop_mode {
    CLUSTER_FAST,      /* ends sessions, writes a checkpoint */
    CLUSTER_IMMEDIATE, /* no checkpoint: the next start recovers */
    CLUSTER_KILL /* kill -9 of all its processes at once: what was not flushed is gone, as after a crash */
};
/* Stops the server and returns when all of it is gone. Nothing to do when it does not run. */
TMV_NODISCARD bool cluster_stop(struct cluster *cluster, enum cluster_stop_mode mode, struct tmv_error *err);
/* Starts it again after a stop, with the same data; returns when it takes connections. */
TMV_NODISCARD bool cluster_resume(struct cluster *cluster, struct tmv_error *err);

/* libpq string for a database, without a password; returns `text`. */
const char *cluster_conninfo(const struct cluster *cluster, const char *database,
                             char text[CLUSTER_CONNINFO_MAX]);
TMV_NODISCARD bool cluster_create_database(struct cluster *cluster, const char *database,
                                           struct tmv_error *err);
/* Runs a script through psql, stopping at the first error; `ret_output` (may be NULL) gets what it printed,
 * unaligned without headers, and belongs to the caller. */
TMV_NODISCARD bool cluster_psql(struct cluster *cluster, const char *database, const char *script,
                                int64_t timeout_us, char **ret_output, struct tmv_error *err);

pid_t cluster_pid(const struct cluster *cluster); /* of the postmaster; 0 while stopped */
const char *cluster_data_dir(const struct cluster *cluster);
/* Where PostgreSQL's programs are: the newest of pg_config --bindir, the usual folders of the distributions,
 * PATH. */
TMV_NODISCARD bool cluster_find_programs(char *ret_bindir, size_t size, struct tmv_error *err);
