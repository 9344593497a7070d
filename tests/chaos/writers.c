#include "test.h"

#include "chaos/writers.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/stop.h"
#include "lib/text.h"
#include "pg/copy.h"
#include "support/support.h"

#define WRITERS_MAX 256
#define ROWS_MAX 3
#define WRITE_TIMEOUT_US (60 * US_PER_S)

static const char *const kind_names[WRITER_KINDS] = {
    "router",       "insert",    "rows",      "copy", "statements", "repeatable read",
    "serializable", "two-phase", "savepoint", "long", "async",      "dying"};

/* A stream that a writer continues. */
struct course {
    struct tmv_uuid id;
    int64_t version; /* of its last event */
};

struct writer {
    struct writers *group;
    pthread_t thread;
    atomic_bool stop;
    bool joined;
    int number;
    enum writer_kind kind;
    int64_t pause_us;
    struct tmv_uuid tenant;
    const struct bed_tenant *moves; /* NULL: the neighbour */
    size_t tenant_number;
    struct course courses[2];
    struct pgx_conn *conn; /* owned */
    bool moved;            /* writes to the target */
    unsigned seed;
};

struct writers {
    struct bed *bed;
    char through[CLUSTER_CONNINFO_MAX];
    struct tmv_router *router; /* owned */
    struct writer *list[WRITERS_MAX];
    size_t count;
    pthread_mutex_t lock; /* over what follows */
    struct writers_totals totals;
};

/* One event of the transaction that is under way. */
struct draft {
    struct tmv_uuid event;
    struct course *course;
    int64_t version;
    size_t noted; /* number in the history */
    bool rolled_back;
};

static int dice(struct writer *w, int sides)
{
    return (int)(rand_r(&w->seed) % (unsigned)sides);
}

static void note(struct writer *w, struct draft *d, int64_t transaction)
{
    const struct history_write write = {.event = d->event,
                                        .stream = d->course->id,
                                        .tenant = w->tenant_number,
                                        .writer = w->number,
                                        .kind = kind_names[w->kind],
                                        .transaction = transaction,
                                        .version = d->version};

    d->noted = history_attempt(w->group->bed->history, &write);
}

static void begin_drafts(struct writer *w, struct draft *drafts, size_t count, bool two_streams)
{
    int64_t transaction = count > 1 ? history_transaction(w->group->bed->history) : 0;

    for (size_t i = 0; i < count; i++) {
        struct course *course = &w->courses[two_streams ? i % 2 : 0];

        drafts[i] = (struct draft){.event = tmv_uuid_random(),
                                   .course = course,
                                   .version = course->version + 1 + (int64_t)(two_streams ? i / 2 : i)};
        note(w, &drafts[i], transaction);
    }
}

static void begin_streams(struct writer *w)
{
    for (int i = 0; i < 2; i++)
        w->courses[i] = (struct course){.id = tmv_uuid_random()};
}

/* What the writer learned of its transaction. After an unknown end it begins new streams: whether the next
 * version of the old ones is free is not known. */
static void end_drafts(struct writer *w, struct draft *drafts, size_t count, enum history_outcome outcome)
{
    for (size_t i = 0; i < count; i++) {
        if (drafts[i].rolled_back)
            continue;
        if (outcome == HISTORY_ACKNOWLEDGED)
            drafts[i].course->version = drafts[i].version;
        /* What is not on disk yet may still be taken back. */
        bool sure = w->kind != WRITER_ASYNC || outcome != HISTORY_ACKNOWLEDGED;
        history_answer(w->group->bed->history, drafts[i].noted, sure ? outcome : HISTORY_UNKNOWN, 0);
    }
    if (outcome == HISTORY_UNKNOWN)
        begin_streams(w);
}

/* ---- writing with SQL ---- */

static const char *home(const struct writer *w)
{
    if (w->moved)
        return w->moves->target.conninfo;
    return w->group->through[0] ? w->group->through : w->group->bed->source.conninfo;
}

static bool sql(struct writer *w, const char *text, struct tmv_error *err)
{
    return pgx_script(w->conn, WRITE_TIMEOUT_US, text, 0, NULL, err);
}

