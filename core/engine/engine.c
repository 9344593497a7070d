/* The engine: renews its leases, looks for migrations that nobody runs, and gives each a coordinator's
 * thread. */
#include "tenantmv/engine.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "control/rights.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/lock.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/thread.h"
#include "engine/coordinator.h"
#include "engine/decision_watch.h"
#include "engine/store_watch.h"
#include "sql_embedded.h"

#define DEFAULT_MIGRATIONS 8
#define MIGRATIONS_MAX 64
#define HELD_MAX 64
#define HEARTBEAT_US (LEASE_TTL_US / 5)
#define SILENCE_MARGIN_US (5 * US_PER_MS) /* a lease is looked at so long after it ran out */
#define FIRST_RETRY_US (100 * US_PER_MS)
#define LAST_RETRY_US US_PER_S

/* One coordinator's thread. */
struct slot {
    bool used;
    atomic_bool done; /* set by the thread as its last act */
    atomic_bool held; /* the thread only keeps an old store current: it does not count as a migration */
    pthread_t thread;
    struct coordinator_options options;
};

struct tmv_engine {
    char control_conninfo[TMV_CONNINFO_MAX];
    char name[TMV_NAME_MAX];
    struct tmv_uuid id; /* of this instance: in the leases */
    int max_migrations;
    struct observers *observers; /* owned */
    struct stop stop;
    struct decision_watch watch;
    struct store_watch stores;
    pthread_t thread;
    struct slot slots[MIGRATIONS_MAX + HELD_MAX]; /* the engine's thread only */
    pthread_mutex_t lock;
    struct tmv_engine_status status; /* under the lock */
};

static void *coordinator_main(void *arg)
{
    struct slot *slot = arg;

    coordinator_run(&slot->options);
    atomic_store(&slot->done, true);
    return NULL;
}

static void reap(struct tmv_engine *e, bool all)
{
    int running = 0;

    for (size_t i = 0; i < ARRAY_LEN(e->slots); i++) {
        struct slot *slot = &e->slots[i];

        if (slot->used && (all || atomic_load(&slot->done))) {
            pthread_join(slot->thread, NULL);
            slot->used = false;
        }
        running += slot->used && !atomic_load(&slot->held);
    }
    pthread_mutex_lock(&e->lock);
    e->status.running = running;
    pthread_mutex_unlock(&e->lock);
}

/* NULL: it runs already, or there are as many as there may be. */
static struct slot *free_slot(struct tmv_engine *e, const struct claimable *what)
{
    struct slot *found = NULL;
    int beside = 0;

    for (size_t i = 0; i < ARRAY_LEN(e->slots); i++) {
        struct slot *slot = &e->slots[i];

        if (!slot->used)
            found = slot;
        else if (tmv_uuid_equal(&slot->options.what.migration, &what->migration))
            return NULL; /* its coordinator is between two ownerships */
        beside += slot->used && atomic_load(&slot->held) == what->held;
    }
    return beside < (what->held ? HELD_MAX : e->max_migrations) ? found : NULL;
}

static void run_migration(struct tmv_engine *e, const struct claimable *what)
{
    struct slot *slot = free_slot(e, what);
    struct tmv_error err = {0};

    if (!slot)
        return;
    memset(&slot->options, 0, sizeof slot->options);
    text_copy(slot->options.control_conninfo, sizeof slot->options.control_conninfo, e->control_conninfo);
    text_copy(slot->options.engine_name, sizeof slot->options.engine_name, e->name);
    slot->options.engine = e->id;
    slot->options.what = *what;
    slot->options.stop = &e->stop;
    slot->options.observers = e->observers;
    slot->options.held = &slot->held;
    atomic_store(&slot->done, false);
    atomic_store(&slot->held, what->held);
    slot->used = thread_spawn(&slot->thread, "coordinator", coordinator_main, slot, &err);
    if (!slot->used)
        log_error(TMV_LOG_WARN, "a migration waits for its coordinator", &err);
}

/* A round lasts a heartbeat; less when another engine's lease runs out before. */
static bool round_us(struct tmv_engine *e, struct pgx_conn *control, int64_t *ret_us, struct tmv_error *err)
{
    int64_t left_us;

    if (!control_lease_silence(control, &e->id, &left_us, err))
        return false;
    *ret_us = left_us > 0 && left_us < HEARTBEAT_US ? left_us + SILENCE_MARGIN_US : HEARTBEAT_US;
    return true;
}

