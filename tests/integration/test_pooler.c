/* Applications that write through PgBouncer in transaction mode, more of them than it has server connections,
 * while their tenant moves: nothing is lost, nothing is there twice, and the only error that any of them ever
 * reads is that the tenant has moved. */
#include "test.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "support/history.h"
#include "support/life.h"
#include "support/pooler.h"
#include "tenantmv/router.h"

#define WRITERS 8 /* plain ones: POOLER_CONNECTIONS is less */
#define EVENTS_MAX 3
#define AWAIT_US (60 * US_PER_S)

enum kind { ONE_ROW, ROWS, TRANSACTION, COPY, KINDS, ROUTER = KINDS };
static const char *const kinds[] = {"one row", "rows", "transaction", "copy", "router"};

struct writer {
    pthread_t thread;
    int number;
    enum kind kind;
    struct tmv_uuid stream;
    int64_t version; /* of its last event */
    PGconn *conn;    /* owned; of a plain writer */
    bool moved;      /* a plain writer was told, and writes to the target */
    struct tmv_uuid events[EVENTS_MAX];
    size_t count;
    atomic_int acknowledged, told; /* transactions; TM001 */
    char unexpected[400];          /* any other error */
};

static struct {
    struct history *history;
    size_t tenant;
    struct tmv_router *router;
    struct writer writers[WRITERS + 1];
    atomic_bool stop;
} bed;

/* ---- plain writers: libpq, as an application has it ---- */

static void connect_to_home(struct writer *w)
{
    char text[CLUSTER_CONNINFO_MAX];

    PQfinish(w->conn);
    w->conn = PQconnectdb(pooler_conninfo(w->moved ? "target" : "source", text));
}

static void add_values(struct buf *b, const struct writer *w, size_t i)
{
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT];

    buf_printf(b, "%s('%s', '%s', 'Order', 'OrderPlaced', '%s', %lld, now(), '{\"n\": 1}')",
               i ? ", " : "VALUES ", tmv_uuid_format(&w->events[i], event),
               tmv_uuid_format(&w->stream, stream), l.tenant_text, (long long)(w->version + 1 + (int64_t)i));
}

#define COLUMNS                                                                                              \
    "public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, version, "                \
    "\"timestamp\", payload)"

/* False: the error stands in the connection; *ret_state is its SQLSTATE. */
static bool run(struct writer *w, const char *sql, char ret_state[6])
{
    PGresult *result = PQexec(w->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);

    text_copy(ret_state, 6, state ? state : "?");
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_IN;
}

static bool insert(struct writer *w, size_t from, size_t count, char ret_state[6])
{
    AUTO(buf) struct buf sql = BUF_INIT(8000);
    struct writer part = *w;

    part.version += (int64_t)from;
    memmove(part.events, &w->events[from], count * sizeof *part.events);
    buf_str(&sql, "INSERT INTO " COLUMNS " ");
    for (size_t i = 0; i < count; i++)
        add_values(&sql, &part, i);
    return run(w, buf_text(&sql), ret_state);
}

static bool copy(struct writer *w, char ret_state[6])
{
    AUTO(buf) struct buf rows = BUF_INIT(8000);
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT];

    for (size_t i = 0; i < w->count; i++)
        buf_printf(&rows, "%s\t%s\tOrder\tOrderPlaced\t%s\t%lld\t2026-11-22 12:00:00+00\t{\"n\": 1}\n",
                   tmv_uuid_format(&w->events[i], event), tmv_uuid_format(&w->stream, stream), l.tenant_text,
                   (long long)(w->version + 1 + (int64_t)i));
    if (!run(w, "COPY " COLUMNS " FROM STDIN", ret_state) ||
        PQputCopyData(w->conn, buf_text(&rows), (int)rows.len) != 1 || PQputCopyEnd(w->conn, NULL) != 1)
        return false;
    PGresult *result = PQgetResult(w->conn);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    text_copy(ret_state, 6, state ? state : "?");
    PQclear(result);
    PQclear(PQgetResult(w->conn));
    return ok;
}