/* A writer that does not wait for the disk does not know, after a new connection, what is left of its
 * streams. */
static bool begin_session(struct writer *w)
{
    struct tmv_error ignored;

    if (w->kind != WRITER_ASYNC)
        return true;
    begin_streams(w);
    return sql(w, "SET synchronous_commit = off", &ignored);
}

static bool connected(struct writer *w)
{
    const struct pgx_options options = {.conninfo = home(w), .part = "test"};
    struct tmv_error ignored;

    if (w->conn && !pgx_is_usable(w->conn))
        pgx_close(TAKE(w->conn));
    if (w->conn || (pgx_connect(&options, &w->conn, &ignored) && begin_session(w)))
        return true;
    pgx_close(TAKE(w->conn));
    stop_sleep(NULL, 50 * US_PER_MS);
    return false;
}

static void add_values(const struct writer *w, const struct draft *d, struct buf *b)
{
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT], tenant[TMV_UUID_TEXT];

    buf_printf(b, "('%s', '%s', 'Order', 'OrderPlaced', '%s', %" PRId64 ", now(), '{\"n\": 1.00}')",
               tmv_uuid_format(&d->event, event), tmv_uuid_format(&d->course->id, stream),
               tmv_uuid_format(&w->tenant, tenant), d->version);
}

static bool insert(struct writer *w, const struct draft *drafts, size_t count, struct tmv_error *err)
{
    AUTO(buf) struct buf b = BUF_INIT(8000);

    buf_str(&b, "INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
                "version, \"timestamp\", payload) VALUES ");
    for (size_t i = 0; i < count; i++) {
        buf_str(&b, i ? ", " : "");
        add_values(w, &drafts[i], &b);
    }
    return sql(w, buf_text(&b), err);
}

static bool copy(struct writer *w, const struct draft *drafts, size_t count, struct tmv_error *err)
{
    AUTO(buf) struct buf b = BUF_INIT(8000);
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT], tenant[TMV_UUID_TEXT];

    for (size_t i = 0; i < count; i++)
        buf_printf(&b, "%s\t%s\tOrder\tOrderPlaced\t%s\t%" PRId64 "\t2026-11-22 12:00:00+00\t{\"n\": 1.00}\n",
                   tmv_uuid_format(&drafts[i].event, event), tmv_uuid_format(&drafts[i].course->id, stream),
                   tmv_uuid_format(&w->tenant, tenant), drafts[i].version);
    return pgx_copy_in(w->conn, WRITE_TIMEOUT_US,
                       "COPY public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, "
                       "version, \"timestamp\", payload) FROM STDIN",
                       err) &&
           pgx_copy_write(w->conn, WRITE_TIMEOUT_US, b.data, b.len, err) &&
           pgx_copy_finish(w->conn, WRITE_TIMEOUT_US, NULL, err);
}

/* Whether a statement that commits by itself, or a COMMIT, may have happened although it failed. */
static enum history_outcome judge_failure(struct writer *w, bool committing, const struct tmv_error *err)
{
    if (committing && !pgx_is_usable(w->conn))
        return HISTORY_UNKNOWN;
    if (err->code == TMV_ERR_MOVED && w->moves) {
        w->moved = true;
        pgx_close(TAKE(w->conn));
    } else if (w->conn) {
        pgx_rollback(w->conn, WRITE_TIMEOUT_US);
    }
    return HISTORY_REFUSED;
}

static enum history_outcome single(struct writer *w, struct draft *drafts, size_t *ret_count)
{
    struct tmv_error err;

    *ret_count = w->kind == WRITER_INSERT || w->kind == WRITER_ASYNC ? 1 : ROWS_MAX;
    begin_drafts(w, drafts, *ret_count, false);
    if (w->kind == WRITER_COPY ? copy(w, drafts, *ret_count, &err) : insert(w, drafts, *ret_count, &err))
        return HISTORY_ACKNOWLEDGED;
    return judge_failure(w, true, &err);
}

static const char *begin_text(enum writer_kind kind)
{
    if (kind == WRITER_REPEATABLE_READ)
        return "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_catalog.pg_class";
    if (kind == WRITER_SERIALIZABLE)
        return "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM pg_catalog.pg_class";
    return "BEGIN";
}

