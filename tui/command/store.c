/* tenantmv store add, list, check, remove: the registry of stores. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/failure.h"
#include "cli/output.h"
#include "command/table.h"
#include "widgets/format.h"

static cJSON *store_json(const struct tmv_store_info *store)
{
    cJSON *object = cJSON_CreateObject();

    cJSON_AddStringToObject(object, "id", store->id);
    cJSON_AddStringToObject(object, "conninfo", store->conninfo);
    cJSON_AddStringToObject(object, "schema", store->events_schema);
    cJSON_AddStringToObject(object, "table", store->events_table);
    return object;
}

/* ---- add ---- */

struct add_arguments {
    const char *name, *conninfo, *schema, *table;
    bool create, no_check;
};
static const struct add_arguments add_defaults = {.schema = "public", .table = "events"};
static const struct option_spec add_options[] = {
    OPT_TEXT("schema", 0, offsetof(struct add_arguments, schema), "NAME", 63, COMPLETE_NOTHING,
             "schema of the events table; public otherwise"),
    OPT_TEXT("table", 0, offsetof(struct add_arguments, table), "NAME", 63, COMPLETE_NOTHING,
             "name of the events table; events otherwise"),
    OPT_FLAG("create-events", 0, offsetof(struct add_arguments, create),
             "create the events table, as eventsource-py has it, in a database that has none"),
    OPT_FLAG("no-check", 0, offsetof(struct add_arguments, no_check),
             "do not connect to the store to look whether it is usable"),
    {0},
};
static const struct operand_spec add_operands[] = {
    {"NAME", offsetof(struct add_arguments, name), false, NULL, COMPLETE_NOTHING,
     "name of the store, as it stands in tenant_routing.store_id"},
    {"CONNINFO", offsetof(struct add_arguments, conninfo), false, NULL, COMPLETE_NOTHING,
     "libpq connection string without a password, for example \"service=shared\" or \"host=db1 dbname=app\""},
    {0},
};

static bool check_new_store(const struct tmv_store_info *store, struct tmv_error *err)
{
    struct tmv_store_facts facts;

    if (!tmv_store_check(store, &facts, err))
        return false;
    if (facts.has_events)
        return true;
    failure(err, TMV_ERR_REFUSED, "database %s has no usable events table %s.%s", facts.database,
            store->events_schema, store->events_table);
    return failure_hint(err, "name it with --schema and --table, or add --create-events to create it");
}

static bool run_add(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct add_arguments *a = arguments;
    struct tmv_store_info store = {0};
    struct tmv_control *control;

    snprintf(store.id, sizeof store.id, "%s", a->name);
    snprintf(store.events_schema, sizeof store.events_schema, "%s", a->schema);
    snprintf(store.events_table, sizeof store.events_table, "%s", a->table);
    if (!tmv_conninfo_check(a->conninfo, err))
        return false;
    if ((size_t)snprintf(store.conninfo, sizeof store.conninfo, "%s", a->conninfo) >= sizeof store.conninfo)
        return failure(err, TMV_ERR_USAGE, "CONNINFO is longer than %zu bytes", sizeof store.conninfo - 1);
    if ((size_t)snprintf(store.id, sizeof store.id, "%s", a->name) >= sizeof store.id)
        return failure(err, TMV_ERR_USAGE, "NAME is longer than %zu bytes", sizeof store.id - 1);
    if (!cli_control(cli, &control, err))
        return false;
    if (a->create && !tmv_store_create_events(&store, err))
        return false;
    if ((!a->no_check && !check_new_store(&store, err)) || !tmv_store_add(control, &store, err))
        return false;
    if (cli->json)
        cJSON_AddItemToObject(cli_document(cli), "store", store_json(&store));
    else
        printf("store %s is registered\n", store.id);
    return true;
}

const struct command command_store_add = {
    .name = "store add",
    .summary = "register a store, or change how it is reached",
    .description =
        "Registers an event store under a name. Passwords never belong into the connection string: libpq "
        "finds "
        "them in ~/.pgpass, a service file or PGPASSWORD. The store is looked at first, unless --no-check.",
    .options = add_options,
    .operands = add_operands,
    .arguments_size = sizeof(struct add_arguments),
    .defaults = &add_defaults,
    .examples = "  tenantmv store add shared \"host=db1 dbname=app user=tenantmv\"\n"
                "  tenantmv store add dedicated-1 service=dedicated1 --create-events\n",
    .access = ACCESS_WRITE,
    .run = run_add,
};

/* ---- list ---- */

