/* One picture of all migrations, read in one read-only transaction of a handful of statements, whatever their
 * number. */
#include "tenantmv/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "control/audit/audit.h"
#include "control/row.h"
#include "control/snapshot/show.h"
#include "sql_embedded.h"

#define EVENTS_MAX 100
#define ATTEMPTS_MAX 200
#define DIALOGS_MAX 100

static void snapshot_auto(struct tmv_snapshot **snapshot)
{
    tmv_snapshot_free(*snapshot);
}

void tmv_snapshot_free(struct tmv_snapshot *snapshot)
{
    if (!snapshot)
        return;
    free(snapshot->migrations);
    free(snapshot->events);
    free(snapshot->attempts);
    free(snapshot->dialogs);
    free(snapshot);
}

static bool begin(struct tmv_control *control, struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *now = NULL;

    if (!pgx_script(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_begin, 1, &now, err))
        return err_wrap(err, "reading a snapshot");
    snapshot->taken_at_us = pgx_int(now, 0, 0);
    snapshot->taken_mono_us = clock_now_us();
    return true;
}

/* Gates are our own JSON, but they come from a database: what does not fit is left out. */
static void read_gates(const char *text, struct tmv_migration *m)
{
    AUTO(json) cJSON *list = NULL;
    struct tmv_error ignored;
    const cJSON *item;

    if (!json_parse(text, &list, &ignored))
        return;
    cJSON_ArrayForEach(item, list)
    {
        struct tmv_gate *gate = &m->gates[m->gate_count];

        if (m->gate_count == TMV_GATES_MAX)
            break;
        text_copy(gate->name, sizeof gate->name, json_get_text(item, "name", "?"));
        text_copy(gate->seen, sizeof gate->seen, json_get_text(item, "seen", ""));
        text_sanitize(gate->name);
        text_sanitize(gate->seen);
        gate->green = json_get_bool(item, "green", false);
        gate->at_us = json_get_int64(item, "at", 0);
        m->gate_count++;
    }
}

static void read_texts(const struct pgx_result *r, int row, struct tmv_migration *m)
{
    row_text(m->source, sizeof m->source, r, row, 2);
    row_text(m->target, sizeof m->target, r, row, 3);
    row_text(m->pause_reason, sizeof m->pause_reason, r, row, 6);
    row_text(m->note, sizeof m->note, r, row, 7);
    row_text(m->step, sizeof m->step, r, row, 8);
    row_text(m->created_by, sizeof m->created_by, r, row, 9);
    row_text(m->owner, sizeof m->owner, r, row, 26);
    row_text(m->last_error, sizeof m->last_error, r, row, 29);
    row_text(m->throttle, sizeof m->throttle, r, row, 36);
    row_text(m->left_columns, sizeof m->left_columns, r, row, 48);
    row_text(m->without_tables, sizeof m->without_tables, r, row, 49);
}

/* What the settings leave out has its usual value; a migration of another program may have other settings. */
static void read_budgets(const struct pgx_result *r, int row, struct tmv_migration *m)
{
    struct tmv_settings usual;
    struct {
        int64_t *us, usual_ms;
    } values[4];

    tmv_settings_default(&usual);
    values[0].us = &m->lag_gate_us, values[0].usual_ms = usual.cutover_max_lag_ms;
    values[1].us = &m->lock_budget_us, values[1].usual_ms = usual.lock_budget_ms;
    values[2].us = &m->drain_budget_us, values[2].usual_ms = usual.drain_budget_ms;
    values[3].us = &m->pause_budget_us, values[3].usual_ms = usual.cutover_timeout_ms;
    for (int i = 0; i < 4; i++)
        *values[i].us =
            (pgx_int(r, row, 31 + i) > 0 ? pgx_int(r, row, 31 + i) : values[i].usual_ms) * US_PER_MS;
}