/* The transaction up to its end. */
static bool fill(struct writer *w, struct draft *drafts, size_t count, struct tmv_error *err)
{
    if (!sql(w, begin_text(w->kind), err))
        return false;
    if (w->kind == WRITER_REPEATABLE_READ || w->kind == WRITER_SERIALIZABLE)
        stop_sleep(NULL, dice(w, 30) * US_PER_MS);
    if (w->kind == WRITER_SAVEPOINT) {
        /* What is rolled back uses the version that the real event has. */
        struct draft lost = {
            .event = tmv_uuid_random(), .course = drafts[0].course, .version = drafts[0].version};

        note(w, &lost, 0);
        bool ok = sql(w, "SAVEPOINT s", err) && insert(w, &lost, 1, err) && sql(w, "ROLLBACK TO s", err);
        history_answer(w->group->bed->history, lost.noted, HISTORY_REFUSED, 0);
        if (!ok)
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!insert(w, &drafts[i], 1, err))
            return false;
    if (w->kind == WRITER_LONG)
        stop_sleep(NULL, (50 + dice(w, 300)) * US_PER_MS);
    return true;
}

static enum history_outcome finish_prepared(struct writer *w, struct tmv_error *err)
{
    char name[60], text[100];
    bool commit = dice(w, 4) != 0;

    snprintf(name, sizeof name, "chaos_%d_%d_%08x", (int)getpid(), w->number, (unsigned)rand_r(&w->seed));
    snprintf(text, sizeof text, "PREPARE TRANSACTION '%s'", name);
    if (!sql(w, text, err))
        return judge_failure(w, false, err);
    stop_sleep(NULL, dice(w, 30) * US_PER_MS);
    snprintf(text, sizeof text, "%s PREPARED '%s'", commit ? "COMMIT" : "ROLLBACK", name);
    if (sql(w, text, err))
        return commit ? HISTORY_ACKNOWLEDGED : HISTORY_REFUSED;
    return commit ? judge_failure(w, true, err) : HISTORY_REFUSED;
}

/* The connection ends in the transaction, or with the COMMIT on its way. */
static enum history_outcome die(struct writer *w)
{
    bool committing = dice(w, 2) == 0;
    struct tmv_error ignored;

    if (committing)
        committing = pgx_send(w->conn, "COMMIT", PGX_NONE, &ignored);
    shutdown(pgx_socket(w->conn), SHUT_RDWR);
    pgx_close(TAKE(w->conn));
    return committing ? HISTORY_UNKNOWN : HISTORY_REFUSED;
}

static enum history_outcome transaction(struct writer *w, struct draft *drafts, size_t *ret_count)
{
    struct tmv_error err;

    *ret_count = w->kind == WRITER_STATEMENTS ? ROWS_MAX : 1;
    begin_drafts(w, drafts, *ret_count, w->kind == WRITER_STATEMENTS);
    if (!fill(w, drafts, *ret_count, &err))
        return judge_failure(w, false, &err);
    if (w->kind == WRITER_PREPARED)
        return finish_prepared(w, &err);
    if (w->kind == WRITER_DYING)
        return die(w);
    if (sql(w, "COMMIT", &err))
        return HISTORY_ACKNOWLEDGED;
    return judge_failure(w, true, &err);
}

/* ---- writing through the router ---- */

static void count_router(struct writer *w, int64_t took_us, const struct tmv_error *failure)
{
    struct writers *g = w->group;

    pthread_mutex_lock(&g->lock);
    g->totals.router_writes++;
    if (took_us > g->totals.longest_us)
        g->totals.longest_us = took_us;
    if (failure) {
        g->totals.router_failed++;
        text_copy(g->totals.last, sizeof g->totals.last, failure->message);
    }
    pthread_mutex_unlock(&g->lock);
}

