/* tenantmv preflight, start: both take what a migration is made of. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/owned.h"
#include "cli/progress.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/limit.h"
#include "command/report.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/json.h"
#include "tenantmv/preflight.h"
#include "widgets/format.h"

#define NOT_GIVEN INT64_C(-2)
#define TODO_COLUMN 38

struct arguments {
    const char *tenant, *source, *target, *wait_phase;
    bool dry_run, no_preflight, keep_indexes, no_verify, auto_cutover;
    int64_t batch_size, max_lag_events, max_lag_us, pause_us, lock_us, drain_us, hold_us, timeout_us;
    struct option_texts leave_columns, without_tables;
    struct limit_arguments limits;
};
static const struct arguments defaults = {
    .batch_size = NOT_GIVEN,
    .max_lag_events = NOT_GIVEN,
    .max_lag_us = NOT_GIVEN,
    .pause_us = NOT_GIVEN,
    .lock_us = NOT_GIVEN,
    .drain_us = NOT_GIVEN,
    .hold_us = NOT_GIVEN,
    .timeout_us = INT64_C(86400000000),
    .limits = LIMIT_DEFAULTS,
};

#define AT(member) offsetof(struct arguments, member)
/* Waiting for an end other than this makes no sense: cutover is over in milliseconds. */
static const char *const wait_phases[] = {"bulk_copy", "dual_write", "ready", "completed", NULL};

#define MIGRATION_OPTIONS                                                                                    \
    OPT_TEXT("to", 't', AT(target), "STORE", TMV_NAME_MAX - 1, COMPLETE_NOTHING,                             \
             "the store that the tenant moves to (required)"),                                               \
        OPT_TEXT("from", 0, AT(source), "STORE", TMV_NAME_MAX - 1, COMPLETE_NOTHING,                         \
                 "the store that it leaves; otherwise where routing says it lives"),                         \
        OPT_INTEGER("batch-size", 0, AT(batch_size), "EVENTS", 0, 10000000,                                  \
                    "events per chunk of the copy at most; 0: as it suits"),                                 \
        LIMIT_OPTIONS(AT(limits)),                                                                           \
        OPT_FLAG("keep-indexes", 0, AT(keep_indexes),                                                        \
                 "do not drop and rebuild the target's secondary indexes"),                                  \
        OPT_DURATION("max-lag", 0, AT(max_lag_us), "TIME", 1000, 3600000000,                                 \
                     "gate of the cutover: how far the target may be behind; 50ms otherwise"),               \
        OPT_INTEGER("max-lag-events", 0, AT(max_lag_events), "EVENTS", -1, 1000000000,                       \
                    "gate of the cutover in events; -1: none, which is the default"),                        \
        OPT_DURATION("pause-budget", 0, AT(pause_us), "TIME", 100000, 60000000,                              \
                     "the cutover holds writes for at most this long; 500ms otherwise"),                     \
        OPT_DURATION("lock-budget", 0, AT(lock_us), "TIME", 1000, 900000,                                    \
                     "of that: for the lock; 20ms otherwise"),                                               \
        OPT_DURATION("drain-budget", 0, AT(drain_us), "TIME", 1000, 60000000,                                \
                     "of that: for the last events; 60ms otherwise"),                                        \
        OPT_TEXTS("leave-column", 0, AT(leave_columns), "NAME", 63, COMPLETE_NOTHING,                        \
                  "do not copy this column: its values stay on the source; may be given several times"),     \
        OPT_TEXTS("without-table", 0, AT(without_tables), "NAME", 63, COMPLETE_NOTHING,                      \
                  "the application does without this table on the target; may be given several times"),      \
        OPT_FLAG("no-verify", 0, AT(no_verify), "do not make the verification a gate of the cutover"),       \
        OPT_FLAG("auto-cutover", 0, AT(auto_cutover), "cut over as soon as every gate is green"),            \
        OPT_DURATION("hold", 0, AT(hold_us), "TIME", 1000000, INT64_C(31622400000000),                       \
                     "after the cutover keep the old store current for readers; planned for this "           \
                     "time, but only `tenantmv finalize` ends it")

static const struct option_spec preflight_options[] = {
    OPT_FLAG("dry-run", 'n', AT(dry_run), "also print every statement that starting would run"),
    MIGRATION_OPTIONS,
    {0},
};
static const struct option_spec start_options[] = {
    MIGRATION_OPTIONS,
    OPT_FLAG("no-preflight", 0, AT(no_preflight),
             "do not check from here first; the engine checks in any case"),
    OPT_CHOICE("wait", 'w', AT(wait_phase), "PHASE", wait_phases,
               "wait until the migration has reached this phase"),
    OPT_DURATION("timeout", 0, AT(timeout_us), "TIME", 1000000, INT64_C(2592000000000),
                 "with --wait: stop waiting after this time; 24h otherwise"),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", AT(tenant), false, NULL, COMPLETE_TENANT, "the tenant that moves"},
    {0},
};

