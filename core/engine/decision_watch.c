#include "engine/decision_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/fault.h"
#include "lib/log.h"
#include "lib/text.h"
#include "lib/thread.h"
#include "control/repositories.h"
#include "move/cutover/resolve.h"
#include "sql_embedded.h"

#define TURN_US US_PER_S
#define LOOK_EVERY 5  /* turns */
#define LOOKED_AT 50  /* migrations at a time */
#define RETIRED_AT 20 /* the same */
/* A move's end is followed by tries in every turn, because its tenant may be wanted back; each may hold the
 * table's writers for 10 ms, so later ones are rarer. */
#define EAGER_S 30
#define ANY_AGE 0
#define CONNECT_US (3 * US_PER_S)
#define WATCH_ACTOR "engine"

/* A store, and the connection to it that is kept from one migration to the next. */
struct place {
    struct tmv_store_info store;
    struct pgx_conn *conn;     /* owned; NULL when it cannot be reached */
    struct store_shape *shape; /* owned */
    bool known;                /* shape is that of the store's events table, and our schema is up to date */
};

static void place_auto(struct place *p)
{
    pgx_close(TAKE(p->conn));
    free(TAKE(p->shape));
}

/* What the guard says is said for one events table, in the form of this version. */
static bool know(struct place *place, struct tmv_error *err)
{
    if (!place->shape)
        place->shape = calloc(1, sizeof *place->shape);
    if (!place->shape)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    return store_shape_discover(place->conn, place->store.events_schema, place->store.events_table,
                                place->shape, err) &&
           guard_upgrade_store(place->conn, place->shape, err);
}

/* Connects unless it is connected there already. A store that cannot be reached cannot be checked. */
static bool go_to(const struct decision_watch *w, struct pgx_conn *control, const char *id,
                  struct place *place)
{
    struct tmv_control handle = {.conn = control};
    const struct pgx_options like = {.part = "watch", .stop = w->stop, .connect_timeout_us = CONNECT_US};
    struct tmv_error why = {0};
    char what[TMV_NAME_MAX + 60];

    if (strcmp(place->store.id, id) == 0)
        return place->known && pgx_is_usable(place->conn);
    pgx_close(TAKE(place->conn));
    bool registered = tmv_store_get(&handle, id, &place->store, &why);
    text_copy(place->store.id, sizeof place->store.id, id);
    place->known = registered && store_connect(&place->store, &like, &place->conn, &why) && know(place, &why);
    if (place->known)
        return true;
    snprintf(what, sizeof what, "store %s of completed migrations cannot be checked", place->store.id);
    log_error(TMV_LOG_DEBUG, what, &why);
    return false;
}

static bool is_forgotten(const struct place *source, const struct place *target,
                         const struct tmv_uuid *migration, const struct tmv_uuid *tenant,
                         const char **ret_why)
{
    const struct guard guards[] = {{.tenant = *tenant, .shape = source->shape},
                                   {.tenant = *tenant, .shape = target->shape}};
    struct resolve_side here, there;
    struct tmv_error ignored;

    if (!resolve_read(source->conn, &guards[0], migration, &here, &ignored) ||
        !resolve_read(target->conn, &guards[1], migration, &there, &ignored))
        return false;
    enum resolve_action action = resolve_judge(&here, &there, ret_why);
    return action != RESOLVE_NOTHING && action != RESOLVE_STOP;
}

static void call_for_help(struct pgx_conn *control, const struct tmv_uuid *migration, const char *why)
{
    char id[TMV_UUID_TEXT];
    struct tmv_error err;

    log_warn("migration %s: %s", tmv_uuid_format(migration, id), why);
    if (!pgx_query(control, CONTROL_TIMEOUT_US, sql_control_look_again,
                   PGX_ARGS(PGX_UUID(migration), PGX_TEXT(why), PGX_TEXT(WATCH_ACTOR)), NULL, &err))
        log_error(TMV_LOG_WARN, "asking for a look at a completed migration", &err);
}