static void route(struct writer *w)
{
    const struct tmv_stream stream = {
        .tenant = w->tenant, .aggregate = w->courses[0].id, .aggregate_type = "Order"};
    struct tmv_append_result result;
    struct tmv_error err;
    struct draft draft;

    begin_drafts(w, &draft, 1, false);
    const struct tmv_new_event event = {.id = draft.event, .type = "OrderPlaced", .payload = "{\"n\": 1.00}"};
    const struct tmv_append append = {
        .stream = &stream, .expected_version = draft.version - 1, .events = &event, .count = 1};
    int64_t start = clock_now_us();
    bool ok = tmv_router_append(w->group->router, &append, &result, &err);
    count_router(w, clock_now_us() - start, ok ? NULL : &err);
    if (ok) {
        w->courses[0].version = draft.version;
        history_answer(w->group->bed->history, draft.noted, HISTORY_ACKNOWLEDGED, result.position);
    } else {
        end_drafts(w, &draft, 1, err.code == TMV_ERR_UNKNOWN ? HISTORY_UNKNOWN : HISTORY_REFUSED);
    }
}

/* ---- threads ---- */

static void *writer_main(void *arg)
{
    struct writer *w = arg;

    while (!atomic_load(&w->stop)) {
        struct draft drafts[ROWS_MAX];
        size_t count = 0;

        if (w->kind == WRITER_ROUTER) {
            route(w);
        } else if (connected(w)) {
            bool alone = w->kind == WRITER_INSERT || w->kind == WRITER_ROWS || w->kind == WRITER_COPY ||
                         w->kind == WRITER_ASYNC;
            enum history_outcome outcome = alone ? single(w, drafts, &count) : transaction(w, drafts, &count);

            end_drafts(w, drafts, count, outcome);
        }
        stop_sleep(NULL, w->pause_us / 2 + dice(w, (int)(w->pause_us / 2 + 1)));
    }
    pgx_close(TAKE(w->conn));
    return NULL;
}

struct writers *writers_new(struct bed *bed, const char *through)
{
    const struct tmv_router_options options = {
        .control_conninfo = bed->control, .connections_per_store = 4, .timeout_us = 60 * US_PER_S};
    struct writers *g = calloc(1, sizeof *g);
    struct tmv_error err;

    assert_non_null(g);
    g->bed = bed;
    text_copy(g->through, sizeof g->through, through);
    pthread_mutex_init(&g->lock, NULL);
    assert_done(tmv_router_open(&options, &g->router, &err), &err);
    return g;
}

void writers_add(struct writers *g, const struct bed_tenant *tenant, enum writer_kind kind, int64_t pause_us)
{
    struct writer *w = calloc(1, sizeof *w);

    assert_non_null(w);
    assert_true(g->count < WRITERS_MAX);
    w->group = g;
    w->number = (int)g->count;
    w->kind = kind;
    w->pause_us = pause_us;
    w->moves = tenant;
    w->tenant = tenant ? tenant->id : g->bed->neighbour;
    w->tenant_number = tenant ? tenant->number : g->bed->neighbour_number;
    w->seed = (unsigned)clock_now_us() + (unsigned)g->count * 7919;
    begin_streams(w);
    g->list[g->count++] = w;
    assert_int_equal(pthread_create(&w->thread, NULL, writer_main, w), 0);
}

static void end_some(struct writers *g, const struct bed_tenant *tenant, bool all)
{
    for (size_t i = 0; i < g->count; i++)
        if (all || g->list[i]->moves == tenant)
            atomic_store(&g->list[i]->stop, true);
    for (size_t i = 0; i < g->count; i++) {
        struct writer *w = g->list[i];

        if (w->joined || (!all && w->moves != tenant))
            continue;
        pthread_join(w->thread, NULL);
        w->joined = true;
    }
}

void writers_end(struct writers *g, const struct bed_tenant *tenant)
{
    end_some(g, tenant, false);
}

void writers_get_totals(struct writers *g, struct writers_totals *ret_totals)
{
    pthread_mutex_lock(&g->lock);
    *ret_totals = g->totals;
    pthread_mutex_unlock(&g->lock);
}

void writers_stop(struct writers *g)
{
    end_some(g, NULL, true);
    for (size_t i = 0; i < g->count; i++)
        free(g->list[i]);
    tmv_router_close(g->router);
    pthread_mutex_destroy(&g->lock);
    free(g);
}