static void set_if_given(int64_t given, int64_t unit, int64_t *setting)
{
    if (given != NOT_GIVEN)
        *setting = given / unit;
}

/* The usual settings with the limits that were given. */
static bool limited_settings(const struct limit_arguments *limits, struct tmv_settings *ret_settings,
                             struct tmv_error *err)
{
    AUTO(json) cJSON *changes = limit_changes(limits);
    AUTO_FREE char *text = cJSON_PrintUnformatted(changes);

    return text ? tmv_settings_from_json(text, ret_settings, err)
                : err_set(err, TMV_ERR_NOMEM, "out of memory");
}

static bool add_names(const struct option_texts *given, struct tmv_names *names, struct tmv_error *err)
{
    for (size_t i = 0; i < given->count; i++)
        if (!tmv_names_add(names, given->text[i], err))
            return false;
    return true;
}

static bool make_options(struct cli *cli, const struct arguments *a, struct tmv_start_options *o,
                         struct tmv_error *err)
{
    struct tmv_settings *s = &o->settings;

    if (!a->target) {
        err_set(err, TMV_ERR_USAGE, "--to STORE is missing: where should the tenant move?");
        return err_hint(err, "`tenantmv store list` shows the stores");
    }
    if (!limited_settings(&a->limits, s, err) || !add_names(&a->leave_columns, &s->leave_columns, err) ||
        !add_names(&a->without_tables, &s->without_tables, err))
        return false;
    set_if_given(a->batch_size, 1, &s->batch_size);
    set_if_given(a->max_lag_events, 1, &s->cutover_max_lag_events);
    set_if_given(a->max_lag_us, 1000, &s->cutover_max_lag_ms);
    set_if_given(a->pause_us, 1000, &s->cutover_timeout_ms);
    set_if_given(a->lock_us, 1000, &s->lock_budget_ms);
    set_if_given(a->drain_us, 1000, &s->drain_budget_ms);
    s->keep_indexes = a->keep_indexes;
    set_if_given(a->hold_us, 1000000, &s->hold_s);
    s->auto_cutover = a->auto_cutover;
    if (a->no_verify)
        s->verify_consistency = false;
    o->source = a->source;
    o->target = a->target;
    return resolve_tenant(cli, a->tenant, &o->tenant, err);
}

/* ---- preflight ---- */

static void checks_json(cJSON *document, const struct tmv_preflight *p)
{
    cJSON *object = cJSON_AddObjectToObject(document, "preflight");
    cJSON *checks;

    json_add_int64(object, "refusals", p->refusals);
    json_add_int64(object, "warnings", p->warnings);
    checks = cJSON_AddArrayToObject(object, "checks");
    for (size_t i = 0; i < p->count; i++) {
        cJSON *check = cJSON_CreateObject();

        cJSON_AddStringToObject(check, "group", p->checks[i].group);
        cJSON_AddStringToObject(check, "name", p->checks[i].name);
        cJSON_AddStringToObject(check, "verdict", tmv_verdict_name(p->checks[i].verdict));
        json_text(check, "seen", p->checks[i].seen);
        json_text(check, "todo", p->checks[i].todo);
        cJSON_AddItemToArray(checks, check);
    }
    if (p->statements)
        cJSON_AddStringToObject(object, "statements", p->statements);
}

static void check_text(const struct cli *cli, const struct tmv_check *c)
{
    static const enum tone tones[] = {
        [TMV_VERDICT_OK] = TONE_GOOD, [TMV_VERDICT_WARN] = TONE_WARN, [TMV_VERDICT_REFUSE] = TONE_BAD};
    int pad = 7 - (int)strlen(tmv_verdict_name(c->verdict));

    fputs("  ", stdout);
    print_tone(cli, tones[c->verdict], "%s", tmv_verdict_name(c->verdict));
    printf("%*s", pad > 0 ? pad : 1, "");
    printf("%-28s ", c->name);
    print_paragraph(cli, TODO_COLUMN, TODO_COLUMN, c->seen);
    if (*c->todo) {
        printf("%*s-> ", TODO_COLUMN, "");
        print_paragraph(cli, TODO_COLUMN + 3, TODO_COLUMN + 3, c->todo);
    }
}

/* The checks with one verdict, each group under its name. */
static void checks_with(const struct cli *cli, const struct tmv_preflight *p, enum tmv_verdict verdict)
{
    const char *group = "";

    for (size_t i = 0; i < p->count; i++) {
        const struct tmv_check *c = &p->checks[i];

        if (c->verdict != verdict)
            continue;
        if (strcmp(group, c->group) != 0) {
            print_tone(cli, TONE_STRONG, "%s", c->group);
            putchar('\n');
        }
        group = c->group;
        check_text(cli, c);
    }
}

