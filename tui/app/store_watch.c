#include "app/store_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/thread.h"
#include "lib/clock.h"
#include "lib/err.h"

#define OFTEN_US INT64_C(5000000)
#define SELDOM_US INT64_C(30000000)
#define LOOK_US INT64_C(3000000) /* bound of one look */
#define LOOKS_MAX 64             /* at the same time */

/* One look at one server, in a thread of its own: one that never answers delays no other. */
struct look {
    struct thread thread; /* first: see thread.h */
    struct store_watch *watch;
    struct tmv_store_info store;
};

struct store_watch {
    struct thread thread; /* first: see thread.h */
    char *conninfo;
    bool often;               /* under the lock */
    bool fresh;               /* under the lock: something changed since it was taken */
    struct store_view *views; /* changed by the thread, under the lock */
    size_t count;
    int looks;                     /* under the lock: how many are under way */
    struct tmv_store_info *stores; /* the thread's own: the registry as last read; `count` of them */
};

static void watch_free(struct store_watch *watch)
{
    free(watch->views);
    free(watch->stores);
    free(watch->conninfo);
    free(watch);
}

static struct store_view *find(struct store_view *views, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(views[i].id, id) == 0)
            return &views[i];
    return NULL;
}

/* A new list of views, in which stores that were there keep what is known of them. */
static void adopt(struct store_watch *watch, struct tmv_store_info *stores, size_t count,
                  const struct tmv_store_tenants *tenants, size_t tenant_count)
{
    struct store_view *views = calloc(count + 1, sizeof *views), *old;

    if (!views) {
        free(stores);
        return;
    }
    pthread_mutex_lock(&watch->thread.lock); /* a look may end now */
    old = watch->views;
    for (size_t i = 0; i < count; i++) {
        const struct store_view *before = find(old, watch->count, stores[i].id);
        if (before)
            views[i] = *before;
        else
            views[i] = (struct store_view){.commit_rate = -1, .rejected_before = -1};
        memcpy(views[i].id, stores[i].id, sizeof views[i].id);
        views[i].tenants = 0;
        for (size_t k = 0; k < tenant_count; k++)
            if (strcmp(tenants[k].id, stores[i].id) == 0)
                views[i].tenants = tenants[k].tenants;
    }
    watch->views = views;
    watch->count = count;
    watch->fresh = true;
    pthread_mutex_unlock(&watch->thread.lock);
    free(old);
    free(watch->stores);
    watch->stores = stores;
    thread_wake(&watch->thread);
}

/* Reads the registry. When the control database is away the stores known from before are looked at all the
 * same. */
static void read_registry(struct store_watch *watch)
{
    struct tmv_control *control = NULL;
    struct tmv_store_info *stores = NULL;
    struct tmv_store_tenants *tenants = NULL;
    size_t count = 0, tenant_count = 0;
    struct tmv_error err;

    if (tmv_control_open_read_only(watch->conninfo, &control, &err) &&
        tmv_store_list(control, &stores, &count, &err)) {
        if (!tmv_store_tenants(control, &tenants, &tenant_count, &err))
            tenant_count = 0;
        adopt(watch, stores, count, tenants, tenant_count);
    }
    free(tenants);
    tmv_control_close(control);
}

static void note_look(struct store_view *view, const struct tmv_store_look *look)
{
    int64_t since_us = look->now_us - view->look.now_us;

    view->commit_rate = -1;
    if (view->seen && since_us > 0 && look->commits >= view->look.commits)
        view->commit_rate = (look->commits - view->look.commits) * 1000000 / since_us;
    if (view->rejected_before < 0)
        view->rejected_before = look->rejected;
    view->look = *look;
    view->looked_us = clock_now_us();
    view->seen = true;
    view->failed = false;
}

/* What a look found, for its store if the registry still has it. */
static void end_look(struct store_watch *watch, const char *id, const struct tmv_store_look *found,
                     const struct tmv_error *err)
{
    struct store_view *view;

    pthread_mutex_lock(&watch->thread.lock);
    view = find(watch->views, watch->count, id);
    if (view)
        view->looking = false;
    if (view && found) {
        note_look(view, found);
    } else if (view) {
        view->failed = true;
        snprintf(view->why, sizeof view->why, "%.399s", err->message);
        snprintf(view->hint, sizeof view->hint, "%.399s", err->hint);
    }
    watch->looks--;
    watch->fresh = true;
    pthread_cond_broadcast(&watch->thread.changed);
    pthread_mutex_unlock(&watch->thread.lock);
    thread_wake(&watch->thread);
}

