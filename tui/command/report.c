#include "command/report.h"

#include <stdio.h>
#include <string.h>

#include "cli/resolve.h"
#include "lib/cleanup.h"
#include "lib/json.h"
#include "view/attempt.h"
#include "view/states.h"
#include "widgets/format.h"

enum tone report_state_tone(enum tmv_display_state state)
{
    switch (state) {
    case TMV_SHOW_READY:
    case TMV_SHOW_HOLD:
    case TMV_SHOW_DONE:
        return TONE_GOOD;
    case TMV_SHOW_PAUSED:
    case TMV_SHOW_ORPHAN:
    case TMV_SHOW_THROTTLED:
    case TMV_SHOW_WAITING:
        return TONE_WARN;
    case TMV_SHOW_FAILED:
        return TONE_BAD;
    case TMV_SHOW_CUTOVER:
        return TONE_STRONG;
    case TMV_SHOW_ABORTED:
        return TONE_FAINT;
    case TMV_SHOW_PENDING:
    case TMV_SHOW_COPY:
    case TMV_SHOW_SYNC:
    case TMV_SHOW_COUNT:
        break;
    }
    return TONE_PLAIN;
}

/* ---- JSON ---- */

static void add_times(cJSON *object, const struct tmv_migration *m)
{
    json_time(object, "created_at", m->created_at_us);
    json_time(object, "started_at", m->started_at_us);
    json_time(object, "bulk_copy_completed_at", m->bulk_copy_completed_at_us);
    json_time(object, "dual_write_started_at", m->dual_write_started_at_us);
    json_time(object, "cutover_started_at", m->cutover_started_at_us);
    json_time(object, "completed_at", m->completed_at_us);
    cJSON_AddBoolToObject(object, "held", m->held);
    json_time(object, "hold_until", m->hold_until_us);
}

static void add_gates(cJSON *object, const struct tmv_migration *m)
{
    cJSON *gates = cJSON_AddArrayToObject(object, "gates");

    for (size_t i = 0; i < m->gate_count; i++) {
        cJSON *gate = cJSON_CreateObject();

        cJSON_AddStringToObject(gate, "name", m->gates[i].name);
        cJSON_AddBoolToObject(gate, "green", m->gates[i].green);
        cJSON_AddBoolToObject(gate, "known", !m->gates[i].unknown);
        json_text(gate, "seen", m->gates[i].seen);
        json_time(gate, "measured_at", m->gates[i].at_us);
        cJSON_AddItemToArray(gates, gate);
    }
}

/* When each figure was measured. */
static void add_measured(cJSON *object, const struct tmv_migration *m)
{
    cJSON *measured = cJSON_AddObjectToObject(object, "measured_at");

    for (int i = 0; i < TMV_FIGURE_COUNT; i++)
        json_time(measured, tmv_figure_name((enum tmv_figure)i), m->measured_us[i]);
}

/* What somebody asked for and the engine has not done yet; null when there is nothing. */
static void add_request(cJSON *object, const struct tmv_migration *m)
{
    cJSON *request;

    if (tmv_uuid_is_nil(&m->request.id)) {
        cJSON_AddNullToObject(object, "request");
        return;
    }
    request = cJSON_AddObjectToObject(object, "request");
    json_id(request, "id", &m->request.id);
    cJSON_AddStringToObject(request, "operation", tmv_operation_name(m->request.operation));
    cJSON_AddStringToObject(request, "state", m->request.running ? "running" : "requested");
    json_text(request, "requested_by", m->request.requested_by);
    json_time(request, "requested_at", m->request.requested_at_us);
    json_time(request, "expires_at", m->request.expires_at_us);
}

