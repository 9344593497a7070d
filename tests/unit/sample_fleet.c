#include "sample_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view/fleet_order.h"

#define S INT64_C(1000000)
#define MINUTE (60 * S)

struct sample {
    const char *name;
    enum tmv_phase phase;
    enum tmv_display_state show;
    int percent;
    int64_t total, rate, lag_us, eta_us;
    const char *note;
};
static const struct sample samples[] = {
    {"acme-eu-1042", TMV_PHASE_DUAL_WRITE, TMV_SHOW_READY, 100, 31204118, 840, 3000, -1, ""},
    {"borealis", TMV_PHASE_CUTOVER, TMV_SHOW_CUTOVER, 100, 182004, 1200, 0, -1, "draining 28 events"},
    {"cobalt-retail", TMV_PHASE_DUAL_WRITE, TMV_SHOW_SYNC, 100, 4100222, 3100, 3200000, 4 * MINUTE, ""},
    {"delta-7", TMV_PHASE_BULK_COPY, TMV_SHOW_COPY, 63, 902113, 98000, -1, 2 * MINUTE, ""},
    {"fjord-labs", TMV_PHASE_BULK_COPY, TMV_SHOW_PAUSED, 45, 77120, 0, 41 * S, -1, ""},
    {"indigo", TMV_PHASE_FAILED, TMV_SHOW_FAILED, 71, 60231, 0, -1, -1, ""},
    {"mistral", TMV_PHASE_COMPLETED, TMV_SHOW_DONE, 100, 12004, 0, -1, -1, ""},
    {"nimbus", TMV_PHASE_BULK_COPY, TMV_SHOW_ORPHAN, 12, 500000, 0, -1, -1, "its engine is silent for 41 s"},
    {"日本の会社", TMV_PHASE_PENDING, TMV_SHOW_PENDING, 0, 0, 0, -1, -1, "waits for an engine"},
    {"ra\033[31mw\xe2\x80\xae\xff", TMV_PHASE_ABORTED, TMV_SHOW_ABORTED, 5, 100, 0, -1, -1, ""},
    {"juniper", TMV_PHASE_BULK_COPY, TMV_SHOW_THROTTLED, 58, 740112, 0, -1, -1,
     "standby k2 of the source is 6.8 s behind (limit 5.0 s)"},
};

#define SAMPLES (sizeof samples / sizeof *samples)

static struct tmv_uuid sample_id(int kind, size_t i)
{
    struct tmv_uuid id = {{0}};

    id.bytes[0] = (uint8_t)kind;
    id.bytes[1] = (uint8_t)(i >> 8);
    id.bytes[2] = (uint8_t)i;
    id.bytes[15] = 1;
    return id;
}

static void fill_gates(struct tmv_migration *m)
{
    static const struct {
        const char *name, *green, *red;
    } gates[] = {
        {"lag", "3.0 ms < 50 ms", "3.2 s > 50 ms"},
        {"verified", "to position 31,204,118", "to position 3,900,118"},
        {"target healthy", "answers in 0.4 ms", ""},
        {"no long transaction", "oldest 0.2 s", ""},
        {"guard unchanged", "6 triggers", ""},
    };

    m->gate_count = sizeof gates / sizeof *gates;
    for (size_t i = 0; i < m->gate_count; i++) {
        bool green = m->show == TMV_SHOW_READY || i >= 2;
        m->gates[i].green = green;
        m->gates[i].at_us = SAMPLE_WALL_US;
        snprintf(m->gates[i].name, sizeof m->gates[i].name, "%s", gates[i].name);
        snprintf(m->gates[i].seen, sizeof m->gates[i].seen, "%s", green ? gates[i].green : gates[i].red);
    }
    m->predicted_pause_us = 7000;
}

static void fill_samples(struct tmv_migration *m)
{
    m->sample_count = TMV_SAMPLES_MAX;
    for (size_t i = 0; i < TMV_SAMPLES_MAX; i++) {
        m->samples[i].at_us = SAMPLE_WALL_US - (int64_t)(TMV_SAMPLES_MAX - i) * S;
        m->samples[i].rate = m->rate;
        /* a hill and a dent, so that the plot has something to show */
        m->samples[i].lag_us =
            m->lag_us < 0 ? -1 : m->lag_us / 2 + m->lag_us * (int64_t)(i * (60 - i) % 37) / 60;
    }
}