/* One for an operation that only a newer program knows is left out. */
static void read_request(const struct pgx_result *r, int row, struct tmv_open_request *request)
{
    if (pgx_is_null(r, row, 38) || !tmv_operation_parse(pgx_text(r, row, 39), &request->operation))
        return;
    request->id = pgx_uuid(r, row, 38);
    request->running = pgx_bool(r, row, 40);
    row_text(request->requested_by, sizeof request->requested_by, r, row, 41);
    request->requested_at_us = pgx_int(r, row, 42);
    request->expires_at_us = pgx_int(r, row, 43);
}

/* An engine of an older version writes no times: what it wrote is as old as its last sign of life. */
static void date_undated(struct tmv_migration *m, int64_t now_us)
{
    int64_t alive_us = now_us - m->owner_age_us;

    if (m->owner_age_us < 0)
        return;
    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        m->measured_us[i] = alive_us;
    for (size_t i = 0; i < m->gate_count; i++)
        m->gates[i].at_us = alive_us;
}

static bool read_migration(const struct pgx_result *r, int row, int64_t now_us, struct tmv_migration *m,
                           struct tmv_error *err)
{
    m->id = pgx_uuid(r, row, 0);
    m->tenant = pgx_uuid(r, row, 1);
    if (!tmv_phase_parse(pgx_text(r, row, 4), &m->phase))
        return err_set(err, TMV_ERR_REFUSED, "migration %s is in an unknown phase: %s", pgx_text(r, row, 0),
                       pgx_text(r, row, 4));
    m->paused = pgx_bool(r, row, 5);
    read_texts(r, row, m);
    m->generation = pgx_int(r, row, 10);
    for (int i = 0; i < TMV_FIGURE_COUNT; i++) /* the columns are in the order of the list */
        *figure_of(m, (enum tmv_figure)i) = pgx_int(r, row, 11 + i);
    figures_read_times(pgx_text(r, row, 50), m->measured_us);
    m->created_at_us = pgx_int(r, row, 20);
    m->started_at_us = pgx_int(r, row, 21);
    m->bulk_copy_completed_at_us = pgx_int(r, row, 22);
    m->dual_write_started_at_us = pgx_int(r, row, 23);
    m->cutover_started_at_us = pgx_int(r, row, 24);
    m->completed_at_us = pgx_int(r, row, 25);
    m->owner_age_us = pgx_is_null(r, row, 27) ? -1 : pgx_int(r, row, 27);
    read_gates(pgx_text(r, row, 28), m);
    if (strcmp(pgx_text(r, row, 50), "{}") == 0)
        date_undated(m, now_us);
    read_budgets(r, row, m);
    m->throttled_us = pgx_int(r, row, 37);
    read_request(r, row, &m->request);
    m->waiting_since_us = pgx_int(r, row, 44);
    m->next_try_at_us = pgx_int(r, row, 45);
    m->reported_at_us = pgx_int(r, row, 46);
    m->engine_somewhere = pgx_bool(r, row, 47);
    m->paused_at_us = m->paused ? pgx_int(r, row, 51) : 0;
    m->foreign_sign_at_us = pgx_int(r, row, 52);
    m->held = pgx_bool(r, row, 53);
    m->hold_until_us = pgx_int(r, row, 54);
    show_migration(m, pgx_bool(r, row, 30), now_us);
    return true;
}

static bool read_migrations(struct tmv_control *control, const struct tmv_uuid *tenant, int limit,
                            struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    size_t count;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_migrations,
                   PGX_ARGS(tenant ? PGX_UUID(tenant) : PGX_NULL, PGX_INT(limit), PGX_INT(LEASE_TTL_US)), &r,
                   err))
        return err_wrap(err, "reading migrations");
    count = (size_t)pgx_rows(r);
    snapshot->migrations = calloc(count + 1, sizeof *snapshot->migrations);
    if (!snapshot->migrations)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        if (!read_migration(r, (int)i, snapshot->taken_at_us, &snapshot->migrations[i], err))
            return false;
    snapshot->migration_count = count;
    snapshot->migration_total = count > 0 ? pgx_int(r, 0, 35) : 0;
    return true;
}

