/* Connections to PostgreSQL. core/pg is the only user of libpq, and every wait here is bounded by a timeout
 * and ends early when the connection's stop flag is raised.
 *
 * A connection belongs to one thread at a time. After an UNREACHABLE, TIMEOUT or CANCELLED error it is
 * broken: close it and open another. What a lost answer to a COMMIT means is for the caller to find out
 * (design §9).
 */
#pragma once

#include <stdint.h>

#include "lib/stop.h"
#include "tenantmv/types.h"

struct pgx_conn;

/* How to open a connection. All pointers are borrowed for the call only, except `stop`, which must outlive
 * it. */
struct pgx_options {
    const char *conninfo;         /* libpq connection string or URI; passwords come from libpq's own places */
    const char *user;             /* the role, whatever the string says; NULL or "": as it says */
    const char *part;             /* who we are: application_name becomes tenantmv/<part>/<migration> */
    const char *migration;        /* migration id in text form, or NULL */
    const struct stop *stop;      /* ends every wait when raised; NULL for none */
    int64_t connect_timeout_us;   /* 0 means 10 s */
    int64_t statement_timeout_us; /* server-side limit for every statement; 0 means none */
    /* Every transaction is one statement or one script: one that waits for its client holds its locks for as
     * long as the client stands still. A statement after one that left a transaction open is refused
     * (INTERNAL). */
    bool autocommit_only;
};

/* Opens a connection and prepares the session (design §9, Connections): application_name, UTF8,
 * row_security=off, idle_session_timeout=0, keepalives, tcp_user_timeout, search_path pg_catalog, and every
 * setting that changes the text form of a value (TimeZone UTC and the like). Name resolution may block beyond
 * the timeout (libpq). Errors: UNREACHABLE (with SQLSTATE when the server refused), TIMEOUT, CANCELLED;
 * REFUSED when a pooler stands in between (PQbackendPID differs from pg_backend_pid()) or the server is older
 * than 13. */
TMV_NODISCARD bool pgx_connect(const struct pgx_options *options, struct pgx_conn **ret_conn,
                               struct tmv_error *err);
/* Closes; NULL is fine. An open transaction is rolled back by the server. */
void pgx_close(struct pgx_conn *conn);
/* Closes, and gives the server's process the time to end: one that has seen much of a large
 * cache takes milliseconds of a core to give its memory back, and several at once hold up the writers of a
 * small machine [measured: 5 sessions, 1 GB of shared_buffers, 2 cores: 10 to 27 ms without an answer to any
 * writer]. Blocks up to 10 ms, less when `stop` (may be NULL) is raised, and not at all for a broken one.
 * NULL is fine. */
void pgx_close_gently(struct pgx_conn *conn, const struct stop *stop);
/* Whether it can still be used. */
bool pgx_is_usable(const struct pgx_conn *conn);
/* In a transaction block (also a failed one). */
bool pgx_in_transaction(const struct pgx_conn *conn);
int pgx_backend_pid(const struct pgx_conn *conn);
int pgx_socket(const struct pgx_conn *conn);
/* The flag that ends this connection's waits; NULL for none. Borrowed: pauses between its statements end with
 * it too. */
const struct stop *pgx_stop(const struct pgx_conn *conn);
/* From now on its waits end with another flag: for a session that is handed from one thread to another. */
void pgx_set_stop(struct pgx_conn *conn, const struct stop *stop);
const char *pgx_database(const struct pgx_conn *conn);
const char *pgx_user(const struct pgx_conn *conn);
/* The search_path for statements that write rows: where the table's own code (CHECKs, domains, index
 * expressions, triggers) finds the names that it does not qualify, as the sessions of the applications find
 * them. It is the session's own default (server, database, role, in this order of rising weight) without
 * schemas in which every role may create objects, and with pg_temp last. Quoted, ready to stand after
 * "search_path = ". Borrowed. */
const char *pgx_write_path(const struct pgx_conn *conn);
/* Where it leads, for messages: "dbname at host:port as user", never a password. Borrowed. */
const char *pgx_place(const struct pgx_conn *conn);

/* A notification that arrived; false if there is none. Reads what the socket has without waiting. */
bool pgx_next_notification(struct pgx_conn *conn, char channel[64], char payload[256]);
/* Waits until the server sends something (a notification), the timeout passes, or stop is raised. */
TMV_NODISCARD bool pgx_wait_readable(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err);

/* Checks a connection string without connecting: its syntax, that it carries no password or other secret, and
 * that none seems to have slipped into another option (a quote or a "/" in the wrong place). USAGE; neither
 * message nor hint repeats any part of the string. Any thread; does not block. */
TMV_NODISCARD bool pgx_check_conninfo(const char *conninfo, struct tmv_error *err);
/* The role that a connection string names; "" when it names none. Returns whether it decides the role, by
 * itself or by a service. */
bool pgx_conninfo_user(const char *conninfo, char user[64]);

static inline void pgx_conn_auto(struct pgx_conn **conn)
{
    pgx_close(*conn);
}
#define AUTO_CONN __attribute__((cleanup(pgx_conn_auto)))
