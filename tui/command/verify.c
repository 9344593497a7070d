/* tenantmv verify */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/ask.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "tenantmv/verify.h"
#include "widgets/format.h"

#define REPORTS_MAX 20

struct arguments {
    const char *what, *level;
    bool direct, wait, report, repair, dry_run;
    int64_t from, to, timeout_us;
    int64_t sample, seed, workers;
};
static const char *const levels[TMV_VERIFY_LEVELS + 1] = {
    [TMV_VERIFY_COUNT] = "count", [TMV_VERIFY_HASH] = "hash", [TMV_VERIFY_FULL] = "full"};
static const struct arguments defaults = {.level = "hash", .timeout_us = ASK_TIMEOUT_US, .workers = 2};
static const struct option_spec options[] = {
    OPT_FLAG("direct", 'd', offsetof(struct arguments, direct),
             "compare the two stores right here instead of asking the engine"),
    OPT_FLAG("report", 0, offsetof(struct arguments, report),
             "show the latest report and list the earlier ones; compares nothing"),
    OPT_FLAG("repair", 0, offsetof(struct arguments, repair),
             "make the target equal to the source where they differ, then verify; in dual_write only"),
    OPT_FLAG("dry-run", 0, offsetof(struct arguments, dry_run),
             "with --repair: only say what would be removed from the target and copied to it"),
    OPT_CHOICE("level", 0, offsetof(struct arguments, level), "LEVEL", levels,
               "with --direct: streams counted, events hashed by the servers, or every byte compared here"),
    OPT_INTEGER("sample", 0, offsetof(struct arguments, sample), "PERCENT", 1, 100,
                "with --direct: only about so much, for a quick look"),
    OPT_INTEGER("seed", 0, offsetof(struct arguments, seed), "NUMBER", 1, INT64_MAX,
                "with --sample: which part; the same number looks at the same events again"),
    OPT_INTEGER("workers", 0, offsetof(struct arguments, workers), "COUNT", 1, 16,
                "with --direct: ranges compared at the same time"),
    OPT_INTEGER("from", 0, offsetof(struct arguments, from), "POSITION", 0, INT64_MAX,
                "with --direct: only events behind this position"),
    OPT_INTEGER("to", 0, offsetof(struct arguments, to), "POSITION", 0, INT64_MAX,
                "with --direct: only events up to this position, after a cutover never above its decision; "
                "otherwise up to what is known to be mirrored, or was at the decision"),
    ASK_WAIT_OPTIONS(struct arguments),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), false, NULL, COMPLETE_TENANT, "a tenant or a migration"},
    {0},
};

static size_t named(const struct tmv_verify_report *report)
{
    return report->differences < TMV_DIFFERENCES_MAX ? (size_t)report->differences : TMV_DIFFERENCES_MAX;
}

static cJSON *report_json(const struct tmv_verify_report *r)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *found;

    cJSON_AddStringToObject(object, "level", levels[r->level]);
    cJSON_AddBoolToObject(object, "consistent", r->consistent);
    json_add_int64(object, "from_position", r->from_position);
    json_add_int64(object, "to_position", r->to_position);
    json_add_int64(object, "events_source", r->events_source);
    json_add_int64(object, "events_target", r->events_target);
    json_add_int64(object, "differences", r->differences);
    json_add_int64(object, "duration_us", r->duration_us);
    json_add_int64(object, "equal_to", r->equal_to);
    json_add_int64(object, "to_remove", r->to_remove);
    json_add_int64(object, "to_copy", r->to_copy);
    cJSON_AddBoolToObject(object, "repaired", r->repaired);
    if (r->sample_percent > 0) {
        cJSON_AddNumberToObject(object, "sample_percent", r->sample_percent);
        json_add_int64(object, "sample_seed", r->sample_seed);
    }
    found = cJSON_AddArrayToObject(object, "found");
    for (size_t i = 0; i < named(r); i++) {
        const struct tmv_difference *d = &r->found[i];
        cJSON *item = cJSON_CreateObject();

        cJSON_AddStringToObject(item, "kind", d->kind);
        json_id(item, "event_id", &d->event_id);
        json_id(item, "aggregate", &d->aggregate);
        json_add_int64(item, "version", d->version);
        json_add_int64(item, "position", d->position);
        if (d->target_position)
            json_add_int64(item, "target_position", d->target_position);
        json_text(item, "columns", d->columns);
        cJSON_AddItemToArray(found, item);
    }
    return object;
}