static bool write_plain(struct writer *w, char ret_state[6])
{
    char ignored[6];

    switch (w->kind) {
    case ONE_ROW:
    case ROWS:
        return insert(w, 0, w->count, ret_state);
    case COPY:
        return copy(w, ret_state);
    case TRANSACTION:
    case ROUTER:
        break;
    }
    if (run(w, "BEGIN", ret_state) && insert(w, 0, 1, ret_state) && insert(w, 1, w->count - 1, ret_state) &&
        run(w, "COMMIT", ret_state))
        return true;
    (void)!run(w, "ROLLBACK", ignored);
    return false;
}

/* ---- one write, and what the writer was told ---- */

static void draft(struct writer *w, size_t numbers[EVENTS_MAX])
{
    int64_t transaction = 0;

    w->count = w->kind == ONE_ROW || w->kind == ROUTER ? 1 : EVENTS_MAX;
    if (w->count > 1)
        transaction = history_transaction(bed.history);
    for (size_t i = 0; i < w->count; i++) {
        w->events[i] = tmv_uuid_random();
        const struct history_write write = {.event = w->events[i],
                                            .stream = w->stream,
                                            .tenant = bed.tenant,
                                            .writer = w->number,
                                            .kind = kinds[w->kind],
                                            .transaction = transaction,
                                            .version = w->version + 1 + (int64_t)i};
        numbers[i] = history_attempt(bed.history, &write);
    }
}

static bool write_routed(struct writer *w, int64_t *ret_position)
{
    const struct tmv_stream stream = {.tenant = l.tenant, .aggregate = w->stream, .aggregate_type = "Order"};
    const struct tmv_new_event event = {.id = w->events[0], .type = "OrderPlaced", .payload = "{\"n\": 1}"};
    const struct tmv_append append = {
        .stream = &stream, .expected_version = w->version, .events = &event, .count = 1};
    struct tmv_append_result result = {0};
    struct tmv_error err;

    bool ok = tmv_router_append(bed.router, &append, &result, &err);
    if (!ok)
        text_copy(w->unexpected, sizeof w->unexpected, err.message);
    *ret_position = result.position;
    return ok;
}

/* What was refused because the tenant moved goes to its new home, as the next write. */
static void write_once(struct writer *w)
{
    size_t numbers[EVENTS_MAX];
    char state[6] = "";
    int64_t position = 0;

    draft(w, numbers);
    bool ok = w->kind == ROUTER ? write_routed(w, &position) : write_plain(w, state);
    for (size_t i = 0; i < w->count; i++)
        history_answer(bed.history, numbers[i], ok ? HISTORY_ACKNOWLEDGED : HISTORY_REFUSED, position);
    if (ok) {
        w->version += (int64_t)w->count;
        atomic_fetch_add(&w->acknowledged, 1);
    } else if (strcmp(state, "TM001") == 0 && !w->moved) {
        w->moved = true;
        atomic_fetch_add(&w->told, 1);
        connect_to_home(w);
    } else if (!w->unexpected[0]) {
        snprintf(w->unexpected, sizeof w->unexpected, "%s %.380s", state, PQerrorMessage(w->conn));
    }
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;

    if (w->kind != ROUTER)
        connect_to_home(w);
    while (!atomic_load(&bed.stop) && !w->unexpected[0]) {
        write_once(w);
        stop_sleep(NULL, 3 * US_PER_MS);
    }
    PQfinish(w->conn);
    return NULL;
}

/* ---- the move ---- */

static int prepare(void **state)
{
    struct tmv_error err;

    (void)state;
    memset(&bed, 0, sizeof bed);
    life_prepare(false, false);
    const struct tmv_router_options options = {.control_conninfo = l.control, .timeout_us = 60 * US_PER_S};
    const struct pooler_database databases[] = {{"source", l.source.conninfo}, {"target", l.target.conninfo}};
    pooler_start(databases, ARRAY_LEN(databases));
    assert_done(tmv_router_open(&options, &bed.router, &err), &err);
    bed.history = history_new();
    bed.tenant = history_tenant(bed.history, &l.tenant);
    history_seed(bed.history, bed.tenant, l.on_source);
    return 0;
}