/* The word of a group comes from the same rules as that of one migration: it is one, as far as they look. */
static bool read_group(const struct pgx_result *r, int row, int64_t now_us, struct tmv_migration *ret_like)
{
    int64_t silent_us = pgx_bool(r, row, 7) ? LEASE_TTL_US + 1 : 0;

    *ret_like =
        (struct tmv_migration){.paused = pgx_bool(r, row, 1),
                               .generation = pgx_bool(r, row, 4) ? 0 : 1,
                               .waiting_since_us = pgx_bool(r, row, 5) ? 1 : 0,
                               .owner_age_us = pgx_bool(r, row, 6) ? silent_us : -1,
                               .created_at_us = pgx_bool(r, row, 8) ? now_us : now_us - LEASE_TTL_US - 1,
                               .engine_somewhere = pgx_bool(r, row, 9),
                               .held = pgx_bool(r, row, 11)};
    text_copy(ret_like->throttle, sizeof ret_like->throttle, pgx_bool(r, row, 2) ? "yes" : "");
    return tmv_phase_parse(pgx_text(r, row, 0), &ret_like->phase);
}

static bool read_counts(struct tmv_control *control, const struct tmv_uuid *tenant,
                        struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    struct tmv_migration like;

    if (!pgx_query(
            control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_counts,
            PGX_ARGS(tenant ? PGX_UUID(tenant) : PGX_NULL, PGX_INT(LEASE_TTL_US), PGX_INT(TMV_FACT_TTL_US)),
            &r, err))
        return err_wrap(err, "counting migrations");
    for (int row = 0; row < pgx_rows(r); row++) {
        int64_t count = pgx_int(r, row, 12);

        if (!read_group(r, row, snapshot->taken_at_us, &like))
            continue;
        snapshot->counts[show_word(&like, pgx_bool(r, row, 3), snapshot->taken_at_us)] += count;
        snapshot->superseded += pgx_bool(r, row, 10) ? count : 0;
    }
    return true;
}

/* The migrations whose samples are wanted: those that run, which stand first, or all of one tenant. */
static size_t sampled_count(const struct tmv_snapshot *snapshot, const struct tmv_uuid *tenant)
{
    size_t n = 0;

    while (n < snapshot->migration_count && (tenant || !tmv_phase_is_terminal(snapshot->migrations[n].phase)))
        n++;
    return n;
}

static bool read_samples(struct tmv_control *control, const struct tmv_uuid *tenant,
                         struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;
    size_t count = sampled_count(snapshot, tenant);
    AUTO(buf) struct buf ids = BUF_INIT(count * TMV_UUID_TEXT + 3);
    char id[TMV_UUID_TEXT];

    if (count == 0)
        return true;
    for (size_t i = 0; i < count; i++)
        buf_printf(&ids, "%c%s", i ? ',' : '{', tmv_uuid_format(&snapshot->migrations[i].id, id));
    buf_char(&ids, '}');
    if (!buf_ok(&ids, err) ||
        !pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_samples,
                   PGX_ARGS(PGX_TEXT(buf_text(&ids)), PGX_INT(TMV_SAMPLES_MAX)), &r, err))
        return err_wrap(err, "reading samples");
    for (int row = 0; row < pgx_rows(r); row++) {
        struct tmv_migration *m = &snapshot->migrations[pgx_int(r, row, 0)];

        if (m->sample_count == TMV_SAMPLES_MAX)
            continue;
        m->samples[m->sample_count++] = (struct tmv_sample){.at_us = pgx_int(r, row, 1),
                                                            .events_copied = pgx_int(r, row, 2),
                                                            .rate = pgx_int(r, row, 3),
                                                            .lag_us = pgx_int(r, row, 4),
                                                            .lag_events = pgx_int(r, row, 5)};
    }
    return true;
}

