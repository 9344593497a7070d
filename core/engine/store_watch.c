#include "engine/store_watch.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/rights.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/thread.h"
#include "store/look.h"
#include "tenantmv/stores.h"

#define TURN_US (500 * US_PER_MS) /* between two readings of the registry */
#define LOOK_US (3 * US_PER_S)    /* bound of connecting, and of each statement */
#define HUNG_US (4 * US_PER_S)    /* without an answer for so long: that is what is written */
#define LOOKS_MAX 64              /* at the same time */
#define RETRY_US US_PER_S
#define NEVER INT64_MAX

/* A store, and the look at it that is under way. */
struct look {
    struct tmv_store_info store; /* as registered; not changed while a look is under way */
    bool registered;             /* still so when the registry was last read */
    int64_t other_us;            /* since another engine measured it; NEVER */
    bool begun;                  /* it was looked at */
    int64_t began_us;
    bool failed;         /* the last look */
    bool running;        /* a look is under way, and its thread not joined */
    int64_t reported_us; /* when it was last written that there is no answer yet */
    pthread_t thread;
    struct look_stage *stage; /* borrowed */
    atomic_bool done;         /* set by the thread as its last act: what follows is whole */
    bool ok;
    int64_t ended_us;
    struct tmv_store_look found;
    struct tmv_error why;
};

/* What the watch's thread works with. Looks are freed by it alone, when their thread is joined. */
struct look_stage {
    const struct store_watch *watch;
    struct stop ended; /* raised by a look's thread when it is done */
    struct look **looks;
    size_t count;
    int running;
};

bool look_is_due(const struct look_due *due)
{
    if (due->since_us < OBSERVE_US)
        return false;
    return due->failed || due->other_us >= OBSERVE_US || due->since_us >= OBSERVE_SELDOM_US;
}

/* ---- a look ---- */

static void *look_main(void *arg)
{
    struct look *look = arg;

    look->ok = store_look(&look->store, look->stage->watch->stop, LOOK_US, &look->found, &look->why);
    look->ended_us = clock_now_us();
    atomic_store(&look->done, true);
    stop_raise(&look->stage->ended);
    return NULL;
}

static void begin_look(struct look *look)
{
    struct tmv_error err = {0};
    char what[TMV_NAME_MAX + 40];

    look->began_us = look->reported_us = clock_now_us();
    look->begun = true;
    look->why = (struct tmv_error){0};
    atomic_store(&look->done, false);
    look->running = thread_spawn(&look->thread, "store look", look_main, look, &err);
    look->stage->running += look->running;
    if (look->running)
        return;
    snprintf(what, sizeof what, "store %s cannot be checked", look->store.id);
    log_error(TMV_LOG_WARN, what, &err);
}

static void end_look(struct look *look)
{
    pthread_join(look->thread, NULL);
    look->running = false;
    look->stage->running--;
    look->failed = !look->ok;
}

static bool is_due(const struct look *look, int64_t now_us)
{
    const struct look_due due = {.since_us = look->begun ? now_us - look->began_us : NEVER,
                                 .failed = look->failed,
                                 .other_us = look->other_us};

    return look->registered && !look->running && look_is_due(&due);
}

/* Those that were not looked at for the longest time come first: when there are more than may run at a time,
 * each has its turn. */
static void begin_looks(struct look_stage *stage)
{
    int64_t now_us = clock_now_us();

    while (stage->running < LOOKS_MAX) {
        struct look *first = NULL;

        for (size_t i = 0; i < stage->count; i++)
            if (is_due(stage->looks[i], now_us) && (!first || stage->looks[i]->began_us < first->began_us))
                first = stage->looks[i];
        if (!first)
            return;
        begin_look(first);
    }
}

/* ---- the registry ---- */

static struct look *look_at(struct look_stage *stage, const struct tmv_store_info *store)
{
    struct look **more, *look;

