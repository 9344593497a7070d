/* What integration tests share: one workspace per test program with its private PostgreSQL clusters,
 * databases, stores, and statements that end the test with the error's message when they fail.
 *
 * Use `support_setup` and `support_teardown` as the group's fixtures. A cluster is started when it is first
 * asked for and shared by all cases of the program; give each case a database of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "demo/cluster.h"
#include "pg/query.h"
#include "tenantmv/control.h"

#define SUPPORT_TIMEOUT_US 60000000

/* Fails the test with the message when a call returns false: assert_done(pgx_begin(conn, t, &err), &err). */
#define assert_done(call, err) support_assert((call), (err), #call, __FILE__, __LINE__)
/* Fails the test unless the call returns false with this code. */
#define assert_fails(call, err, expected)                                                                    \
    support_assert_code(!(call), (err), (expected), #call, __FILE__, __LINE__)
void support_assert(bool ok, const struct tmv_error *err, const char *what, const char *file, int line);
void support_assert_code(bool failed, const struct tmv_error *err, enum tmv_code expected, const char *what,
                         const char *file, int line);

/* Group fixtures. Teardown ends every server and removes every directory, as does any other end of the
 * program. */
int support_setup(void **state);
int support_teardown(void **state);

/* For a process that was forked from a test program, in a case of its own: servers from now on are its own,
 * and end with it; the parent's run on. Files stay where the parent looks for them. */
void support_setup_apart(void);

struct workspace *support_workspace(void);
/* A directory for files of the test; it goes with the workspace. */
const char *support_temporary_dir(void);
/* The cluster `name` ("source", "target", …), started with `settings` (may be NULL) when it does not run yet.
 * Clusters have max_prepared_transactions=10 and fsync on. */
struct cluster *support_cluster(const char *name, const char *const *settings);
/* A new, empty database; its conninfo is written to `conninfo`. */
void support_database(struct cluster *cluster, char conninfo[CLUSTER_CONNINFO_MAX]);
/* A new database with eventsource-py's events table, as that library makes it, plain or partitioned. */
void support_store(struct cluster *cluster, const char *id, bool partitioned,
                   struct tmv_store_info *ret_store);

/* A connection; close it with pgx_close. */
struct pgx_conn *support_connect(const char *conninfo);
/* Runs statements (printf form). */
void support_sql(struct pgx_conn *conn, const char *fmt, ...) TMV_PRINTF(2, 3);
/* First field of the first row. */
int64_t support_int(struct pgx_conn *conn, const char *fmt, ...) TMV_PRINTF(2, 3);
/* The same as text; the caller frees it. */
char *support_text(struct pgx_conn *conn, const char *fmt, ...) TMV_PRINTF(2, 3);
/* Adds events 1 … `versions` to each of `streams` new streams of the tenant, interleaved, with small
 * payloads. */
void support_fill(struct pgx_conn *conn, const struct tmv_uuid *tenant, int streams, int versions);
/* Polls until the statement's first field is true; fails the test after SUPPORT_TIMEOUT_US. */
void support_wait_until(struct pgx_conn *conn, const char *fmt, ...) TMV_PRINTF(2, 3);