static void fill_times(struct tmv_migration *m)
{
    m->created_at_us = SAMPLE_WALL_US - 130 * MINUTE;
    if (m->phase == TMV_PHASE_PENDING)
        return;
    m->started_at_us = m->created_at_us + 2 * S;
    if (m->phase == TMV_PHASE_DUAL_WRITE || m->phase == TMV_PHASE_CUTOVER ||
        m->phase == TMV_PHASE_COMPLETED) {
        m->bulk_copy_completed_at_us = m->started_at_us + 112 * MINUTE + 7 * S;
        m->dual_write_started_at_us = m->bulk_copy_completed_at_us + 4 * MINUTE + 10 * S;
    }
    if (m->phase == TMV_PHASE_CUTOVER)
        m->cutover_started_at_us = SAMPLE_WALL_US - S;
    if (tmv_phase_is_terminal(m->phase))
        m->completed_at_us = SAMPLE_WALL_US - 31 * S;
}

static void fill(struct tmv_migration *m, const struct sample *s, size_t i)
{
    memset(m, 0, sizeof *m);
    m->id = sample_id(2, i);
    m->tenant = sample_id(1, i);
    snprintf(m->source, sizeof m->source, "shared");
    snprintf(m->target, sizeof m->target, "dedicated-k%zu", i + 1);
    snprintf(m->note, sizeof m->note, "%s", s->note);
    snprintf(m->created_by, sizeof m->created_by, "amy");
    snprintf(m->owner, sizeof m->owner, "console amy@bastion2");
    snprintf(m->step, sizeof m->step, "%s", s->show == TMV_SHOW_COPY ? "copying chunk 8 of 12" : "");
    if (s->show == TMV_SHOW_PAUSED)
        snprintf(m->pause_reason, sizeof m->pause_reason, "by amy: deploy");
    if (s->show == TMV_SHOW_FAILED)
        snprintf(m->last_error, sizeof m->last_error,
                 "target refused event 7 of stream 4: another event stands at the same version (23505)");
    m->phase = s->phase;
    m->show = s->show;
    m->paused = s->show == TMV_SHOW_PAUSED;
    m->generation = 41;
    m->percent = s->percent;
    m->events_total = s->total;
    m->events_copied = s->total * s->percent / 100;
    m->rate = s->rate;
    m->lag_us = s->lag_us;
    m->lag_events = s->lag_us < 0 ? -1 : s->lag_us / 1000;
    m->watermark = m->events_copied;
    m->verified_to = s->show == TMV_SHOW_READY ? m->events_copied : 0;
    m->eta_us = s->eta_us;
    m->owner_age_us = 900000;
    m->predicted_pause_us = -1;
    m->lag_gate_us = 50000;
    m->lock_budget_us = 20000;
    m->drain_budget_us = 60000;
    m->pause_budget_us = 500000;
    for (int f = 0; f < TMV_FIGURE_COUNT; f++)
        m->measured_us[f] = SAMPLE_WALL_US;
    fill_times(m);
    fill_samples(m);
    if (s->phase == TMV_PHASE_DUAL_WRITE)
        fill_gates(m);
}

static void fill_event(struct tmv_audit_entry *e, int64_t id, size_t of, const char *type)
{
    memset(e, 0, sizeof *e);
    e->id = id;
    e->migration = sample_id(2, of);
    snprintf(e->event_type, sizeof e->event_type, "%s", type);
    e->occurred_at_us = SAMPLE_WALL_US - (10 - id) * 3 * S;
}

