#include "move/copy/throttle.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/lock.h"
#include "lib/text.h"
#include "lib/thread.h"
#include "pg/ident.h"
#include "sql_embedded.h"

#define PERIOD_US (400 * US_PER_MS)
#define QUERY_MS 2000 /* an operator's query may run so long on the source */
#define LOOK_TIMEOUT_US (5 * US_PER_S)

/* What one look works with. */
struct look {
    const struct throttle *t;
    struct tmv_settings settings; /* a copy of this moment */
    struct pgx_conn **conn;       /* to the source; opened when needed */
    struct lag_history *history;
    char *why; /* THROTTLE_WHY_MAX bytes; what holds, or "" */
};

/* ---- pure parts ---- */

void lag_history_note(struct lag_history *h, int64_t at_us, int64_t position)
{
    if (h->count > 0 && position < h->points[h->count - 1].position)
        h->count = 0; /* another server, or one that lost what it had not written */
    if (h->count > 0 && position == h->points[h->count - 1].position)
        return;
    if (h->count == LAG_HISTORY_MAX) {
        h->count /= 2;
        for (size_t i = 0; i < h->count; i++)
            h->points[i] = h->points[2 * i + 1];
    }
    h->points[h->count].at_us = at_us;
    h->points[h->count++].position = position;
}

int64_t lag_history_lag_us(const struct lag_history *h, int64_t replayed, int64_t now_us)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->points[i].position > replayed)
            return now_us - h->points[i].at_us;
    return 0;
}

bool throttle_judge(const char *answer, int64_t limit, bool *ret_understood)
{
    double number;

    *ret_understood = true;
    if (strcmp(answer, "t") == 0 || strcmp(answer, "true") == 0)
        return true;
    if (strcmp(answer, "f") == 0 || strcmp(answer, "false") == 0)
        return false;
    *ret_understood = text_to_double(answer, &number);
    return *ret_understood && number > (double)limit;
}

/* ---- the checks ---- */

static bool connected(const struct look *l, struct tmv_error *err)
{
    if (pgx_is_usable(*l->conn))
        return true;
    pgx_close(TAKE(*l->conn));
    return endpoints_connect_source(&l->t->endpoints, "throttle", l->conn, err);
}

static bool look_at_file(const struct look *l, struct tmv_error *err)
{
    const char *path = l->settings.throttle_file;

    if (access(path, F_OK) == 0)
        snprintf(l->why, THROTTLE_WHY_MAX, "flag file %.150s exists", path);
    else if (errno != ENOENT && errno != ENOTDIR)
        return err_errno(err, "flag file %.150s", path);
    return true;
}

static bool lacks_monitor(const struct pgx_conn *conn, struct tmv_error *err)
{
    char role[PGX_QUOTED_MAX];

    return err_hint(err, "GRANT pg_monitor TO %s", pgx_quoted(pgx_user(conn), role));
}

static bool look_at_replicas(const struct look *l, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    int64_t limit_us = l->settings.throttle_replica_lag_ms * US_PER_MS;
    int64_t now = clock_now_us();

    if (!connected(l, err) || !pgx_query(*l->conn, LOOK_TIMEOUT_US, sql_throttle_replicas, PGX_NONE, &r, err))
        return false;
    if (pgx_rows(r) > 0)
        lag_history_note(l->history, now, pgx_int(r, 0, 0));
    for (int row = 0; row < pgx_rows(r) && !l->why[0]; row++) {
        int64_t replayed = pgx_int(r, row, 2);
        int64_t lag = lag_history_lag_us(l->history, replayed, now);

        if (pgx_bool(r, row, 4)) {
            err_set(err, TMV_ERR_REFUSED, "%s may not see the source's standbys", pgx_user(*l->conn));
            return lacks_monitor(*l->conn, err);
        }
        if (replayed < pgx_int(r, 0, 0) && pgx_int(r, row, 3) > lag)
            lag = pgx_int(r, row, 3); /* what it tells itself is finer, but old when it is silent */
        if (lag > limit_us)
            snprintf(l->why, THROTTLE_WHY_MAX, "standby %.60s of the source is %s s behind (limit %s s)",
                     pgx_text(r, row, 1), DECIMAL((double)lag / US_PER_S, 1),
                     DECIMAL((double)limit_us / US_PER_S, 1));
    }
    return true;
}

