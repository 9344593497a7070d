#include "pg/conn.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/text.h"
#include "pg/ident.h"
#include "pg/internal.h"
#include "sql_embedded.h"

#define LOWEST_VERSION 130000
#define DEFAULT_CONNECT_US (10 * US_PER_S)
#define PROCESS_END_US (10 * US_PER_MS)

int64_t pgx_deadline(int64_t timeout_us)
{
    return clock_now_us() + timeout_us;
}

bool pgx_wait(struct pgx_conn *conn, bool for_write, int64_t deadline_us, struct tmv_error *err)
{
    fault_socket_used(PQsocket(conn->pg));
    struct pollfd fds[2] = {
        {.fd = PQsocket(conn->pg), .events = (short)(for_write ? POLLIN | POLLOUT : POLLIN)},
        {.fd = conn->stop ? conn->stop->fd : -1, .events = POLLIN},
    };

    for (;;) {
        int64_t left = deadline_us - clock_now_us();
        if (left < 0)
            left = 0;
        struct timespec ts = {.tv_sec = (time_t)(left / US_PER_S), .tv_nsec = (long)(left % US_PER_S) * 1000};
        int n = ppoll(fds, 2, &ts, NULL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            conn->broken = true;
            return err_errno(err, "poll");
        }
        if (fds[1].revents) {
            conn->broken = true;
            return err_set(err, TMV_ERR_CANCELLED, "stopped while waiting for %s", conn->place);
        }
        if (fds[0].revents)
            return true;
        if (left == 0) {
            conn->broken = true;
            return err_set(err, TMV_ERR_TIMEOUT, "no answer from %s in time", conn->place);
        }
    }
}

static void log_notice(void *user, const PGresult *result)
{
    const struct pgx_conn *conn = user;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);

    log_debug("server notice from %s: %s %s", conn->place, severity ? severity : "", text ? text : "");
}

static void describe_place(struct pgx_conn *conn)
{
    const char *host = PQhost(conn->pg);
    const char *port = PQport(conn->pg);
    const char *db = PQdb(conn->pg);
    const char *user = PQuser(conn->pg);

    snprintf(conn->place, sizeof conn->place, "%s at %s:%s as %s", db && *db ? db : "?",
             host && *host ? host : "?", port && *port ? port : "?", user && *user ? user : "?");
    text_sanitize(conn->place);
}

static bool poll_connect(struct pgx_conn *conn, int64_t deadline, struct tmv_error *err)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;

    for (;;) {
        if (state == PGRES_POLLING_OK)
            return true;
        if (state == PGRES_POLLING_FAILED || PQsocket(conn->pg) < 0)
            return pgx_connect_failed(conn, err);
        struct pollfd fds[2] = {
            {.fd = PQsocket(conn->pg), .events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT},
            {.fd = conn->stop ? conn->stop->fd : -1, .events = POLLIN},
        };
        int64_t left = deadline - clock_now_us();
        if (left <= 0)
            return err_set(err, TMV_ERR_UNREACHABLE, "cannot connect to %s: no answer in time", conn->place);
        struct timespec ts = {.tv_sec = (time_t)(left / US_PER_S), .tv_nsec = (long)(left % US_PER_S) * 1000};
        int n = ppoll(fds, 2, &ts, NULL);
        if (n < 0 && errno != EINTR)
            return err_errno(err, "poll");
        if (n > 0 && fds[1].revents)
            return err_set(err, TMV_ERR_CANCELLED, "stopped while connecting to %s", conn->place);
        if (n > 0 && fds[0].revents)
            state = PQconnectPoll(conn->pg);
    }
}

/* False when the path is longer than any that makes sense. */
static bool keep_path(struct pgx_conn *conn, const char *schemas)
{
    int len =
        snprintf(conn->write_path, sizeof conn->write_path, "%s%spg_temp", schemas, *schemas ? ", " : "");

    return len > 0 && (size_t)len < sizeof conn->write_path;
}

static bool prepare_session(struct pgx_conn *conn, const struct pgx_options *o, int64_t deadline,
                            struct tmv_error *err)
{
    AUTO(buf) struct buf sql = BUF_INIT(8000);
    char limit_ms[24];
    struct pgx_result *rows[2] = {NULL, NULL};

    if (PQserverVersion(conn->pg) < LOWEST_VERSION) {
        err_set(err, TMV_ERR_REFUSED, "%s runs PostgreSQL %d; 13 or later is needed", conn->place,
                PQserverVersion(conn->pg) / 10000);
        return err_hint(err, "upgrade the server, or move the tenant from a replica of a newer version");
    }
    snprintf(limit_ms, sizeof limit_ms, "%lld", (long long)(o->statement_timeout_us / US_PER_MS));
    const struct pgx_var vars[] = {
        {"statement_timeout_ms", limit_ms},
        {"idle_session", PQserverVersion(conn->pg) >= 140000 ? "SET idle_session_timeout = 0;" : ""},
    };
    if (!pgx_expand(&sql, sql_session_begin, vars, ARRAY_LEN(vars), err) ||
        !pgx_script(conn, deadline - clock_now_us(), buf_text(&sql), ARRAY_LEN(rows), rows, err))
        return err_wrap(err, "preparing the session");
    bool fits = keep_path(conn, pgx_text(rows[0], 0, 0));
    bool direct = pgx_int(rows[1], 0, 0) == PQbackendPID(conn->pg);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        pgx_result_free(rows[i]);
    if (!direct) {
        err_set(err, TMV_ERR_REFUSED, "there is a connection pooler between us and %s", conn->place);
        return err_hint(err, "give tenantmv the address of the PostgreSQL server itself");
    }
    if (!fits) {
        err_set(err, TMV_ERR_REFUSED, "the search_path of %s is too long", conn->place);
        return err_hint(err, "name fewer schemas: ALTER ROLE … IN DATABASE … SET search_path = …");
    }
    return true;
}