static void fill_events(struct tmv_snapshot *s)
{
    s->event_count = 5;
    s->events = calloc(s->event_count, sizeof *s->events);
    fill_event(&s->events[0], 9, 1, "cutover_initiated");
    snprintf(s->events[0].operator_name, sizeof s->events[0].operator_name, "amy");
    fill_event(&s->events[1], 8, 2, "phase_changed");
    strcpy(s->events[1].old_phase, "bulk_copy");
    strcpy(s->events[1].new_phase, "dual_write");
    fill_event(&s->events[2], 7, 5, "migration_failed");
    strcpy(s->events[2].details,
           "{\"error\": \"target refused event 7 of stream 4\", \"sqlstate\": \"23505\"}");
    fill_event(&s->events[3], 6, 4, "migration_paused");
    strcpy(s->events[3].details, "{\"reason\":\"deploy\"}");
    snprintf(s->events[3].operator_name, sizeof s->events[3].operator_name, "amy");
    fill_event(&s->events[4], 5, 6, "cutover_completed");
    strcpy(s->events[4].details, "{\"pause_us\":4600}");
}

static const struct tmv_attempt attempts[] = {
    {.number = 1,
     .outcome = TMV_ATTEMPT_COMPLETED,
     .requested_by = "amy",
     .lock_us = 1100,
     .drain_us = 2200,
     .decide_us = 1300,
     .pause_us = 4600,
     .drained_events = 28,
     .held_writers = 6},
    {.number = 2,
     .outcome = TMV_ATTEMPT_ROLLED_BACK,
     .reason = "lock budget of 20 ms passed: pid 4711 holds a transaction",
     .requested_by = "amy",
     .lock_us = 20000,
     .pause_us = 20400},
    {.number = 1,
     .rehearsal = true,
     .outcome = TMV_ATTEMPT_REHEARSED,
     .requested_by = "zoë",
     .lock_us = 900,
     .drain_us = 3100,
     .decide_us = 1200,
     .pause_us = 5200,
     .drained_events = 11,
     .held_writers = 2},
    {.number = 3, .outcome = TMV_ATTEMPT_RUNNING, .requested_by = "amy", .lock_us = 1100, .drain_us = 0},
    {.number = 1,
     .outcome = TMV_ATTEMPT_REFUSED,
     .reason = "gate is red: lag 3.2 s > 50 ms",
     .requested_by = "",
     .pause_us = 0},
    {.number = 4,
     .outcome = TMV_ATTEMPT_COMPLETED,
     .lock_us = 4000,
     .drain_us = 9000,
     .decide_us = 1300,
     .pause_us = 14300},
    {.number = 5,
     .outcome = TMV_ATTEMPT_COMPLETED,
     .lock_us = 1000,
     .drain_us = 2100,
     .decide_us = 900,
     .pause_us = 4000},
};
static const size_t attempted[] = {6, 0, 0, 1, 2, 5, 9}; /* which migration */

#define ATTEMPTS (sizeof attempts / sizeof *attempts)

static void fill_attempts(struct tmv_snapshot *s)
{
    s->attempt_count = ATTEMPTS;
    s->attempts = calloc(s->attempt_count, sizeof *s->attempts);
    for (size_t i = 0; i < ATTEMPTS; i++) {
        s->attempts[i] = attempts[i];
        s->attempts[i].migration = sample_id(2, attempted[i]);
        s->attempts[i].started_at_us = SAMPLE_WALL_US - (int64_t)(31 + 64 * i) * S;
    }
}

struct tmv_snapshot *sample_many(int count)
{
    struct tmv_snapshot *s = calloc(1, sizeof *s);

    s->taken_at_us = SAMPLE_WALL_US - 400000;
    s->taken_mono_us = SAMPLE_NOW_US - 400000;
    s->migration_count = (size_t)count;
    s->migration_total = count;
    s->migrations = calloc((size_t)count + 1, sizeof *s->migrations);
    for (size_t i = 0; i < s->migration_count; i++)
        fill(&s->migrations[i], &samples[i % SAMPLES], i);
    fill_events(s);
    fill_attempts(s);
    return s;
}

struct tmv_snapshot *sample_snapshot(void)
{
    return sample_many((int)SAMPLES);
}

struct tenant_names sample_names(void)
{
    static struct tenant_alias aliases[SAMPLES];

