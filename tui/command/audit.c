/* tenantmv audit */
#include <stdio.h>
#include <stdlib.h>

#include "cli/output.h"
#include "cli/owned.h"
#include "cli/resolve.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "widgets/format.h"

struct arguments {
    const char *what;
    bool verify, registry;
    int64_t after, limit;
};
static const struct arguments defaults = {.limit = 1000};
static const struct option_spec options[] = {
    OPT_FLAG("verify", 0, offsetof(struct arguments, verify),
             "check the chain of hashes of one migration's audit as well"),
    OPT_FLAG("registry", 0, offsetof(struct arguments, registry),
             "show instead what was done to the registry of stores and to routes"),
    OPT_INTEGER("after", 0, offsetof(struct arguments, after), "ID", 0, INT64_MAX,
                "only entries above this id"),
    OPT_INTEGER("limit", 'n', offsetof(struct arguments, limit), "N", 1, 100000,
                "at most this many; 1000 otherwise"),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, what), true, NULL, COMPLETE_TENANT,
     "a tenant or a migration; without it the audit of all"},
    {0},
};

static cJSON *entry_json(const struct tmv_audit_entry *e)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *details = cJSON_Parse(e->details);

    json_add_int64(object, "id", e->id);
    json_id(object, "migration", &e->migration);
    json_time(object, "at", e->occurred_at_us);
    cJSON_AddStringToObject(object, "event", e->event_type);
    json_text(object, "old_phase", e->old_phase);
    json_text(object, "new_phase", e->new_phase);
    json_text(object, "operator", e->operator_name);
    /* Details that were cut are no JSON any more; then the text is better than nothing. */
    if (details)
        cJSON_AddItemToObject(object, "details", details);
    else
        json_text(object, "details", e->details);
    return object;
}

static void show(struct cli *cli, const struct tmv_audit_entry *entries, size_t count)
{
    static const struct listing_column columns[] = {
        {"ID", true},     {"TIME", false},     {"MIGRATION", false}, {"EVENT", false},
        {"PHASE", false}, {"OPERATOR", false}, {"DETAILS", false},   {NULL, false}};
    cJSON *array = cli->json ? cJSON_AddArrayToObject(cli_document(cli), "entries") : NULL;
    char time[FORMAT_MAX], id[TMV_UUID_TEXT];
    AUTO(listing) struct listing listing = {0};

    listing_init(&listing, columns);
    for (size_t i = 0; i < count; i++) {
        const struct tmv_audit_entry *e = &entries[i];

        if (array) {
            cJSON_AddItemToArray(array, entry_json(e));
            continue;
        }
        listing_cell(&listing, TONE_FAINT, "%lld", (long long)e->id);
        listing_cell(&listing, TONE_PLAIN, "%s", format_time(e->occurred_at_us, time));
        listing_cell(&listing, TONE_PLAIN, "%.8s", tmv_uuid_format(&e->migration, id));
        listing_cell(&listing, TONE_PLAIN, "%s", e->event_type);
        listing_cell(&listing, TONE_PLAIN, "%s%s%s", e->old_phase,
                     *e->old_phase && *e->new_phase ? " -> " : "", e->new_phase);
        listing_cell(&listing, TONE_PLAIN, "%s", e->operator_name);
        listing_cell(&listing, TONE_FAINT, "%s", e->details);
    }
    if (count == 0)
        cli_note(cli, "no audit entries");
    listing_print(cli, &listing);
}

static bool check_chain(struct cli *cli, struct tmv_control *control, const struct tmv_uuid *migration,
                        struct tmv_error *err)
{
    int64_t broken = 0;

    if (!tmv_audit_verify(control, migration, &broken, err))
        return false;
    if (cli->json) {
        cJSON_AddBoolToObject(cli_document(cli), "chain_intact", broken == 0);
        if (broken)
            json_add_int64(cli_document(cli), "first_broken_id", broken);
    } else if (!broken) {
        puts("the chain of hashes is intact");
    }
    if (!broken)
        return true;
    err_set(err, TMV_ERR_DIVERGED, "the audit was changed: entry %lld does not fit its chain of hashes",
            (long long)broken);
    return err_hint(err, "compare entry %lld and those around it with a backup of the control database",
                    (long long)broken);
}