/* `asked_to` is what --to names, 0 nothing: a part of it that was not compared is said. */
static void print_text(const struct cli *cli, const struct tmv_verify_report *r, int64_t asked_to)
{
    static const struct listing_column columns[] = {{"KIND", false},   {"POSITION", true}, {"EVENT", false},
                                                    {"STREAM", false}, {"VERSION", true},  {"COLUMNS", false},
                                                    {NULL, false}};
    char event[TMV_UUID_TEXT], stream[TMV_UUID_TEXT], time[FORMAT_MAX], source[FORMAT_MAX],
        target[FORMAT_MAX];
    AUTO(listing) struct listing listing = {0};

    print_line(cli, "level", TONE_PLAIN, "%s", levels[r->level]);
    print_line(cli, "positions", TONE_PLAIN, "above %lld up to %lld", (long long)r->from_position,
               (long long)r->to_position);
    if (asked_to > r->to_position)
        print_line(
            cli, "not compared", TONE_WARN,
            "positions above %lld, up to the %lld of --to: the cutover was decided there, and what came "
            "later is on the target only",
            (long long)r->to_position, (long long)asked_to);
    print_line(cli, "events", TONE_PLAIN, "%s on the source, %s on the target",
               format_grouped(r->events_source, source), format_grouped(r->events_target, target));
    if (r->sample_percent > 0)
        print_line(cli, "sample", TONE_WARN, "%.0f %% of the positions, seed %lld", r->sample_percent,
                   (long long)r->sample_seed);
    print_line(cli, "result", r->consistent ? TONE_GOOD : TONE_BAD, "%s",
               r->consistent ? "equal" : "different");
    print_line(cli, "took", TONE_PLAIN, "%s", format_duration(r->duration_us, time));
    if (r->repaired)
        print_line(cli, "repaired", TONE_WARN, "%lld events removed from the target, %lld copied to it",
                   (long long)r->to_remove, (long long)r->to_copy);
    listing_init(&listing, columns);
    for (size_t i = 0; i < named(r); i++) {
        const struct tmv_difference *d = &r->found[i];

        if (d->target_position)
            listing_cell(&listing, TONE_BAD, "%s to %lld", d->kind, (long long)d->target_position);
        else
            listing_cell(&listing, TONE_BAD, "%s", d->kind);
        listing_cell(&listing, TONE_PLAIN, "%lld", (long long)d->position);
        listing_cell(&listing, TONE_PLAIN, "%s", tmv_uuid_format(&d->event_id, event));
        listing_cell(&listing, TONE_PLAIN, "%s", tmv_uuid_format(&d->aggregate, stream));
        listing_cell(&listing, TONE_PLAIN, "%lld", (long long)d->version);
        listing_cell(&listing, TONE_PLAIN, "%s", d->columns);
    }
    listing_print(cli, &listing);
}

static enum tmv_verify_level chosen_level(const struct arguments *a)
{
    int level = TMV_VERIFY_LEVELS - 1;

    while (level > 0 && strcmp(a->level, levels[level]) != 0)
        level--;
    return (enum tmv_verify_level)level;
}

/* A seed that was not given is chosen by chance, and the report says which. */
static int64_t chosen_seed(const struct arguments *a)
{
    struct tmv_uuid id = tmv_uuid_random();
    int64_t seed = 0;

    if (a->sample == 0 || a->seed)
        return a->seed;
    for (int i = 0; i < 4; i++)
        seed = seed << 8 | id.bytes[i];
    return seed + 1;
}

/* What to do about a difference. Only where the source is the tenant's home is the target the one to be
 * changed. */
static const char *remedy(const struct tmv_migration *m)
{
    if (m->phase == TMV_PHASE_DUAL_WRITE)
        return "do not cut over; `tenantmv verify --repair --dry-run` says what a repair would change";
    if (m->phase == TMV_PHASE_COMPLETED)
        return "the tenant lives on the target: keep both stores as they are, and find out which one changed";
    return "nothing was changed; the source is the tenant's home";
}