static void *look_run(void *self)
{
    struct look *look = self;
    struct store_watch *watch = look->watch;
    struct tmv_store_look found;
    struct tmv_error err = {0};
    bool ok = tmv_store_look(&look->store, LOOK_US, &found, &err);

    end_look(watch, look->store.id, ok ? &found : NULL, &err);
    if (thread_release(&watch->thread))
        watch_free(watch);
    if (thread_release(&look->thread))
        free(look);
    return NULL;
}

/* False: it was not begun; the next round tries again. */
static bool begin_look(struct store_watch *watch, size_t index)
{
    struct look *look = calloc(1, sizeof *look);
    struct tmv_error ignored;

    if (!look)
        return false;
    look->watch = watch;
    look->store = watch->stores[index];
    pthread_mutex_lock(&watch->thread.lock);
    watch->thread.refs++; /* the look's */
    watch->looks++;
    watch->views[index].looking = true;
    pthread_mutex_unlock(&watch->thread.lock);
    if (thread_start(&look->thread, "store look", watch->thread.wake_fd, look_run, &ignored)) {
        if (thread_release(&look->thread))
            free(look);
        return true;
    }
    free(look);
    pthread_mutex_lock(&watch->thread.lock);
    watch->thread.refs--;
    watch->looks--;
    watch->views[index].looking = false;
    pthread_mutex_unlock(&watch->thread.lock);
    return false;
}

/* Waits for a free place; false: it is time to stop, or a look at this store has not ended yet. */
static bool may_look(struct store_watch *watch, size_t index)
{
    bool may;

    pthread_mutex_lock(&watch->thread.lock);
    while (!watch->thread.stop && watch->looks >= LOOKS_MAX)
        thread_wait(&watch->thread, INT64_MAX);
    may = !watch->thread.stop && !watch->views[index].looking;
    pthread_mutex_unlock(&watch->thread.lock);
    return may;
}

static void pause_after(struct store_watch *watch, int64_t began_us)
{
    pthread_mutex_lock(&watch->thread.lock);
    for (;;) {
        int64_t until = began_us + (watch->often ? OFTEN_US : SELDOM_US);
        if (watch->thread.stop || clock_now_us() >= until)
            break;
        thread_wait(&watch->thread, until);
    }
    pthread_mutex_unlock(&watch->thread.lock);
}

static void *watch_run(void *self)
{
    struct store_watch *watch = self;

    while (!thread_stopping(&watch->thread)) {
        int64_t began_us = clock_now_us();
        read_registry(watch);
        for (size_t i = 0; i < watch->count && !thread_stopping(&watch->thread); i++)
            if (may_look(watch, i))
                begin_look(watch, i);
        pause_after(watch, began_us);
    }
    if (thread_release(&watch->thread))
        watch_free(watch);
    return NULL;
}

struct store_watch *store_watch_start(const char *conninfo, int wake_fd, struct tmv_error *err)
{
    struct store_watch *watch = calloc(1, sizeof *watch);

    if (!watch) {
        err_set(err, TMV_ERR_NOMEM, "out of memory");
        return NULL;
    }
    watch->conninfo = strdup(conninfo);
    bool ok = watch->conninfo || err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (!ok || !thread_start(&watch->thread, "store watch", wake_fd, watch_run, err)) {
        watch_free(watch);
        return NULL;
    }
    return watch;
}

void store_watch_often(struct store_watch *watch, bool often)
{
    pthread_mutex_lock(&watch->thread.lock);
    if (often && !watch->often)
        pthread_cond_broadcast(&watch->thread.changed);
    watch->often = often;
    pthread_mutex_unlock(&watch->thread.lock);
}

bool store_watch_take(struct store_watch *watch, struct store_view **ret_stores, size_t *ret_count)
{
    struct store_view *stores = NULL;

    pthread_mutex_lock(&watch->thread.lock);
    if (watch->fresh)
        stores = malloc((watch->count + 1) * sizeof *stores);
    if (stores) {
        memcpy(stores, watch->views, watch->count * sizeof *stores);
        *ret_stores = stores;
        *ret_count = watch->count;
        watch->fresh = false;
    }
    pthread_mutex_unlock(&watch->thread.lock);
    return stores;
}

void store_watch_stop(struct store_watch *watch)
{
    if (!watch)
        return;
    thread_stop(&watch->thread);
    if (thread_release(&watch->thread))
        watch_free(watch);
}