static bool read_events(struct tmv_control *control, const struct tmv_uuid *tenant,
                        struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_events,
                   PGX_ARGS(tenant ? PGX_UUID(tenant) : PGX_NULL, PGX_INT(EVENTS_MAX)), &r, err))
        return err_wrap(err, "reading the audit");
    snapshot->events = calloc((size_t)pgx_rows(r) + 1, sizeof *snapshot->events);
    if (!snapshot->events)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(r); row++)
        audit_read(r, row, &snapshot->events[snapshot->event_count++]);
    return true;
}

static bool read_attempts(struct tmv_control *control, const struct tmv_uuid *tenant,
                          struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_attempts,
                   PGX_ARGS(tenant ? PGX_UUID(tenant) : PGX_NULL, PGX_INT(ATTEMPTS_MAX)), &r, err))
        return err_wrap(err, "reading cutover attempts");
    snapshot->attempts = calloc((size_t)pgx_rows(r) + 1, sizeof *snapshot->attempts);
    if (!snapshot->attempts)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(r); row++)
        attempt_read(r, row, &snapshot->attempts[snapshot->attempt_count++]);
    return true;
}

/* One for an operation that only a newer program knows is left out. */
static bool read_dialogs(struct tmv_control *control, const struct tmv_uuid *tenant,
                         struct tmv_snapshot *snapshot, struct tmv_error *err)
{
    AUTO_RESULT struct pgx_result *r = NULL;

    if (!pgx_query(control->conn, CONTROL_TIMEOUT_US, sql_control_snapshot_dialogs,
                   PGX_ARGS(tenant ? PGX_UUID(tenant) : PGX_NULL, PGX_INT(DIALOGS_MAX)), &r, err))
        return err_wrap(err, "reading the dialogs that are open");
    snapshot->dialogs = calloc((size_t)pgx_rows(r) + 1, sizeof *snapshot->dialogs);
    if (!snapshot->dialogs)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (int row = 0; row < pgx_rows(r); row++) {
        struct tmv_dialog *dialog = &snapshot->dialogs[snapshot->dialog_count];

        dialog->id = pgx_uuid(r, row, 0);
        dialog->migration = pgx_uuid(r, row, 1);
        row_text(dialog->operator_name, sizeof dialog->operator_name, r, row, 3);
        row_text(dialog->came_from, sizeof dialog->came_from, r, row, 4);
        dialog->opened_at_us = pgx_int(r, row, 5);
        snapshot->dialog_count += tmv_operation_parse(pgx_text(r, row, 2), &dialog->operation);
    }
    return true;
}

static bool read_snapshot(struct tmv_control *control, const struct tmv_uuid *tenant, int limit, bool samples,
                          struct tmv_snapshot **ret_snapshot, struct tmv_error *err)
{
    AUTO(snapshot) struct tmv_snapshot *snapshot = calloc(1, sizeof *snapshot);
    bool ok;

    if (!snapshot)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    if (limit < 1)
        return err_set(err, TMV_ERR_USAGE, "a snapshot holds at least one migration");
    ok = begin(control, snapshot, err) && read_migrations(control, tenant, limit, snapshot, err) &&
         read_counts(control, tenant, snapshot, err) &&
         (!samples || read_samples(control, tenant, snapshot, err)) &&
         read_events(control, tenant, snapshot, err) && read_attempts(control, tenant, snapshot, err) &&
         read_dialogs(control, tenant, snapshot, err);
    pgx_rollback(control->conn, CONTROL_TIMEOUT_US); /* nothing was written */
    if (!ok)
        return false;
    *ret_snapshot = TAKE(snapshot);
    return true;
}

bool tmv_snapshot_read(struct tmv_control *control, const struct tmv_uuid *tenant, int limit,
                       struct tmv_snapshot **ret_snapshot, struct tmv_error *err)
{
    return read_snapshot(control, tenant, limit, true, ret_snapshot, err);
}

bool tmv_snapshot_read_brief(struct tmv_control *control, int limit, struct tmv_snapshot **ret_snapshot,
                             struct tmv_error *err)
{
    return read_snapshot(control, NULL, limit, false, ret_snapshot, err);
}