static bool look_at_connections(const struct look *l, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    int64_t limit = l->settings.throttle_connections;

    if (!connected(l, err) ||
        !pgx_query(*l->conn, LOOK_TIMEOUT_US, sql_throttle_connections, PGX_NONE, &r, err))
        return false;
    if (pgx_int(r, 0, 1) > 0) {
        err_set(err, TMV_ERR_REFUSED, "%s may not see what the source's sessions do", pgx_user(*l->conn));
        return lacks_monitor(*l->conn, err);
    }
    if (pgx_int(r, 0, 0) > limit)
        snprintf(l->why, THROTTLE_WHY_MAX,
                 "%" PRId64 " sessions are active on the source (limit %" PRId64 ")", pgx_int(r, 0, 0),
                 limit);
    return true;
}

static bool ask(const struct look *l, struct pgx_result **ret_answer, struct tmv_error *err)
{
    AUTO(buf) struct buf begin = BUF_INIT(1000);
    AUTO(buf) struct buf sql = BUF_INIT(TMV_QUERY_MAX + 200);
    char milliseconds[16];
    const struct pgx_var vars[] = {{"milliseconds", milliseconds}, {"query", l->settings.throttle_query}};

    snprintf(milliseconds, sizeof milliseconds, "%d", QUERY_MS);
    if (!pgx_expand(&begin, sql_throttle_begin, &vars[0], 1, err) ||
        !pgx_expand(&sql, sql_throttle_query, &vars[1], 1, err) || !connected(l, err) ||
        !pgx_script(*l->conn, LOOK_TIMEOUT_US, buf_text(&begin), 0, NULL, err))
        return false;
    bool ok = pgx_query(*l->conn, LOOK_TIMEOUT_US, buf_text(&sql), PGX_NONE, ret_answer, err);
    pgx_rollback(*l->conn, LOOK_TIMEOUT_US);
    return ok;
}

static bool look_at_query(const struct look *l, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    char answer[40];
    bool understood;

    if (!ask(l, &r, err))
        return err_wrap(err, "the query");
    if (pgx_rows(r) == 0 || pgx_is_null(r, 0, 0))
        return true;
    text_copy(answer, sizeof answer, pgx_text(r, 0, 0));
    text_sanitize(answer);
    bool holds = throttle_judge(answer, l->settings.throttle_query_limit, &understood);
    if (!understood || pgx_rows(r) > 1 || pgx_columns(r) > 1)
        return err_set(err, TMV_ERR_USAGE, "the query must answer one boolean or one number, not %s",
                       pgx_rows(r) > 1 || pgx_columns(r) > 1 ? "several values" : answer);
    if (holds && (answer[0] == 't'))
        snprintf(l->why, THROTTLE_WHY_MAX, "the query says true");
    else if (holds)
        snprintf(l->why, THROTTLE_WHY_MAX, "the query says %s (limit %" PRId64 ")", answer,
                 l->settings.throttle_query_limit);
    return true;
}

static bool wants_file(const struct tmv_settings *s)
{
    return s->throttle_file[0] != '\0';
}

static bool wants_replicas(const struct tmv_settings *s)
{
    return s->throttle_replica_lag_ms > 0;
}

static bool wants_connections(const struct tmv_settings *s)
{
    return s->throttle_connections > 0;
}

static bool wants_query(const struct tmv_settings *s)
{
    return s->throttle_query[0] != '\0';
}

/* The cheapest first: the first that holds is told. */
static const struct {
    bool (*wanted)(const struct tmv_settings *settings);
    bool (*look)(const struct look *look, struct tmv_error *err);
} checks[] = {
    {wants_file, look_at_file},
    {wants_replicas, look_at_replicas},
    {wants_connections, look_at_connections},
    {wants_query, look_at_query},
};

static bool wants_any(const struct tmv_settings *s)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        if (checks[i].wanted(s))
            return true;
    return false;
}

static void look_at_all(const struct look *l)
{
    struct tmv_error err = {0};

    l->why[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(checks) && !l->why[0]; i++)
        if (checks[i].wanted(&l->settings) && !checks[i].look(l, &err))
            snprintf(l->why, THROTTLE_WHY_MAX, "cannot look: %.120s%s%.50s", err.message,
                     err.hint[0] ? "; " : "", err.hint);
}