static int done(void **state)
{
    (void)state;
    tmv_router_close(TAKE(bed.router));
    history_free(TAKE(bed.history));
    life_release();
    return 0;
}

static void start_writers(void)
{
    for (int i = 0; i <= WRITERS; i++) {
        struct writer *w = &bed.writers[i];

        w->number = i;
        w->kind = i == WRITERS ? ROUTER : (enum kind)(i % KINDS);
        w->stream = tmv_uuid_random();
        assert_int_equal(pthread_create(&w->thread, NULL, writer_main, w), 0);
    }
}

/* Every writer has `more` further acknowledged transactions. */
static void await_writes(int more)
{
    int64_t until = clock_now_us() + AWAIT_US;

    for (int i = 0; i <= WRITERS; i++) {
        struct writer *w = &bed.writers[i];
        int enough = atomic_load(&w->acknowledged) + more;

        while (atomic_load(&w->acknowledged) < enough && !w->unexpected[0]) {
            assert_true(clock_now_us() < until);
            stop_sleep(NULL, 2 * US_PER_MS);
        }
    }
}

static void end_writers(void)
{
    atomic_store(&bed.stop, true);
    for (int i = 0; i <= WRITERS; i++)
        pthread_join(bed.writers[i].thread, NULL);
    for (int i = 0; i <= WRITERS; i++) {
        struct writer *w = &bed.writers[i];

        if (w->unexpected[0])
            fail_msg("the writer of %s was told: %s", kinds[w->kind], w->unexpected);
        assert_int_equal(atomic_load(&w->told), w->kind == ROUTER ? 0 : 1);
    }
}

static void assert_nothing_lost(void)
{
    const struct history_databases db = {l.on_control, l.on_source, l.on_target};
    struct history_report *report = calloc(1, sizeof *report);
    struct history_facts *facts = calloc(1, sizeof *facts);
    struct history_store source, target;

    assert_non_null(report);
    assert_non_null(facts);
    history_read_store(l.on_source, &l.tenant, &source);
    history_read_store(l.on_target, &l.tenant, &target);
    history_read_facts(&db, &l.tenant, facts);
    const struct history_view view = {
        .tenant = bed.tenant, .source = &source, .target = &target, .facts = facts};
    history_judge(bed.history, &view, report);
    history_print(bed.history, report, stdout);
    assert_int_equal(report->count, 0);
    history_store_release(&source);
    history_store_release(&target);
    free(report);
    free(facts);
}

static void loses_nothing_behind_a_transaction_pooler(void **state)
{
    (void)state;
    start_writers();
    life_begin_and_wait_until_ready();
    await_writes(10);
    life_expect(life_ask(TMV_OP_CUTOVER, NULL), TMV_COMMAND_DONE, "completed");
    await_writes(10);
    end_writers();
    assert_nothing_lost();
    life_assert_one_audit_row("migration_completed");
}

/* Its own sessions need a session: locks, settings, the pid by which a successor ends them. */
static void refuses_a_pooler_for_itself(void **state)
{
    char text[CLUSTER_CONNINFO_MAX];
    const struct pgx_options options = {.conninfo = pooler_conninfo("source", text), .part = "test"};
    struct pgx_conn *conn = NULL;
    struct tmv_error err;

    (void)state;
    assert_fails(pgx_connect(&options, &conn, &err), &err, TMV_ERR_REFUSED);
    assert_non_null(strstr(err.message, "pooler"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(loses_nothing_behind_a_transaction_pooler, prepare, done),
        cmocka_unit_test_setup_teardown(refuses_a_pooler_for_itself, prepare, done),
    };

    return cmocka_run_group_tests(tests, support_setup, support_teardown);
}