/* What has to be done stands last, where the eye is when the program ends: after what passed and the
 * statements the warnings, and after them what refuses. */
static void checks_text(const struct cli *cli, const struct tmv_preflight *p, enum tmv_verdict lowest)
{
    if (lowest <= TMV_VERDICT_OK)
        checks_with(cli, p, TMV_VERDICT_OK);
    if (p->statements)
        printf("\nStatements that starting would run:\n%s\n", p->statements);
    if (lowest <= TMV_VERDICT_WARN)
        checks_with(cli, p, TMV_VERDICT_WARN);
    checks_with(cli, p, TMV_VERDICT_REFUSE);
}

static bool judge(const struct tmv_preflight *p, const char *tenant, struct tmv_error *err)
{
    if (p->refusals == 0)
        return true;
    err_set(err, TMV_ERR_REFUSED, "%d of %zu checks refuse to move %s", p->refusals, p->count, tenant);
    return err_hint(err, "follow the steps after the arrows, then check again with `tenantmv preflight`");
}

static bool run_preflight(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct tmv_control *control;
    struct tmv_start_options options = {0};
    AUTO(preflight) struct tmv_preflight *preflight = NULL;

    if (!make_options(cli, a, &options, err) || !cli_control(cli, &control, err) ||
        !tmv_preflight_run(control, &options, a->dry_run, &preflight, err))
        return false;
    if (cli->json)
        checks_json(cli_document(cli), preflight);
    else
        checks_text(cli, preflight, TMV_VERDICT_OK);
    if (preflight->refusals == 0)
        cli_note(cli, "%zu checks, %d warnings: the tenant can be moved", preflight->count,
                 preflight->warnings);
    return judge(preflight, a->tenant, err);
}

const struct command command_preflight = {
    .name = "preflight",
    .summary = "check every condition of a migration, changing nothing",
    .description = "Looks at both stores, the rights, the shapes of the tables, the tenant's events and the "
                   "load, and prints "
                   "each check with its verdict (ok, warn, refuse), what was seen and what to do about it; "
                   "warnings and "
                   "refusals come last. "
                   "Exit code 3 when "
                   "a check refuses.",
    .options = preflight_options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv preflight acme --to dedicated-1\n"
                "  tenantmv preflight acme --to dedicated-1 --dry-run\n",
    .access = ACCESS_WRITE,
    .run = run_preflight,
};

/* ---- start ---- */

/* Shows refusals (and, in JSON, everything), so that a start which the engine would refuse is not begun. */
static bool check_first(struct cli *cli, struct tmv_control *control, const struct arguments *a,
                        const struct tmv_start_options *options, struct tmv_error *err)
{
    AUTO(preflight) struct tmv_preflight *preflight = NULL;

    if (!tmv_preflight_run(control, options, false, &preflight, err))
        return false;
    if (cli->json)
        checks_json(cli_document(cli), preflight);
    else
        checks_text(cli, preflight, TMV_VERDICT_REFUSE);
    if (preflight->refusals == 0 && preflight->warnings > 0)
        cli_note(cli, "preflight: %d warnings; `tenantmv preflight %s --to %s` shows them",
                 preflight->warnings, a->tenant, a->target);
    return judge(preflight, a->tenant, err);
}

/* What the migration is, now. */
static bool look(struct tmv_control *control, const struct tmv_uuid *tenant, const struct tmv_uuid *id,
                 struct tmv_migration *ret_migration, struct tmv_error *err)
{
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    bool found = false;

    if (!tmv_snapshot_read(control, tenant, 100, &snapshot, err))
        return false;
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        if (!tmv_uuid_equal(&snapshot->migrations[i].id, id))
            continue;
        *ret_migration = snapshot->migrations[i];
        found = true;
    }
    return found ||
           err_set(err, TMV_ERR_NOT_FOUND, "the migration has disappeared from the control database");
}

/* Whether the migration has come as far as `--wait` says; an end always counts. */
static bool has_come(const struct tmv_migration *m, const char *phase)
{
    enum tmv_phase wanted;

    if (tmv_phase_is_terminal(m->phase))
        return true;
    if (!phase) /* only until an engine has it */
        return engine_is_alive(m);
    if (strcmp(phase, "ready") == 0)
        return m->show == TMV_SHOW_READY || m->phase == TMV_PHASE_CUTOVER;
    return tmv_phase_parse(phase, &wanted) && m->phase >= wanted;
}

