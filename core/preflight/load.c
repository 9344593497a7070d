/* Load: what runs on the servers now, which limits it meets, how large and how long the move is. */
#include "preflight/check.h"

#include <inttypes.h>

#include "lib/cleanup.h"
#include "lib/text.h"
#include "sql_embedded.h"

#define OID(end) PGX_INT((end)->shape.relation_oid)
#define DISK_WORTH_A_LOOK (INT64_C(1) << 30)
/* Rates on two cores with all indexes (design §8, §12): for a rough idea, and said to be one. */
#define COPY_EVENTS_PER_S 60000
#define VERIFY_EVENTS_PER_S 250000

static bool long_transactions(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                              struct tmv_error *err)
{
    const struct finding f = {sql_preflight_long_transactions, PGX_ARGS(OID(end)), TMV_VERDICT_WARN,
                              "no long transaction"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool prepared(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    const struct finding f = {sql_preflight_prepared, PGX_NONE, TMV_VERDICT_WARN, "no prepared transaction"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool maintenance(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                        struct tmv_error *err)
{
    const struct finding f = {sql_preflight_maintenance, PGX_ARGS(OID(end)), TMV_VERDICT_WARN,
                              "no vacuum or index build runs or is due"};

    (void)view;
    return check_finding(end, &f, check, err);
}

static bool timeouts(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    int64_t pause_ms = view->options->settings.cutover_timeout_ms;
    const struct finding f = {sql_preflight_timeouts, PGX_ARGS(PGX_INT(pause_ms > 0 ? pause_ms : 500)),
                              TMV_VERDICT_WARN, "no configured timeout is shorter than the pause"};

    return check_finding(end, &f, check, err);
}

static bool session_settings(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                             struct tmv_error *err)
{
    int64_t lock_ms = view->options->settings.lock_budget_ms;
    const struct finding f = {sql_preflight_session_settings, PGX_ARGS(PGX_INT(lock_ms > 0 ? lock_ms : 20)),
                              TMV_VERDICT_WARN, "nothing ends the engine's sessions"};

    return check_finding(end, &f, check, err);
}

static bool disk(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                 struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *sizes = NULL;
    AUTO_RESULT struct pgx_result *place = NULL;

    if (!check_query(&view->source, sql_preflight_sizes, PGX_ARGS(OID(&view->source)), &sizes, err) ||
        !check_query(end, sql_preflight_data_directory, PGX_ARGS(OID(end)), &place, err))
        return false;
    int64_t tenant = view->tenant_events > 0 ? view->tenant_events : 0;
    int64_t all = pgx_int(sizes, 0, 1) > tenant ? pgx_int(sizes, 0, 1) : tenant;
    double bytes = all > 0 ? (double)pgx_int(sizes, 0, 0) * (double)tenant / (double)all : 0;
    const char *path = *pgx_text(place, 0, 0) ? pgx_text(place, 0, 0) : "its data directory";

    check_seen(
        check, bytes > DISK_WORTH_A_LOOK ? TMV_VERDICT_WARN : TMV_VERDICT_OK,
        "about %s MiB for the tenant, as much again for its log; PostgreSQL cannot tell how much is free",
        DECIMAL(bytes / (1 << 20), 1));
    if (check->verdict == TMV_VERDICT_WARN)
        check_todo(check, "look on the target's machine: df -h %s", path);
    return true;
}

static bool duration(struct preflight_view *view, struct preflight_end *end, struct tmv_check *check,
                     struct tmv_error *err)
{
    int64_t n = view->tenant_events > 0 ? view->tenant_events : 0;
    int64_t limit = view->options->settings.max_bulk_copy_rate;
    int64_t rate = limit > 0 && limit < COPY_EVENTS_PER_S ? limit : COPY_EVENTS_PER_S;

    (void)end;
    (void)err;
    check_seen(check, TMV_VERDICT_OK,
               "roughly: copy %" PRId64 " s at %" PRId64 " events/s, verification %" PRId64
               " s; the pause a few milliseconds",
               n / rate + 1, rate, n / VERIFY_EVENTS_PER_S + 1);
    return true;
}

static const struct preflight_check checks[] = {
    {"source-long-transactions", ON_SOURCE, true, long_transactions},
    {"target-long-transactions", ON_TARGET, true, long_transactions},
    {"source-prepared", ON_SOURCE, false, prepared},
    {"target-prepared", ON_TARGET, false, prepared},
    {"source-maintenance", ON_SOURCE, true, maintenance},
    {"target-maintenance", ON_TARGET, true, maintenance},
    {"source-timeouts", ON_SOURCE, false, timeouts},
    {"target-timeouts", ON_TARGET, false, timeouts},
    {"source-sessions", ON_SOURCE, false, session_settings},
    {"target-sessions", ON_TARGET, false, session_settings},
    {"disk", ON_BOTH, true, disk},
    {"duration", ON_SOURCE, true, duration},
};
const struct preflight_group preflight_load = {"load", checks, ARRAY_LEN(checks)};
