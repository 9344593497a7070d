/* tenantmv routing */
#include <stdlib.h>

#include "cli/output.h"
#include "cli/resolve.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"

struct arguments {
    const char *tenant;
    const char *register_store;
};
static const struct option_spec options[] = {
    OPT_TEXT("register", 0, offsetof(struct arguments, register_store), "STORE", TMV_NAME_MAX - 1,
             COMPLETE_NOTHING, "say that the tenant lives on this store, if it has no route yet"),
    {0},
};
static const struct operand_spec operands[] = {
    {"TENANT", offsetof(struct arguments, tenant), true, NULL, COMPLETE_TENANT, "only this tenant"},
    {0},
};

static bool register_tenant(struct cli *cli, struct tmv_control *control, const struct tmv_uuid *tenant,
                            const char *store, struct tmv_error *err)
{
    struct tmv_store_info info;

    (void)cli;
    return tmv_store_get(control, store, &info, err) && tmv_routing_register(control, tenant, store, err);
}

static void show(struct cli *cli, const struct tmv_route_info *routes, size_t count)
{
    static const struct listing_column columns[] = {
        {"TENANT", false}, {"STORE", false}, {"STATE", false}, {"MIGRATION", false}, {NULL, false}};
    cJSON *array = cli->json ? cJSON_AddArrayToObject(cli_document(cli), "routes") : NULL;
    char label[CONFIG_ALIAS_MAX], id[TMV_UUID_TEXT];
    AUTO(listing) struct listing listing = {0};

    listing_init(&listing, columns);
    for (size_t i = 0; i < count; i++) {
        const struct tmv_route_info *r = &routes[i];

        if (array) {
            cJSON *object = cJSON_CreateObject();
            json_id(object, "tenant", &r->tenant);
            json_text(object, "alias", config_alias(&cli->config, &r->tenant));
            cJSON_AddStringToObject(object, "store", r->store_id);
            cJSON_AddStringToObject(object, "state", tmv_routing_state_name(r->state));
            json_id(object, "migration", &r->migration);
            cJSON_AddItemToArray(array, object);
            continue;
        }
        listing_cell(&listing, TONE_PLAIN, "%s", tenant_label(cli, &r->tenant, label));
        listing_cell(&listing, TONE_PLAIN, "%s", r->store_id);
        listing_cell(&listing, TONE_PLAIN, "%s", tmv_routing_state_name(r->state));
        listing_cell(&listing, TONE_FAINT, "%s",
                     tmv_uuid_is_nil(&r->migration) ? "" : tmv_uuid_format(&r->migration, id));
    }
    listing_print(cli, &listing);
}

static bool run(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct arguments *a = arguments;
    struct tmv_control *control;
    AUTO_FREE struct tmv_route_info *routes = NULL;
    struct tmv_uuid tenant;
    char label[CONFIG_ALIAS_MAX];
    size_t count = 0;

    if (a->register_store && !a->tenant) {
        err_set(err, TMV_ERR_USAGE, "--register needs the tenant that lives there");
        return err_hint(err, "tenantmv routing TENANT --register STORE");
    }
    if (!cli_control(cli, &control, err) || (a->tenant && !resolve_tenant(cli, a->tenant, &tenant, err)))
        return false;
    if (a->register_store && !register_tenant(cli, control, &tenant, a->register_store, err))
        return false;
    if (!tmv_routing_list(control, a->tenant ? &tenant : NULL, &routes, &count, err))
        return false;
    if (a->tenant && count == 0) {
        err_set(err, TMV_ERR_NOT_FOUND, "tenant %s has no route", tenant_label(cli, &tenant, label));
        return err_hint(err, "say where it lives with `tenantmv routing %s --register STORE`", label);
    }
    if (count == 0)
        cli_note(cli, "no tenant has a route yet; `tenantmv routing TENANT --register STORE` gives it one");
    show(cli, routes, count);
    return true;
}

const struct command command_routing = {
    .name = "routing",
    .summary = "show where tenants live, or say so for a new one",
    .description =
        "Shows the routes of all tenants, or of one: its store, its routing state and its active migration. "
        "--register adds the route of a tenant that has none; one that lives on another store is refused, "
        "because "
        "only a migration moves events.",
    .options = options,
    .operands = operands,
    .arguments_size = sizeof(struct arguments),
    .access = ACCESS_WRITE,
    .run = run,
};