/* ---- the thread ---- */

static bool same_limits(const struct tmv_settings *a, const struct tmv_settings *b)
{
    return a->throttle_replica_lag_ms == b->throttle_replica_lag_ms &&
           a->throttle_connections == b->throttle_connections &&
           a->throttle_query_limit == b->throttle_query_limit &&
           strcmp(a->throttle_file, b->throttle_file) == 0 &&
           strcmp(a->throttle_query, b->throttle_query) == 0;
}

/* With the lock held: the time up to now counts as held or not by what has been so. */
static void count_time(struct throttle *t)
{
    int64_t now = clock_now_us();

    if (t->why[0] && t->looked)
        t->held_us += now - t->at_us;
    t->at_us = now;
}

static void tell(struct throttle *t, const char *why)
{
    count_time(t);
    t->looked = true;
    text_copy(t->why, sizeof t->why, why);
}

/* With the lock held: limits that nobody has looked at yet hold, but do not count. */
static void expect_first_look(struct throttle *t)
{
    count_time(t);
    t->looked = false;
    text_copy(t->why, sizeof t->why, wants_any(&t->settings) ? "first look at the limits" : "");
}

/* With the lock held: until the next look is due, or something changed. */
static void wait_for_next(struct throttle *t)
{
    if (wants_any(&t->settings))
        cond_wait_until(&t->changed, &t->lock, clock_now_us() + PERIOD_US);
    while (t->running && !wants_any(&t->settings)) {
        tell(t, "");
        pthread_cond_wait(&t->changed, &t->lock);
    }
}

static void *throttle_main(void *argument)
{
    struct throttle *t = argument;
    AUTO_CONN struct pgx_conn *conn = NULL;
    struct lag_history history = {0};
    char why[THROTTLE_WHY_MAX] = "";
    struct look look = {.t = t, .conn = &conn, .history = &history, .why = why};

    pthread_mutex_lock(&t->lock);
    if (!wants_any(&t->settings))
        wait_for_next(t);
    while (t->running) {
        look.settings = t->settings;
        pthread_mutex_unlock(&t->lock);
        look_at_all(&look);
        pthread_mutex_lock(&t->lock);
        if (!same_limits(&look.settings, &t->settings))
            continue; /* what was looked at is not what counts now */
        tell(t, why);
        wait_for_next(t);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

/* ---- the owner's side ---- */

static void release(struct throttle *t)
{
    stop_release(&t->stop);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
}

bool throttle_start(struct throttle *t, const struct endpoints *endpoints,
                    const struct tmv_settings *settings, struct tmv_error *err)
{
    *t = (struct throttle){.endpoints = *endpoints,
                           .settings = *settings,
                           .stop = {.fd = -1},
                           .at_us = clock_now_us(),
                           .running = true};
    t->endpoints.stop = &t->stop;
    expect_first_look(t);
    if (!stop_init(&t->stop, err)) {
        t->running = false;
        return false;
    }
    lock_init(&t->lock);
    cond_init(&t->changed);
    if (thread_spawn(&t->thread, "throttle", throttle_main, t, err))
        return true;
    t->running = false;
    release(t);
    return false;
}

void throttle_end(struct throttle *t)
{
    if (!t->running)
        return;
    pthread_mutex_lock(&t->lock);
    t->running = false;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    stop_raise(&t->stop);
    pthread_join(t->thread, NULL);
    release(t);
}

void throttle_set(struct throttle *t, const struct tmv_settings *settings)
{
    pthread_mutex_lock(&t->lock);
    if (!same_limits(&t->settings, settings)) {
        t->settings = *settings;
        expect_first_look(t);
        pthread_cond_broadcast(&t->changed);
    }
    pthread_mutex_unlock(&t->lock);
}

bool throttle_holds(struct throttle *t, char why[THROTTLE_WHY_MAX], int64_t *ret_held_us)
{
    pthread_mutex_lock(&t->lock);
    count_time(t);
    text_copy(why, THROTTLE_WHY_MAX, t->why);
    *ret_held_us = t->held_us;
    pthread_mutex_unlock(&t->lock);
    return why[0] != '\0';
}