static cJSON *registry_json(const struct tmv_registry_entry *e)
{
    cJSON *object = cJSON_CreateObject();
    cJSON *details = cJSON_Parse(e->details);

    json_add_int64(object, "id", e->id);
    json_time(object, "at", e->at_us);
    cJSON_AddStringToObject(object, "action", e->action);
    cJSON_AddStringToObject(object, "subject", e->subject);
    cJSON_AddStringToObject(object, "operator", e->operator_name);
    json_text(object, "from", e->came_from);
    if (details)
        cJSON_AddItemToObject(object, "details", details);
    else
        json_text(object, "details", e->details);
    return object;
}

static bool show_registry(struct cli *cli, struct tmv_control *control, const struct arguments *a,
                          struct tmv_error *err)
{
    static const struct listing_column columns[] = {
        {"ID", true},        {"TIME", false}, {"ACTION", false},  {"SUBJECT", false},
        {"OPERATOR", false}, {"FROM", false}, {"DETAILS", false}, {NULL, false}};
    cJSON *array = cli->json ? cJSON_AddArrayToObject(cli_document(cli), "entries") : NULL;
    AUTO_FREE struct tmv_registry_entry *entries = NULL;
    AUTO(listing) struct listing listing = {0};
    char time[FORMAT_MAX];
    size_t count = 0;

    if (!tmv_registry_audit(control, a->after, (int)a->limit, &entries, &count, err))
        return false;
    listing_init(&listing, columns);
    for (size_t i = 0; i < count; i++) {
        const struct tmv_registry_entry *e = &entries[i];

        if (array) {
            cJSON_AddItemToArray(array, registry_json(e));
            continue;
        }
        listing_cell(&listing, TONE_FAINT, "%lld", (long long)e->id);
        listing_cell(&listing, TONE_PLAIN, "%s", format_time(e->at_us, time));
        listing_cell(&listing, TONE_PLAIN, "%s", e->action);
        listing_cell(&listing, TONE_STRONG, "%s", e->subject);
        listing_cell(&listing, TONE_PLAIN, "%s", e->operator_name);
        listing_cell(&listing, TONE_PLAIN, "%s", e->came_from);
        listing_cell(&listing, TONE_FAINT, "%s", e->details);
    }
    if (count == 0)
        cli_note(cli, "no entries");
    listing_print(cli, &listing);
    return true;
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct tmv_control *control;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    const struct tmv_migration *migration = NULL;
    AUTO_FREE struct tmv_audit_entry *entries = NULL;
    size_t count = 0;

    if (a->registry && (a->verify || a->what))
        return err_set(err, TMV_ERR_USAGE, "--registry goes with neither a tenant nor --verify");
    if (a->verify && !a->what) {
        err_set(err, TMV_ERR_USAGE,
                "--verify needs a tenant or a migration: each migration has a chain of its own");
        return err_hint(err, "tenantmv audit TENANT --verify");
    }
    if (!cli_control(cli, &control, err))
        return false;
    if (a->registry)
        return show_registry(cli, control, a, err);
    if (a->what && !resolve_migration(cli, a->what, &snapshot, &migration, err))
        return false;
    const struct tmv_audit_query query = {
        .migration = migration ? &migration->id : NULL, .after_id = a->after, .limit = (int)a->limit};
    bool ok = tmv_audit_list(control, &query, &entries, &count, err);
    if (ok)
        show(cli, entries, count);
    ok = ok && (!a->verify || check_chain(cli, control, &migration->id, err));
    return ok;
}

const struct command command_audit = {
    .name = "audit",
    .summary = "show who did what, and check that the record is untouched",
    .description =
        "Shows the audit of all migrations or of one, oldest first. With --verify it also checks the chain "
        "of "
        "hashes of that migration's entries; a broken chain ends with exit code 1 and names the first entry "
        "that does not fit. --registry shows who added, replaced and removed stores, and who registered "
        "tenants.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .defaults = &defaults,
    .access = ACCESS_READ,
    .run = run,
};