/* Up to where the two stores are to be equal: while events are mirrored, those above the watermark may be
 * missing on the target rightfully; after the decision, what is above its position is only on the target. */
static bool compared_to(const struct tmv_migration *m, const struct arguments *a, int64_t *ret_to,
                        struct tmv_error *err)
{
    bool completed = m->phase == TMV_PHASE_COMPLETED;

    *ret_to = a->to && !(completed && m->watermark < a->to) ? a->to : m->watermark;
    if (*ret_to > 0)
        return true;
    if (completed)
        return err_set(err, TMV_ERR_REFUSED,
                       "the decision's position is unknown; there is nothing to compare");
    err_set(err, TMV_ERR_REFUSED, "nothing is known to be mirrored yet (the migration is in phase %s)",
            tmv_phase_name(m->phase));
    return err_hint(err, "wait for dual_write, or name a range with --to POSITION");
}

/* What a repair would do is said only where one may be made: once the tenant lives on the target, what the
 * source lacks is the newest that was acknowledged. */
static bool check_repair(const struct tmv_migration *m, const struct arguments *a, struct tmv_error *err)
{
    return !a->repair || tmv_repair_allowed(m->phase, err);
}

/* Prints the result of a comparison, and makes a difference the verb's error, unless it was only asked what a
 * repair would do. */
static bool tell(struct cli *cli, const struct tmv_migration *m, const struct arguments *a,
                 const struct tmv_verify_report *report, struct tmv_error *err)
{
    if (cli->json) {
        cJSON *object = report_json(report);

        if (a->to > report->to_position)
            json_add_int64(object, "asked_to_position", a->to);
        cJSON_AddItemToObject(cli_document(cli), "verification", object);
    } else {
        print_text(cli, report, a->to);
    }
    if (a->repair && !cli->json)
        printf("a repair would remove %lld events from the target and copy %lld to it; nothing was changed\n",
               (long long)report->to_remove, (long long)report->to_copy);
    if (report->consistent || a->repair)
        return true;
    err_set(err, TMV_ERR_DIVERGED, "the stores differ in %lld events", (long long)report->differences);
    return err_hint(err, "%s", remedy(m));
}

static bool compare(struct cli *cli, const struct tmv_migration *m, const struct arguments *a,
                    struct tmv_error *err)
{
    AUTO_FREE struct tmv_verify_report *report = NULL;
    int64_t to;
    struct tmv_store_info source, target;
    struct tmv_settings settings;
    struct tmv_control *control;

    if (!check_repair(m, a, err) || !compared_to(m, a, &to, err))
        return false;
    if (!cli_control(cli, &control, err) || !tmv_store_get(control, m->source, &source, err) ||
        !tmv_store_get(control, m->target, &target, err))
        return false;
    if (!tmv_settings_read(control, &m->id, &settings, err))
        tmv_settings_default(&settings); /* another program's: it leaves nothing behind */
    report = calloc(1, sizeof *report);
    if (!report)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    const struct tmv_verify_options what = {.source = &source,
                                            .target = &target,
                                            .tenant = m->tenant,
                                            .level = chosen_level(a),
                                            .from = a->from,
                                            .to = to,
                                            .workers = (int)a->workers,
                                            .sample_percent = (double)a->sample,
                                            .sample_seed = chosen_seed(a),
                                            .leave_columns = &settings.leave_columns};
    return tmv_verify_stores(&what, report, err) && tmv_verify_keep(control, &m->id, report, err) &&
           tell(cli, m, a, report, err);
}

/* ---- reports that are kept ---- */