cJSON *report_migration_json(const struct cli *cli, const struct tmv_migration *m)
{
    cJSON *object = cJSON_CreateObject();

    json_id(object, "id", &m->id);
    json_id(object, "tenant", &m->tenant);
    json_text(object, "alias", config_alias(&cli->config, &m->tenant));
    cJSON_AddStringToObject(object, "source", m->source);
    cJSON_AddStringToObject(object, "target", m->target);
    cJSON_AddStringToObject(object, "phase", tmv_phase_name(m->phase));
    cJSON_AddStringToObject(object, "state", tmv_display_state_name(m->show));
    cJSON_AddBoolToObject(object, "paused", m->paused);
    json_text(object, "pause_reason", m->pause_reason);
    json_time(object, "paused_at", m->paused_at_us);
    json_text(object, "note", m->note);
    json_text(object, "step", m->step);
    json_text(object, "throttle", m->throttle);
    json_add_int64(object, "throttled_us", m->throttled_us);
    json_text(object, "left_columns", m->left_columns);
    json_text(object, "without_tables", m->without_tables);
    json_add_int64(object, "generation", m->generation);
    json_add_int64(object, "events_total", m->events_total);
    json_add_int64(object, "events_copied", m->events_copied);
    json_add_int64(object, "percent", m->percent);
    json_known(object, "events_per_second", m->rate);
    json_known(object, "lag_us", m->lag_us);
    json_known(object, "lag_events", m->lag_events);
    json_add_int64(object, "verified_to", m->verified_to);
    json_add_int64(object, "watermark", m->watermark);
    json_known(object, "eta_us", m->eta_us);
    json_known(object, "predicted_pause_us", m->predicted_pause_us);
    json_text(object, "owner", m->owner);
    json_known(object, "owner_age_us", m->owner_age_us);
    json_text(object, "created_by", m->created_by);
    add_times(object, m);
    json_text(object, "last_error", m->last_error);
    add_request(object, m);
    json_time(object, "waiting_since", m->waiting_since_us);
    json_time(object, "next_try_at", m->next_try_at_us);
    json_time(object, "reported_at", m->reported_at_us);
    cJSON_AddBoolToObject(object, "foreign", m->generation == 0);
    json_time(object, "foreign_sign_at", m->foreign_sign_at_us);
    add_measured(object, m);
    add_gates(object, m);
    return object;
}

cJSON *report_attempt_json(const struct tmv_attempt *a)
{
    cJSON *object = cJSON_CreateObject();

    json_add_int64(object, "number", a->number);
    cJSON_AddBoolToObject(object, "rehearsal", a->rehearsal);
    cJSON_AddStringToObject(object, "outcome", tmv_attempt_outcome_name(a->outcome));
    json_text(object, "reason", a->reason);
    json_text(object, "requested_by", a->requested_by);
    json_time(object, "started_at", a->started_at_us);
    json_add_int64(object, "lock_us", a->lock_us);
    json_add_int64(object, "drain_us", a->drain_us);
    json_add_int64(object, "decide_us", a->decide_us);
    json_add_int64(object, "pause_us", a->pause_us);
    json_add_int64(object, "drained_events", a->drained_events);
    json_add_int64(object, "held_writers", a->held_writers);
    return object;
}

static bool is_shown(const struct tmv_migration *m, bool only_active)
{
    return !only_active || !tmv_phase_is_terminal(m->phase) || m->held;
}

cJSON *report_list_json(const struct cli *cli, const struct tmv_snapshot *snapshot, bool only_active)
{
    cJSON *array = cJSON_CreateArray();

    for (size_t i = 0; i < snapshot->migration_count; i++)
        if (is_shown(&snapshot->migrations[i], only_active))
            cJSON_AddItemToArray(array, report_migration_json(cli, &snapshot->migrations[i]));
    return array;
}

/* ---- text ---- */

/* What is asked for, "" when nothing is. */
static const char *request_text(const struct tmv_snapshot *snapshot, const struct tmv_migration *m,
                                char text[400])
{
    const struct tmv_open_request *r = &m->request;
    char age[FORMAT_MAX], left[FORMAT_MAX];

    text[0] = '\0';
    if (tmv_uuid_is_nil(&r->id))
        return text;
    format_duration(snapshot->taken_at_us - r->requested_at_us, age);
    if (r->running)
        snprintf(text, 400, "%s under way, asked for by %s %s ago", tmv_operation_name(r->operation),
                 r->requested_by, age);
    else if (r->expires_at_us)
        snprintf(text, 400, "%s asked for by %s %s ago, expires in %s", tmv_operation_name(r->operation),
                 r->requested_by, age, format_duration(r->expires_at_us - snapshot->taken_at_us, left));
    else
        snprintf(text, 400, "%s asked for by %s %s ago", tmv_operation_name(r->operation), r->requested_by,
                 age);
    return text;
}