static bool look(const struct decision_watch *w, struct pgx_conn *control, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    AUTO(place) struct place source = {0};
    AUTO(place) struct place target = {0};
    const char *why = "";

    if (!pgx_query(control, CONTROL_TIMEOUT_US, sql_control_decided, PGX_ARGS(PGX_INT(LOOKED_AT)), &rows,
                   err))
        return false;
    for (int i = 0; i < pgx_rows(rows) && !stop_is_raised(w->stop); i++) {
        struct tmv_uuid migration = pgx_uuid(rows, i, 0), tenant = pgx_uuid(rows, i, 1);

        if (go_to(w, control, pgx_text(rows, i, 2), &source) &&
            go_to(w, control, pgx_text(rows, i, 3), &target) &&
            is_forgotten(&source, &target, &migration, &tenant, &why))
            call_for_help(control, &migration, why);
    }
    return true;
}

/* ---- tenants at rest ---- */

static bool retire_at(const struct place *place, const struct guard *like, enum fence_state resting,
                      struct tmv_error *err)
{
    struct guard guard = *like;
    bool done = false;

    guard.shape = place->shape;
    return guard_identify(place->conn, &guard, err) &&
           guard_retire(place->conn, &guard, resting, &done, err) && done;
}

/* `held`: the old store is kept current, for which the tenant's events are counted in the new one. */
static bool retire(struct pgx_conn *control, const struct place *source, const struct place *target,
                   const struct guard *guard, bool held, struct tmv_error *err)
{
    if (!retire_at(source, guard, FENCE_MOVED, err) || held)
        return false;
    return retire_at(target, guard, FENCE_OPEN, err) && fault_hit("retire.before_control", err) &&
           pgx_query(control, CONTROL_TIMEOUT_US, sql_control_retired, PGX_ARGS(PGX_UUID(&guard->migration)),
                     NULL, err) &&
           fault_hit("retire.control", err);
}

/* Takes the triggers of tenants that have arrived out of both stores: of those that arrived at most `age_s`
 * seconds ago, or ANY_AGE. What cannot be done now is tried again later. */
static bool retire_all(const struct decision_watch *w, struct pgx_conn *control, int64_t age_s,
                       struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *rows = NULL;
    AUTO(place) struct place source = {0};
    AUTO(place) struct place target = {0};

    if (!pgx_query(control, CONTROL_TIMEOUT_US, sql_control_unretired,
                   PGX_ARGS(PGX_INT(RETIRED_AT), PGX_INT(age_s)), &rows, err))
        return false;
    for (int i = 0; i < pgx_rows(rows) && !stop_is_raised(w->stop); i++) {
        const struct guard guard = {.migration = pgx_uuid(rows, i, 0), .tenant = pgx_uuid(rows, i, 1)};
        struct tmv_error why = {0};

        if (go_to(w, control, pgx_text(rows, i, 2), &source) &&
            go_to(w, control, pgx_text(rows, i, 3), &target) &&
            !retire(control, &source, &target, &guard, pgx_bool(rows, i, 4), &why) && why.code != TMV_OK)
            log_error(TMV_LOG_DEBUG, "dropping a guard that is not needed any more", &why);
    }
    return true;
}

static bool take_turn(const struct decision_watch *w, struct pgx_conn *control, int64_t turn,
                      struct tmv_error *err)
{
    if (turn % LOOK_EVERY != 0)
        return retire_all(w, control, EAGER_S, err);
    return look(w, control, err) && retire_all(w, control, ANY_AGE, err);
}

static void *watch_main(void *arg)
{
    const struct decision_watch *w = arg;
    const struct pgx_options options = {.conninfo = w->control_conninfo, .part = "watch", .stop = w->stop};

    while (!stop_is_raised(w->stop)) {
        AUTO_CONN struct pgx_conn *control = NULL;
        struct tmv_error err;

        /* What is wrong with the control database, the engine's own thread says. */
        if (pgx_connect(&options, &control, &err))
            for (int64_t turn = 0; take_turn(w, control, turn, &err) && stop_sleep(w->stop, TURN_US); turn++)
                continue;
        stop_sleep(w->stop, LOOK_EVERY * TURN_US);
    }
    return NULL;
}

bool decision_watch_start(struct decision_watch *w, const char *control_conninfo, const struct stop *stop,
                          struct tmv_error *err)
{
    text_copy(w->control_conninfo, sizeof w->control_conninfo, control_conninfo);
    w->stop = stop;
    w->running = thread_spawn(&w->thread, "decision watch", watch_main, w, err);
    return w->running;
}

void decision_watch_join(struct decision_watch *w)
{
    if (w->running)
        pthread_join(w->thread, NULL);
    w->running = false;
}