static void list_reports(const struct cli *cli, const struct tmv_kept_report *reports, size_t count)
{
    static const struct listing_column columns[] = {
        {"MADE", false},  {"LEVEL", false},      {"RESULT", false}, {"POSITIONS", true},
        {"EVENTS", true}, {"DIFFERENCES", true}, {NULL, false}};
    AUTO(listing) struct listing listing = {0};
    char time[FORMAT_MAX], events[FORMAT_MAX];

    listing_init(&listing, columns);
    for (size_t i = 0; i < count; i++) {
        const struct tmv_verify_report *r = &reports[i].report;

        listing_cell(&listing, TONE_PLAIN, "%s", format_time(reports[i].made_at_us, time));
        listing_cell(&listing, TONE_PLAIN, "%s%s", levels[r->level], r->sample_percent > 0 ? " sample" : "");
        listing_cell(&listing, r->consistent ? TONE_GOOD : TONE_BAD, "%s%s",
                     r->consistent ? "equal" : "different", r->repaired ? ", repaired" : "");
        listing_cell(&listing, TONE_PLAIN, "%lld to %lld", (long long)r->from_position,
                     (long long)r->to_position);
        listing_cell(&listing, TONE_PLAIN, "%s", format_grouped(r->events_source, events));
        listing_cell(&listing, r->differences ? TONE_BAD : TONE_PLAIN, "%lld", (long long)r->differences);
    }
    listing_print(cli, &listing);
}

static void json_reports(struct cli *cli, const struct tmv_kept_report *reports, size_t count)
{
    cJSON *list = cJSON_AddArrayToObject(cli_document(cli), "verifications");

    for (size_t i = 0; i < count; i++) {
        cJSON *object = report_json(&reports[i].report);

        json_add_int64(object, "id", reports[i].id);
        json_time(object, "made_at", reports[i].made_at_us);
        cJSON_AddItemToArray(list, object);
    }
}

static bool show_reports(struct cli *cli, const struct tmv_migration *m, struct tmv_error *err)
{
    AUTO_FREE struct tmv_kept_report *reports = NULL;
    struct tmv_control *control;
    size_t count = 0;

    if (!cli_control(cli, &control, err) ||
        !tmv_verify_reports(control, &m->id, REPORTS_MAX, &reports, &count, err))
        return false;
    if (cli->json) {
        json_reports(cli, reports, count);
    } else if (count == 0) {
        printf("no verification was reported yet\n");
    } else {
        print_text(cli, &reports[0].report, 0);
        printf("\n");
        list_reports(cli, reports, count);
    }
    return true;
}

static bool check_arguments(const struct arguments *a, struct tmv_error *err)
{
    if (!a->direct && (a->from || a->to || a->sample || a->seed)) {
        err_set(err, TMV_ERR_USAGE, "--from, --to, --sample and --seed need --direct");
        return err_hint(err, "the engine always verifies everything that is mirrored");
    }
    if (a->dry_run && !a->repair)
        return err_set(err, TMV_ERR_USAGE, "--dry-run is for --repair");
    if (a->repair && !a->dry_run && a->direct) {
        err_set(err, TMV_ERR_USAGE, "a repair is made by the engine that owns the migration");
        return err_hint(err, "leave --direct out, or add --dry-run");
    }
    if (a->repair && a->sample)
        return err_set(err, TMV_ERR_USAGE, "--repair cannot be combined with --sample");
    return true;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    const struct ask ask = {.request = {.operation = TMV_OP_VERIFY, .repair = a->repair},
                            .wait = a->wait,
                            .timeout_us = a->timeout_us};
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;

    if (!check_arguments(a, err))
        return false;
    if (!resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    return a->report                 ? show_reports(cli, migration, err)
           : a->direct || a->dry_run ? compare(cli, migration, a, err)
                                     : ask_engine(cli, migration, &ask, err);
}

const struct command command_verify = {
    .name = "verify",
    .summary = "prove that both stores hold the same events of a tenant",
    .description = "Asks the engine to verify everything that is mirrored, as it does before a cutover; or, "
                   "with --direct, compares the two stores from here and names the events that differ; every "
                   "result is kept for --report. Changes nothing, but with --repair those events of the "
                   "target that differ from the source's. Exit code 1 when the stores differ.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .examples = "  tenantmv verify acme --wait\n"
                "  tenantmv verify acme --direct --level count --json\n"
                "  tenantmv verify acme --direct --level full --sample 5\n"
                "  tenantmv verify acme --report\n"
                "  tenantmv verify acme --repair --dry-run\n",
    .access = ACCESS_WRITE,
    .run = run,
};