void report_list(const struct cli *cli, const struct tmv_snapshot *snapshot, bool only_active)
{
    static const struct listing_column columns[] = {
        {"TENANT", false},    {"FROM", false}, {"TO", false}, {"STATE", false},
        {"COPIED", true},     {"EV/S", true},  {"LAG", true}, {"ETA", true},
        {"MIGRATION", false}, {"NOTE", false}, {NULL, false},
    };
    AUTO(listing) struct listing listing = {0};
    char label[CONFIG_ALIAS_MAX], id[TMV_UUID_TEXT], rate[FORMAT_MAX], lag[FORMAT_MAX], eta[FORMAT_MAX];
    char request[400];

    listing_init(&listing, columns);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];

        if (!is_shown(m, only_active))
            continue;
        listing_cell(&listing, TONE_PLAIN, "%s", tenant_label(cli, &m->tenant, label));
        listing_cell(&listing, TONE_PLAIN, "%s", m->source);
        listing_cell(&listing, TONE_PLAIN, "%s", m->target);
        listing_cell(&listing, report_state_tone(m->show), "%s", tmv_display_state_name(m->show));
        listing_cell(&listing, TONE_PLAIN, "%d%%", m->percent);
        listing_cell(&listing, TONE_PLAIN, "%s", format_count(m->rate, rate));
        listing_cell(&listing, TONE_PLAIN, "%s", format_short(m->lag_us, lag));
        listing_cell(&listing, TONE_PLAIN, "%s", format_short(m->eta_us, eta));
        listing_cell(&listing, TONE_FAINT, "%.8s", tmv_uuid_format(&m->id, id));
        request_text(snapshot, m, request);
        listing_cell(&listing, TONE_PLAIN, "%s",
                     *request                          ? request
                     : *m->note                        ? m->note
                     : tmv_phase_is_terminal(m->phase) ? ""
                                                       : m->step);
    }
    if (listing.count == 0)
        cli_note(cli, "no %smigrations; `tenantmv start TENANT --to STORE` starts one",
                 only_active ? "active " : "");
    listing_print(cli, &listing);
}

const char *report_attempt_text(const struct tmv_attempt *a, char text[200])
{
    char lock[FORMAT_MAX], drain[FORMAT_MAX], decide[FORMAT_MAX], pause[FORMAT_MAX];

    snprintf(text, 200,
             "writes held for %s (lock %s, drain %s of %lld events, decide %s), %lld writers waited",
             format_duration(a->pause_us, pause), format_duration(a->lock_us, lock),
             format_duration(a->drain_us, drain), (long long)a->drained_events,
             format_duration(a->decide_us, decide), (long long)a->held_writers);
    return text;
}

static void print_lag(const struct cli *cli, const struct tmv_migration *m)
{
    char lag[FORMAT_MAX], behind[FORMAT_MAX];

    if (m->lag_us >= 0 || m->lag_events >= 0)
        print_line(cli, "lag", TONE_PLAIN, "%s, %s events", format_duration(m->lag_us, lag),
                   format_grouped(m->lag_events, behind));
    else if (m->phase == TMV_PHASE_DUAL_WRITE)
        print_line(cli, "lag", TONE_WARN, "not known");
}

/* The time that was planned is no end: past it, somebody has to decide. */
static void print_hold(const struct cli *cli, const struct tmv_snapshot *snapshot,
                       const struct tmv_migration *m)
{
    char until[FORMAT_MAX];
    bool past = m->hold_until_us < snapshot->taken_at_us;

    if (m->held)
        print_line(cli, "hold", past ? TONE_WARN : TONE_PLAIN,
                   "store %s is kept current, as planned until %s%s", m->source,
                   format_time(m->hold_until_us, until),
                   past ? ", which is past: `tenantmv finalize` ends it" : "");
}

static void print_copy(const struct cli *cli, const struct tmv_migration *m)
{
    char copied[FORMAT_MAX], total[FORMAT_MAX], rate[FORMAT_MAX], eta[FORMAT_MAX];

    print_line(cli, "copied", TONE_PLAIN, "%s of %s events (%d%%)%s%s%s",
               format_grouped(m->events_copied, copied), format_grouped(m->events_total, total), m->percent,
               m->rate < 0 ? "" : ", ", m->rate < 0 ? "" : format_count(m->rate, rate),
               m->rate < 0 ? "" : "/s");
    if (m->eta_us >= 0)
        print_line(cli, "still needs", TONE_PLAIN, "%s", format_duration(m->eta_us, eta));
    if (*m->left_columns)
        print_line(cli, "left behind", TONE_WARN, "the values of column %s", m->left_columns);
    if (*m->without_tables)
        print_line(cli, "without", TONE_WARN, "table %s on the target", m->without_tables);
    if (m->throttled_us > 0)
        print_line(cli, "throttled", TONE_PLAIN, "%s in all%s", format_duration(m->throttled_us, copied),
                   *m->throttle ? ", and now" : "");
    print_lag(cli, m);
    if (m->verified_to > 0)
        print_line(cli, "verified to", TONE_PLAIN, "%s", format_grouped(m->verified_to, copied));
}