    for (size_t i = 0; i < stage->count; i++)
        if (strcmp(stage->looks[i]->store.id, store->id) == 0)
            return stage->looks[i];
    more = realloc(stage->looks, (stage->count + 1) * sizeof *more);
    if (!more)
        return NULL;
    stage->looks = more;
    look = calloc(1, sizeof *look);
    if (!look)
        return NULL;
    look->stage = stage;
    return stage->looks[stage->count++] = look;
}

static int64_t elsewhere(const struct observed_elsewhere *others, size_t count, const char *store)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(others[i].store, store) == 0)
            return others[i].age_us;
    return NEVER;
}

static void forget_removed(struct look_stage *stage)
{
    size_t kept = 0;

    for (size_t i = 0; i < stage->count; i++) {
        if (stage->looks[i]->registered || stage->looks[i]->running)
            stage->looks[kept++] = stage->looks[i];
        else
            free(stage->looks[i]);
    }
    stage->count = kept;
}

static bool read_registry(struct look_stage *stage, struct pgx_conn *control, struct tmv_error *err)
{
    struct tmv_control handle = {.conn = control};
    AUTO_FREE struct tmv_store_info *stores = NULL;
    AUTO_FREE struct observed_elsewhere *others = NULL;
    size_t count = 0, other_count = 0;

    if (!tmv_store_list(&handle, &stores, &count, err) ||
        !control_observed_by_others(control, &stage->watch->engine, &others, &other_count, err))
        return false;
    for (size_t i = 0; i < stage->count; i++)
        stage->looks[i]->registered = false;
    for (size_t i = 0; i < count; i++) {
        struct look *look = look_at(stage, &stores[i]);

        if (!look)
            return err_set(err, TMV_ERR_NOMEM, "out of memory");
        look->registered = true;
        look->other_us = elsewhere(others, other_count, stores[i].id);
        if (!look->running)
            look->store = stores[i];
    }
    forget_removed(stage);
    return true;
}

/* ---- writing ---- */

static bool write_down(const struct look *look, struct pgx_conn *control, const struct tmv_error *why,
                       int64_t at_us, struct tmv_error *err)
{
    const struct store_watch *o = look->stage->watch;
    const struct engine_identity engine = {.id = o->engine, .name = o->engine_name};
    const struct observation seen = {
        .store = &look->store, .at_us = at_us, .look = why ? NULL : &look->found, .why = why};

    return control_observe(control, &engine, &seen, err);
}

static bool report_hung(struct look *look, struct pgx_conn *control, struct tmv_error *err)
{
    int64_t now_us = clock_now_us();
    struct tmv_error why = {.code = TMV_ERR_TIMEOUT};

    if (now_us - look->began_us < HUNG_US || now_us - look->reported_us < OBSERVE_US)
        return true;
    look->reported_us = now_us;
    err_set(&why, TMV_ERR_TIMEOUT, "store %.100s: no answer for %lld s", look->store.id,
            (long long)((now_us - look->began_us) / US_PER_S));
    err_hint(&why, "check whether the server or its name server hangs");
    return write_down(look, control, &why, now_us, err);
}

static bool report(struct look_stage *stage, struct pgx_conn *control, struct tmv_error *err)
{
    stop_clear(&stage->ended);
    for (size_t i = 0; i < stage->count; i++) {
        struct look *look = stage->looks[i];

        if (!look->running)
            continue;
        if (!atomic_load(&look->done)) {
            if (!report_hung(look, control, err))
                return false;
            continue;
        }
        end_look(look);
        if (stop_is_raised(stage->watch->stop)) /* what was broken off tells nothing of the store */
            return true;
        if (!write_down(look, control, look->ok ? NULL : &look->why, look->ended_us, err))
            return false;
    }
    return true;
}