    for (size_t i = 0; i < SAMPLES; i++) {
        aliases[i].tenant = sample_id(1, i);
        aliases[i].name = samples[i].name;
    }
    return (struct tenant_names){aliases, SAMPLES};
}

static const struct store_view stores[] = {
    {.tenants = 1,
     .now = {.id = "dedicated-k1",
             .seen = true,
             .look = {.place = "k1 at k1.example:5432 as tmv",
                      .server_version = 150018,
                      .guard_ready = true,
                      .answer_us = 400,
                      .started_at_us = SAMPLE_WALL_US - 3 * 60 * MINUTE,
                      .now_us = SAMPLE_WALL_US,
                      .connections = 23,
                      .connections_max = 100,
                      .connections_ours = 7,
                      .oldest_us = 2100000,
                      .oldest_pid = 4711,
                      .oldest_who = "app orders",
                      .standbys = 1,
                      .synchronous = true,
                      .replay_us = 3000,
                      .replay_bytes = 120000,
                      .database_bytes = 1300000000,
                      .events_bytes = 900000000,
                      .disk_free_bytes = INT64_C(21474836480),
                      .disk_bytes = INT64_C(53687091200),
                      .fences_open = 1,
                      .rejected = 0},
             .looked_us = SAMPLE_NOW_US - 1200000,
             .seen_by = "worker one",
             .engine_runs = true},
     .commit_rate = 1840,
     .rejected_before = 0},
    {.now = {.id = "dedicated-k3",
             .failing = true,
             .failed_us = SAMPLE_NOW_US - 2100000,
             .failing_since_us = SAMPLE_NOW_US - 12 * 60 * S,
             .failed_by = "worker one",
             .engine_runs = true,
             .why = "store dedicated-k3: connection to k3.example port 5432 failed: timeout",
             .hint = "look whether the server runs and whether a firewall stands in between"},
     .commit_rate = -1,
     .rejected_before = -1},
    {.now = {.id = "ra\033[31mw\xe2\x80\xae\xff",
             .seen = true,
             .look = {.place = "x at y as z",
                      .server_version = 160004,
                      .standby = true,
                      .connections = 3,
                      .connections_max = 10,
                      .oldest_us = -1,
                      .replay_us = 7000000,
                      .replay_bytes = -1,
                      .events_bytes = -1,
                      .disk_free_bytes = -1,
                      .disk_bytes = -1,
                      .rejected = -1},
             .looked_us = SAMPLE_NOW_US - 900000,
             .seen_by = "worker one",
             .engine_runs = true},
     .commit_rate = -1,
     .rejected_before = -1},
    {.tenants = 128,
     .now = {.id = "shared",
             .seen = true,
             .look = {.place = "shared at db1.example:5432 as tmv",
                      .server_version = 150018,
                      .guard_ready = true,
                      .answer_us = 700,
                      .started_at_us = SAMPLE_WALL_US - 40 * 24 * 60 * MINUTE,
                      .now_us = SAMPLE_WALL_US,
                      .connections = 371,
                      .connections_max = 400,
                      .connections_ours = 12,
                      .oldest_us = 180 * S,
                      .oldest_pid = 815,
                      .oldest_who = "reports nightly",
                      .standbys = 2,
                      .replay_us = 900000,
                      .replay_bytes = 4200000,
                      .database_bytes = INT64_C(1400000000000),
                      .events_bytes = INT64_C(1100000000000),
                      .disk_free_bytes = -1,
                      .disk_bytes = -1,
                      .fences_open = 5,
                      .fences_shut = 1,
                      .fences_moved = 12,
                      .rejected = 41},
             .looked_us = SAMPLE_NOW_US - 1200000,
             .seen_by = "worker one",
             .engine_runs = true},
     .commit_rate = 18400,
     .rejected_before = 39},
    {.tenants = 3,
     .now = {.id = "spare",
             .seen = true,
             .look = {.place = "spare at db9.example:5432 as tmv",
                      .server_version = 150018,
                      .started_at_us = SAMPLE_WALL_US - 40 * 24 * 60 * MINUTE,
                      .now_us = SAMPLE_WALL_US,
                      .connections = 17,
                      .connections_max = 200,
                      .oldest_us = -1,
                      .replay_us = -1,
                      .replay_bytes = -1,
                      .database_bytes = 77000000,
                      .events_bytes = -1,
                      .disk_free_bytes = -1,
                      .disk_bytes = -1,
                      .rejected = -1},
             .looked_us = SAMPLE_NOW_US - 185 * S,
             .seen_by = "worker two",
             .engine_runs = true},
     .commit_rate = -1,
     .rejected_before = -1},
};