static enum tone gate_tone(const struct tmv_gate *gate)
{
    return gate->green ? TONE_GOOD : gate->unknown ? TONE_WARN : TONE_BAD;
}

static void print_gates(const struct cli *cli, const struct tmv_migration *m)
{
    char pause[FORMAT_MAX];

    for (size_t i = 0; i < m->gate_count && m->phase == TMV_PHASE_DUAL_WRITE; i++)
        print_line(cli, i ? "" : "gates", gate_tone(&m->gates[i]), "%s %s%s%s",
                   m->gates[i].unknown ? "?  "
                   : m->gates[i].green ? "ok "
                                       : "red",
                   m->gates[i].name, *m->gates[i].seen ? ": " : "", m->gates[i].seen);
    if (m->predicted_pause_us >= 0 && !tmv_phase_is_terminal(m->phase))
        print_line(cli, "predicted pause", TONE_PLAIN, "%s", format_duration(m->predicted_pause_us, pause));
}

static void print_owner(const struct cli *cli, const struct tmv_migration *m, int64_t now_us)
{
    char age[FORMAT_MAX];

    if (tmv_phase_is_terminal(m->phase) && !m->held)
        return;
    if (m->generation == 0)
        print_line(cli, "run by", TONE_WARN, "another program, last sign of it %s ago",
                   format_duration(now_us - m->foreign_sign_at_us, age));
    else if (!*m->owner)
        print_line(cli, "engine", TONE_WARN, "none: start `tenantmv worker` or the console");
    else
        print_line(cli, "engine", TONE_PLAIN, "%s, heard %s ago", m->owner,
                   format_duration(m->owner_age_us, age));
}

/* "paused   for 5m": its first word is the label. */
static void print_since(const struct cli *cli, const struct tmv_migration *m, int64_t now_us)
{
    char text[STATE_SINCE_MAX], *rest;

    state_since(m, now_us, text);
    rest = strchr(text, ' ');
    if (!rest)
        return;
    *rest = '\0';
    print_line(cli, text, TONE_WARN, "%s", rest + 1);
}

void report_migration(const struct cli *cli, const struct tmv_snapshot *snapshot,
                      const struct tmv_migration *m)
{
    char label[CONFIG_ALIAS_MAX], id[TMV_UUID_TEXT], time[FORMAT_MAX], attempt_text[200];
    char request[400];
    const struct tmv_attempt *attempt = attempt_latest(snapshot, &m->id);
    /* What the engine did last is no news any more. */
    const char *step = tmv_phase_is_terminal(m->phase) && !m->held ? "" : m->step;
    bool paused = m->paused && !tmv_phase_is_terminal(m->phase);

    print_line(cli, "tenant", TONE_STRONG, "%s", tenant_label(cli, &m->tenant, label));
    print_line(cli, "migration", TONE_PLAIN, "%s", tmv_uuid_format(&m->id, id));
    print_line(cli, "from, to", TONE_PLAIN, "%s -> %s", m->source, m->target);
    print_line(cli, "state", report_state_tone(m->show), "%s%s%s", tmv_display_state_name(m->show),
               *step ? ": " : "", step);
    print_line(cli, "phase", TONE_PLAIN, "%s%s%s%s", tmv_phase_name(m->phase), paused ? ", paused" : "",
               paused && *m->pause_reason ? ": " : "", paused ? m->pause_reason : "");
    print_line(cli, "note", TONE_PLAIN, "%s", m->note);
    print_since(cli, m, snapshot->taken_at_us);
    print_line(cli, "asked for", TONE_STRONG, "%s", request_text(snapshot, m, request));
    print_copy(cli, m);
    print_gates(cli, m);
    if (attempt) {
        print_line(cli, attempt->rehearsal ? "last rehearsal" : "last cutover", TONE_PLAIN, "%s%s%s",
                   tmv_attempt_outcome_name(attempt->outcome), *attempt->reason ? ": " : "", attempt->reason);
        if (attempt->pause_us > 0)
            print_line(cli, "", TONE_PLAIN, "%s", report_attempt_text(attempt, attempt_text));
    }
    print_owner(cli, m, snapshot->taken_at_us);
    print_line(cli, "last error", TONE_BAD, "%s", m->last_error);
    print_line(cli, "started", TONE_FAINT, "%s by %s", format_time(m->created_at_us, time),
               *m->created_by ? m->created_by : "an unnamed program");
    print_hold(cli, snapshot, m);
    if (m->completed_at_us)
        print_line(cli, "ended", TONE_FAINT, "%s", format_time(m->completed_at_us, time));
}