/* Until a look ends, it is time to read the registry again, or the engine stops. */
static void wait_until(const struct look_stage *stage, int64_t deadline_us)
{
    struct pollfd fds[] = {{.fd = stage->watch->stop->fd, .events = POLLIN},
                           {.fd = stage->ended.fd, .events = POLLIN}};
    int64_t left_us = deadline_us - clock_now_us();

    poll(fds, 2, left_us <= 0 ? 0 : (int)(left_us / US_PER_MS) + 1);
}

static bool take_turn(struct look_stage *stage, struct pgx_conn *control, struct tmv_error *err)
{
    int64_t until_us = clock_now_us() + TURN_US;

    if (!read_registry(stage, control, err))
        return false;
    begin_looks(stage);
    while (!stop_is_raised(stage->watch->stop) && clock_now_us() < until_us) {
        wait_until(stage, until_us);
        if (!report(stage, control, err))
            return false;
    }
    return true;
}

/* ---- the thread ---- */

/* As the engine: a role that may only look does not begin. */
static bool may_write(struct pgx_conn *control, struct tmv_error *err)
{
    struct tmv_rights rights;

    if (!control_rights(control, &rights, err))
        return false;
    return tmv_rights_check(&rights, err);
}

static void stage_end(struct look_stage *stage)
{
    for (size_t i = 0; i < stage->count; i++) {
        if (stage->looks[i]->running)
            end_look(stage->looks[i]);
        free(stage->looks[i]);
    }
    free(stage->looks);
    stop_release(&stage->ended);
}

static void *watch_main(void *arg)
{
    const struct store_watch *o = arg;
    const struct pgx_options options = {.conninfo = o->control_conninfo, .part = "stores", .stop = o->stop};
    struct look_stage stage = {.watch = o};
    struct tmv_error err = {0};

    if (!stop_init(&stage.ended, &err)) {
        log_error(TMV_LOG_WARN, "the stores are not monitored", &err);
        return NULL;
    }
    while (!stop_is_raised(o->stop)) {
        AUTO_CONN struct pgx_conn *control = NULL;

        /* What is wrong with the control database, the engine's own thread says. */
        if (pgx_connect(&options, &control, &err) && may_write(control, &err))
            while (!stop_is_raised(o->stop) && take_turn(&stage, control, &err))
                continue;
        if (!stop_is_raised(o->stop))
            log_error(TMV_LOG_DEBUG, "store observations cannot be saved", &err);
        stop_sleep(o->stop, RETRY_US);
    }
    stage_end(&stage);
    return NULL;
}

bool store_watch_start(struct store_watch *o, const char *control_conninfo,
                       const struct engine_identity *engine, const struct stop *stop, struct tmv_error *err)
{
    text_copy(o->control_conninfo, sizeof o->control_conninfo, control_conninfo);
    text_copy(o->engine_name, sizeof o->engine_name, engine->name);
    o->engine = engine->id;
    o->stop = stop;
    o->running = thread_spawn(&o->thread, "store watch", watch_main, o, err);
    return o->running;
}

void store_watch_join(struct store_watch *o)
{
    if (o->running)
        pthread_join(o->thread, NULL);
    o->running = false;
}

/* ---- without an engine ---- */

struct tmv_store_watch {
    struct stop stop;
    struct store_watch watch;
};

bool tmv_store_watch_start(const char *control_conninfo, const char *name, struct tmv_store_watch **ret_watch,
                           struct tmv_error *err)
{
    const struct engine_identity self = {.id = tmv_uuid_random(), .name = name};
    struct tmv_store_watch *w = calloc(1, sizeof *w);

    if (!w)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!stop_init(&w->stop, err)) {
        free(w);
        return false;
    }
    if (!store_watch_start(&w->watch, control_conninfo, &self, &w->stop, err)) {
        stop_release(&w->stop);
        free(w);
        return false;
    }
    *ret_watch = w;
    return true;
}

void tmv_store_watch_stop(struct tmv_store_watch *watch)
{
    if (!watch)
        return;
    stop_raise(&watch->stop);
    store_watch_join(&watch->watch);
    stop_release(&watch->stop);
    free(watch);
}