static bool one_round(struct tmv_engine *e, struct pgx_conn *control, struct tmv_error *err)
{
    struct claimable list[MIGRATIONS_MAX + HELD_MAX];
    size_t count = 0;
    int64_t wait_us = HEARTBEAT_US;
    char channel[64], payload[256];

    reap(e, false);
    if (!fault_hit("engine.heartbeat", err) || !control_lease_renew(control, &e->id, err) ||
        !control_claimable(control, &e->id, ARRAY_LEN(list), list, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        run_migration(e, &list[i]);
    while (pgx_next_notification(control, channel, payload))
        continue; /* what they announce was just read */
    return round_us(e, control, &wait_us, err) && pgx_wait_readable(control, wait_us, err);
}

static void set_status(struct tmv_engine *e, bool connected, const char *error)
{
    pthread_mutex_lock(&e->lock);
    e->status.connected = connected;
    text_copy(e->status.last_error, sizeof e->status.last_error, error);
    pthread_mutex_unlock(&e->lock);
}

/* A role that may only look takes no lease: what it could not finish it must not begin. */
static bool may_run(struct pgx_conn *control, struct tmv_error *err)
{
    struct tmv_rights rights;

    if (!control_rights(control, &rights, err))
        return false;
    return tmv_rights_check(&rights, err);
}

static void *engine_main(void *arg)
{
    struct tmv_engine *e = arg;
    const struct pgx_options options = {.conninfo = e->control_conninfo, .part = "engine", .stop = &e->stop};
    int64_t retry_us = FIRST_RETRY_US;

    while (!stop_is_raised(&e->stop)) {
        AUTO_CONN struct pgx_conn *control = NULL;
        struct tmv_error err = {0};

        if (pgx_connect(&options, &control, &err) && may_run(control, &err) &&
            pgx_script(control, CONTROL_TIMEOUT_US, sql_control_listen, 0, NULL, &err)) {
            set_status(e, true, "");
            retry_us = FIRST_RETRY_US;
            while (!stop_is_raised(&e->stop) && one_round(e, control, &err))
                continue;
        }
        if (stop_is_raised(&e->stop))
            break;
        log_error(TMV_LOG_WARN, "the control database", &err);
        set_status(e, false, err.message);
        stop_sleep(&e->stop, retry_us);
        retry_us = retry_us * 2 > LAST_RETRY_US ? LAST_RETRY_US : retry_us * 2;
    }
    reap(e, true);
    return NULL;
}

/* What the engine can do without: its migrations run all the same. */
static void start_watches(struct tmv_engine *e)
{
    const struct engine_identity me = {.id = e->id, .name = e->name};
    struct tmv_error err = {0};

    if (!decision_watch_start(&e->watch, e->control_conninfo, &e->stop, &err))
        log_error(TMV_LOG_WARN, "decisions are not checked", &err);
    if (!store_watch_start(&e->stores, e->control_conninfo, &me, &e->stop, &err))
        log_error(TMV_LOG_WARN, "the stores are not monitored", &err);
}

bool tmv_engine_start(const struct tmv_engine_options *options, struct tmv_engine **ret_engine,
                      struct tmv_error *err)
{
    const struct observer_options observe = {.webhook_url = options->webhook_url};
    struct tmv_engine *e = calloc(1, sizeof *e);

    if (!e)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    text_copy(e->control_conninfo, sizeof e->control_conninfo, options->control_conninfo);
    text_copy(e->name, sizeof e->name, options->name);
    e->id = tmv_uuid_random();
    e->max_migrations = options->max_migrations > 0 ? options->max_migrations : DEFAULT_MIGRATIONS;
    if (e->max_migrations > MIGRATIONS_MAX)
        e->max_migrations = MIGRATIONS_MAX;
    lock_init(&e->lock);
    bool ok = stop_init(&e->stop, err);
    ok = ok && observers_start(&observe, &e->observers, err) &&
         thread_spawn(&e->thread, "engine", engine_main, e, err);
    if (!ok) {
        observers_stop(e->observers);
        stop_release(&e->stop);
        pthread_mutex_destroy(&e->lock);
        free(e);
        return false;
    }
    start_watches(e);
    *ret_engine = e;
    return true;
}

void tmv_engine_stop(struct tmv_engine *engine)
{
    if (!engine)
        return;
    stop_raise(&engine->stop);
    pthread_join(engine->thread, NULL);
    decision_watch_join(&engine->watch);
    store_watch_join(&engine->stores);
    observers_stop(engine->observers);
    stop_release(&engine->stop);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}

void tmv_engine_get_status(struct tmv_engine *engine, struct tmv_engine_status *ret_status)
{
    pthread_mutex_lock(&engine->lock);
    *ret_status = engine->status;
    pthread_mutex_unlock(&engine->lock);
}