static PGconn *start_connection(const struct pgx_options *o)
{
    char application_name[64];
    const char *names[13];
    const char *values[13];
    int n = 0;

    snprintf(application_name, sizeof application_name, "tenantmv/%s%s%s", o->part ? o->part : "tool",
             o->migration ? "/" : "", o->migration ? o->migration : "");
#define OPTION(k, v) (names[n] = (k), values[n] = (v), n++)
    OPTION("dbname", o->conninfo); /* first: what it says may be overridden below */
    if (o->user && *o->user)
        OPTION("user", o->user);
    OPTION("application_name", application_name);
    OPTION("client_encoding", "UTF8");
    OPTION("keepalives", "1");
    OPTION("keepalives_idle", "5");
    OPTION("keepalives_interval", "2");
    OPTION("keepalives_count", "3");
    OPTION("tcp_user_timeout", "10000");
#undef OPTION
    names[n] = values[n] = NULL;
    return PQconnectStartParams(names, values, 1);
}

bool pgx_connect(const struct pgx_options *o, struct pgx_conn **ret_conn, struct tmv_error *err)
{
    AUTO_CONN struct pgx_conn *conn = calloc(1, sizeof *conn);
    int64_t deadline = pgx_deadline(o->connect_timeout_us ? o->connect_timeout_us : DEFAULT_CONNECT_US);

    if (!conn)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    /* Also what a registry holds from before this was checked: libpq's messages would repeat it. */
    if (o->conninfo && !pgx_check_conninfo(o->conninfo, err))
        return false;
    conn->stop = o->stop;
    conn->autocommit_only = o->autocommit_only;
    conn->pg = start_connection(o);
    if (!conn->pg)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    describe_place(conn);
    PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE); /* see connect_error.c */
    if (PQstatus(conn->pg) == CONNECTION_BAD)
        return pgx_connect_failed(conn, err);
    PQsetNoticeReceiver(conn->pg, log_notice, conn);
    if (!poll_connect(conn, deadline, err))
        return false;
    PQsetErrorVerbosity(conn->pg, PQERRORS_DEFAULT);
    describe_place(conn);
    if (PQsetnonblocking(conn->pg, 1) != 0)
        return pgx_fail(conn, NULL, err);
    if (!prepare_session(conn, o, deadline, err))
        return false;
    *ret_conn = TAKE(conn);
    return true;
}

void pgx_close(struct pgx_conn *conn)
{
    if (!conn)
        return;
    PQfreemem(conn->copy_data);
    PQfinish(conn->pg);
    free(conn);
}

void pgx_close_gently(struct pgx_conn *conn, const struct stop *stop)
{
    bool ends_a_process = pgx_is_usable(conn);

    pgx_close(conn);
    if (ends_a_process)
        (void)stop_sleep(stop, PROCESS_END_US);
}

bool pgx_is_usable(const struct pgx_conn *conn)
{
    return conn && !conn->broken && PQstatus(conn->pg) == CONNECTION_OK;
}

bool pgx_in_transaction(const struct pgx_conn *conn)
{
    PGTransactionStatusType state = PQtransactionStatus(conn->pg);

    return state == PQTRANS_INTRANS || state == PQTRANS_INERROR;
}

int pgx_backend_pid(const struct pgx_conn *conn)
{
    return PQbackendPID(conn->pg);
}

const struct stop *pgx_stop(const struct pgx_conn *conn)
{
    return conn->stop;
}

void pgx_set_stop(struct pgx_conn *conn, const struct stop *stop)
{
    conn->stop = stop;
}

int pgx_socket(const struct pgx_conn *conn)
{
    return PQsocket(conn->pg);
}

const char *pgx_database(const struct pgx_conn *conn)
{
    return PQdb(conn->pg);
}

const char *pgx_user(const struct pgx_conn *conn)
{
    return PQuser(conn->pg);
}

const char *pgx_write_path(const struct pgx_conn *conn)
{
    return conn->write_path;
}

const char *pgx_place(const struct pgx_conn *conn)
{
    return conn->place;
}

bool pgx_next_notification(struct pgx_conn *conn, char channel[64], char payload[256])
{
    PGnotify *n;

    if (!pgx_is_usable(conn) || !PQconsumeInput(conn->pg))
        return false;
    n = PQnotifies(conn->pg);
    if (!n)
        return false;
    text_copy(channel, 64, n->relname);
    text_copy(payload, 256, n->extra);
    PQfreemem(n);
    return true;
}

bool pgx_wait_readable(struct pgx_conn *conn, int64_t timeout_us, struct tmv_error *err)
{
    if (!pgx_is_usable(conn)) /* its socket is closed: a wait would never end early */
        return pgx_fail(conn, NULL, err);
    if (!pgx_wait(conn, false, pgx_deadline(timeout_us), err)) {
        if (err->code != TMV_ERR_TIMEOUT && err->code != TMV_ERR_CANCELLED)
            return false;
        conn->broken = false; /* nothing was in flight, so nothing is half done */
        return err->code == TMV_ERR_TIMEOUT;
    }
    if (!PQconsumeInput(conn->pg))
        return pgx_fail(conn, NULL, err);
    return true;
}