static bool run_list(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    static const struct listing_column columns[] = {
        {"STORE", false}, {"EVENTS TABLE", false}, {"CONNECTION", false}, {NULL, false}};
    struct tmv_control *control;
    struct tmv_store_info *stores = NULL;
    struct listing listing;
    size_t count = 0;

    (void)arguments;
    if (!cli_control(cli, &control, err) || !tmv_store_list(control, &stores, &count, err))
        return false;
    cJSON *array = cli->json ? cJSON_AddArrayToObject(cli_document(cli), "stores") : NULL;
    listing_init(&listing, columns);
    for (size_t i = 0; i < count; i++) {
        if (array) {
            cJSON_AddItemToArray(array, store_json(&stores[i]));
            continue;
        }
        listing_cell(&listing, TONE_STRONG, "%s", stores[i].id);
        listing_cell(&listing, TONE_PLAIN, "%s.%s", stores[i].events_schema, stores[i].events_table);
        listing_cell(&listing, TONE_PLAIN, "%s", stores[i].conninfo);
    }
    if (count == 0)
        cli_note(cli, "no stores yet; `tenantmv store add NAME CONNINFO` registers one");
    listing_print(cli, &listing);
    listing_release(&listing);
    free(stores);
    return true;
}

const struct command command_store_list = {
    .name = "store list",
    .summary = "list the registered stores",
    .access = ACCESS_READ,
    .run = run_list,
};

/* ---- check ---- */

struct name_arguments {
    const char *name;
};
static const struct operand_spec name_operands[] = {
    {"NAME", offsetof(struct name_arguments, name), false, NULL, COMPLETE_NOTHING, "name of the store"},
    {0},
};

static void show_facts(struct cli *cli, const struct tmv_store_info *store, const struct tmv_store_facts *f)
{
    char events[FORMAT_MAX];

    if (cli->json) {
        cJSON *object = store_json(store);

        json_int(object, "server_version", f->server_version);
        cJSON_AddStringToObject(object, "database", f->database);
        cJSON_AddStringToObject(object, "user", f->user);
        cJSON_AddBoolToObject(object, "read_only", f->read_only);
        cJSON_AddBoolToObject(object, "has_events", f->has_events);
        cJSON_AddBoolToObject(object, "partitioned", f->partitioned);
        cJSON_AddBoolToObject(object, "guard_ready", f->guard_ready);
        json_int(object, "columns", f->columns);
        json_known(object, "estimated_events", f->estimated_events);
        cJSON_AddItemToObject(cli_document(cli), "store", object);
        return;
    }
    print_line(cli, "store", TONE_STRONG, "%s", store->id);
    print_line(cli, "server", TONE_PLAIN, "PostgreSQL %d.%d", f->server_version / 10000,
               f->server_version % 10000);
    print_line(cli, "database", TONE_PLAIN, "%s as %s", f->database, f->user);
    print_line(cli, "writes", f->read_only ? TONE_BAD : TONE_GOOD, "%s",
               f->read_only ? "read only" : "allowed");
    if (f->has_events)
        print_line(cli, "events table", TONE_GOOD, "%s.%s, %s, %d columns, about %s events",
                   store->events_schema, store->events_table, f->partitioned ? "partitioned" : "plain",
                   f->columns, format_grouped(f->estimated_events, events));
    else
        print_line(cli, "events table", TONE_BAD, "%s.%s is missing or lacks columns", store->events_schema,
                   store->events_table);
    print_line(cli, "guard", TONE_PLAIN, "%s",
               f->guard_ready ? "ready" : "not installed (the first migration does it)");
}

static bool run_check(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct name_arguments *a = arguments;
    struct tmv_control *control;
    struct tmv_store_info store;
    struct tmv_store_facts facts;

    if (!cli_control(cli, &control, err) || !tmv_store_get(control, a->name, &store, err) ||
        !tmv_store_check(&store, &facts, err))
        return false;
    show_facts(cli, &store, &facts);
    if (!facts.has_events) {
        failure(err, TMV_ERR_REFUSED, "store %s has no usable events table %s.%s", store.id,
                store.events_schema, store.events_table);
        return failure_hint(err, "create it with `tenantmv store add %s CONNINFO --create-events`", store.id);
    }
    return true;
}

const struct command command_store_check = {
    .name = "store check",
    .summary = "connect to a store and say what is there",
    .description = "Connects to the store and shows its server, database, user and events table; changes "
                   "nothing. Exit code "
                   "3 when the events table is missing or lacks columns, 4 when the store cannot be reached.",
    .operands = name_operands,
    .arguments_size = sizeof(struct name_arguments),
    .access = ACCESS_READ,
    .run = run_check,
};

/* ---- remove ---- */

static bool run_remove(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct name_arguments *a = arguments;
    struct tmv_control *control;

    if (!cli_control(cli, &control, err) || !tmv_store_remove(control, a->name, err))
        return false;
    if (cli->json)
        cJSON_AddStringToObject(cli_document(cli), "removed", a->name);
    else
        printf("store %s is removed from the registry; its database is untouched\n", a->name);
    return true;
}

const struct command command_store_remove = {
    .name = "store remove",
    .summary = "remove a store from the registry",
    .description = "Removes the registration; the store's database is not touched. Refused while a migration "
                   "or a tenant's "
                   "route names the store.",
    .operands = name_operands,
    .arguments_size = sizeof(struct name_arguments),
    .access = ACCESS_WRITE,
    .run = run_remove,
};