static void show_progress(struct progress *progress, const struct tmv_migration *m)
{
    char copied[FORMAT_MAX], total[FORMAT_MAX], rate[FORMAT_MAX], eta[FORMAT_MAX], lag[FORMAT_MAX];

    if (m->phase == TMV_PHASE_BULK_COPY)
        progress_show(progress, m->percent, tmv_display_state_name(m->show),
                      "%s of %s events  %s/s  eta %s  %s", format_count(m->events_copied, copied),
                      format_count(m->events_total, total), format_count(m->rate, rate),
                      format_short(m->eta_us, eta), m->step);
    else
        progress_show(progress, -1, tmv_display_state_name(m->show), "lag %s  %s",
                      format_duration(m->lag_us, lag), *m->note ? m->note : m->step);
}

static bool wait_for(struct cli *cli, struct tmv_control *control, const struct arguments *a,
                     struct tmv_migration *m, struct tmv_error *err)
{
    int64_t started = clock_now_us();
    int64_t deadline = started + (a->wait_phase ? a->timeout_us : ASK_GRACE_US);
    struct tmv_uuid tenant = m->tenant, id = m->id;
    struct progress progress;
    bool warned = false, ok;

    progress_begin(&progress, cli);
    for (;;) {
        ok = look(control, &tenant, &id, m, err);
        if (!ok || has_come(m, a->wait_phase) || cli_interrupted() || clock_now_us() >= deadline)
            break;
        if (a->wait_phase && !warned && !engine_is_alive(m) && clock_now_us() - started >= ASK_GRACE_US) {
            progress_end(&progress);
            cli_note(cli,
                     "no engine runs: start `tenantmv worker` or the console; the migration waits for one");
            warned = true;
        }
        if (a->wait_phase)
            show_progress(&progress, m);
        ok = tmv_control_wait_change(control, 200000, err);
        if (!ok)
            break;
    }
    progress_end(&progress);
    return ok;
}

static bool judge_wait(const struct cli *cli, const struct arguments *a, const struct tmv_migration *m,
                       struct tmv_error *err)
{
    enum tmv_phase wanted = TMV_PHASE_COUNT;

    if (a->wait_phase)
        tmv_phase_parse(a->wait_phase, &wanted);
    if (m->phase == TMV_PHASE_FAILED || m->phase == TMV_PHASE_ABORTED) {
        err_set(err, m->phase == TMV_PHASE_FAILED ? TMV_ERR_SQL : TMV_ERR_CANCELLED,
                "the migration is %s%s%s", tmv_phase_name(m->phase), *m->last_error ? ": " : "",
                m->last_error);
        return err_hint(err, "`tenantmv audit %s` shows what happened", a->tenant);
    }
    if (has_come(m, a->wait_phase))
        return true;
    if (cli_interrupted())
        return err_set(err, TMV_ERR_CANCELLED, "stopped waiting; the migration continues");
    if (!a->wait_phase) {
        cli_note(cli, "no engine runs: start `tenantmv worker` or the console; the migration waits for one");
        return true;
    }
    err_set(err, TMV_ERR_TIMEOUT, "the migration continues; it has not reached %s yet", a->wait_phase);
    return err_hint(err, "`tenantmv status %s` shows what it waits for", a->tenant);
}

static void print_started(struct cli *cli, const struct tmv_migration *m)
{
    char label[CONFIG_ALIAS_MAX], id[TMV_UUID_TEXT];

    if (cli->json) {
        cJSON_AddBoolToObject(cli_document(cli), "engine_alive", engine_is_alive(m));
        cJSON_AddItemToObject(cli_document(cli), "migration", report_migration_json(cli, m));
        return;
    }
    printf("migration %s of %s: %s (%s)\n", tmv_uuid_format(&m->id, id), tenant_label(cli, &m->tenant, label),
           tmv_phase_name(m->phase), tmv_display_state_name(m->show));
}

static bool run_start(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct tmv_control *control;
    struct tmv_start_options options = {0};
    struct tmv_migration migration = {0};
    struct tmv_actor actor;

    if (!make_options(cli, a, &options, err) || !cli_control(cli, &control, err))
        return false;
    if (!a->no_preflight && !check_first(cli, control, a, &options, err))
        return false;
    cli_actor(cli, &actor);
    cli_catch_interrupts();
    migration.tenant = options.tenant;
    if (!tmv_start(control, &options, &actor, &migration.id, err) ||
        !wait_for(cli, control, a, &migration, err))
        return false;
    print_started(cli, &migration);
    return judge_wait(cli, a, &migration, err);
}

const struct command command_start = {
    .name = "start",
    .summary = "start to move a tenant to another store",
    .description =
        "Checks first (see `tenantmv preflight`), then creates the migration; an engine (the console or "
        "`tenantmv "
        "worker`) carries it out up to the point where it waits for the cutover. With --wait it shows the "
        "progress until the migration has reached that phase; \"ready\" means that every gate of the cutover "
        "is "
        "green.",
    .options = start_options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv start acme --to dedicated-1 --wait ready\n",
    .access = ACCESS_WRITE,
    .run = run_start,
};