const struct store_view *sample_stores(size_t *ret_count)
{
    *ret_count = sizeof stores / sizeof *stores;
    return stores;
}

static void record_commands(struct tmv_record *record)
{
    static struct tmv_command_info commands[2];

    for (int i = 0; i < 2; i++) {
        commands[i] = (struct tmv_command_info){.migration = record->migration,
                                                .operation = i == 0 ? TMV_OP_START : TMV_OP_CUTOVER,
                                                .state = TMV_COMMAND_DONE,
                                                .requested_by = "amy",
                                                .requested_from = "bastion2 pid 4711"};
        commands[i].requested_at_us =
            i == 0 ? SAMPLE_WALL_US - 130 * MINUTE : SAMPLE_WALL_US - 31 * S - 40000;
        snprintf(commands[i].outcome, sizeof commands[i].outcome, "%s",
                 i == 0 ? "" : "completed: writes paused 4.6 ms");
    }
    record->commands = commands;
    record->command_count = 2;
}

static void record_samples(struct tmv_record *record)
{
    static struct tmv_sample kept[120];

    for (int i = 0; i < 120; i++)
        kept[i] = (struct tmv_sample){.at_us = SAMPLE_WALL_US - 91 * S + i * S,
                                      .rate = i < 60 ? 1200 + i * 7 % 50 : 900,
                                      .lag_us = i == 30 || i > 62 ? -1 : 2000 + i * 13 % 7 * 1000};
    record->samples = kept;
    record->sample_count = 90;
}

const struct tmv_record *sample_record(void)
{
    static struct tmv_record record;
    static struct tmv_attempt attempt;
    static struct tmv_verification verification;
    static struct tmv_audit_entry events[3];

    record = (struct tmv_record){.migration = sample_id(2, 6), .left_behind = 3};
    attempt = attempts[0];
    attempt.migration = record.migration;
    attempt.started_at_us = SAMPLE_WALL_US - 31 * S;
    record.attempts = &attempt;
    record.attempt_count = 1;
    verification = (struct tmv_verification){.level = "hash",
                                             .consistent = true,
                                             .made_at_us = SAMPLE_WALL_US - 60 * S,
                                             .to_position = 31204118,
                                             .events_source = 12004,
                                             .events_target = 12004};
    record.verifications = &verification;
    record.verification_count = 1;
    fill_event(&events[0], 1, 6, "migration_started");
    fill_event(&events[1], 4, 6, "cutover_initiated");
    fill_event(&events[2], 5, 6, "cutover_completed");
    events[0].occurred_at_us = SAMPLE_WALL_US - 130 * MINUTE;
    events[1].occurred_at_us = SAMPLE_WALL_US - 31 * S;
    events[2].occurred_at_us = SAMPLE_WALL_US - 31 * S + 4600;
    record.events = events;
    record.event_count = 3;
    record_commands(&record);
    record_samples(&record);
    return &record;
}

void sample_model(struct model *model, const struct tmv_snapshot *snapshot)
{
    memset(model, 0, sizeof *model);
    model->snapshot = snapshot;
    model->now_us = SAMPLE_NOW_US;
    model->wall_us = SAMPLE_WALL_US;
    model->connected = true;
    model->environment = "prod-eu";
    model->environment_kind = "prod";
    model->who = "amy@bastion2";
    model->names = sample_names();
    model->stores = sample_stores(&model->store_count);
    model->record = sample_record();
    model->fleet.selected_row = -1;
    fleet_order(model, false);
}
