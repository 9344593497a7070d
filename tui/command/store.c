/* tenantmv store add, list, check, remove: the registry of stores. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/confirm.h"
#include "cli/output.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "widgets/format.h"

static cJSON *store_json(const struct tmv_store_info *store)
{
    cJSON *object = cJSON_CreateObject();
    char user[64];

    cJSON_AddStringToObject(object, "id", store->id);
    cJSON_AddStringToObject(object, "conninfo", store->conninfo);
    cJSON_AddStringToObject(object, "schema", store->events_schema);
    cJSON_AddStringToObject(object, "table", store->events_table);
    json_text(object, "system_identifier", store->identity.system_identifier);
    tmv_conninfo_user(store->conninfo, user);
    json_text(object, "registered_user", user);
    return object;
}

/* A role that the registry names is everybody's, with its rights and its password. */
static void tell_shared_user(const struct cli *cli, const struct tmv_store_info *store)
{
    char line[TMV_NAME_MAX + 300], user[64];

    if (!tmv_conninfo_user(store->conninfo, user) || !user[0])
        return;
    snprintf(line, sizeof line,
             "store %s names the user %s: engines and applications all connect as %s; without user= "
             "in the connection string each connects as itself (see `tenantmv store add --help`)",
             store->id, user, user);
    cli_note(cli, "%s", line);
}

/* ---- add ---- */

struct add_arguments {
    const char *name, *conninfo, *schema, *table, *confirm;
    bool create, no_check, replace;
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
    OPT_FLAG("replace", 0, offsetof(struct add_arguments, replace),
             "change how a store that is registered already is reached"),
    OPT_TEXT("confirm", 0, offsetof(struct add_arguments, confirm), "NAME", TMV_NAME_MAX - 1,
             COMPLETE_NOTHING,
             "the store's name once more, when --replace changes one that a tenant or a migration uses"),
    {0},
};
static const struct operand_spec add_operands[] = {
    {"NAME", offsetof(struct add_arguments, name), false, NULL, COMPLETE_NOTHING,
     "name of the store, as in tenant_routing.store_id"},
    {"CONNINFO", offsetof(struct add_arguments, conninfo), false, NULL, COMPLETE_NOTHING,
     "libpq connection string without a password, for example \"service=shared\" or \"host=db1 dbname=app\""},
    {0},
};

static bool check_new_store(struct tmv_store_info *store, struct tmv_error *err)
{
    struct tmv_store_facts facts;

    if (!tmv_store_check(store, &facts, err))
        return false;
    store->identity = facts.identity;
    if (facts.has_events)
        return true;
    err_set(err, TMV_ERR_REFUSED, "database %s has no usable events table %s.%s", facts.database,
            store->events_schema, store->events_table);
    return err_hint(err, "name it with --schema and --table, or add --create-events to create it");
}

/* What is known of the database now, against what was known of it. */
static const char *compare_identities(const struct tmv_store_info *before, const struct tmv_store_info *now)
{
    const struct tmv_store_identity *a = &before->identity, *b = &now->identity;

    if (!*b->system_identifier || !*a->system_identifier)
        return "whether it leads to the same database is not known";
    if (strcmp(a->system_identifier, b->system_identifier) != 0 || a->database_oid != b->database_oid ||
        (a->events_oid && a->events_oid != b->events_oid))
        return "it leads to ANOTHER database: writes go there from now on, and what was written is not there "
               "unless "
               "you put it there";
    return "it leads to the same database";
}

/* A store that tenants live on: its name has to be typed. */
static bool confirm_replacement(const struct cli *cli, struct tmv_control *control,
                                const struct tmv_store_info *store, const char *given, bool *ret_in_use,
                                struct tmv_error *err)
{
    struct tmv_store_info before;
    struct tmv_store_uses uses;
    char line[1200], typed[TMV_NAME_MAX] = "";

    if (!tmv_store_get(control, store->id, &before, err) || !tmv_store_uses(control, store->id, &uses, err))
        return false;
    *ret_in_use = uses.tenants + uses.migrations > 0;
    if (!*ret_in_use)
        return true;
    snprintf(line, sizeof line, "store %s is in use: %lld tenants live on it, %lld migrations run; %s",
             store->id, (long long)uses.tenants, (long long)uses.migrations,
             compare_identities(&before, store));
    if (!given) {
        fprintf(stderr, "%s\n", text_sanitize(line));
        snprintf(line, sizeof line, "Type %s to confirm: ", store->id);
        if (!ask_line(cli, text_sanitize(line), typed, sizeof typed)) {
            err_set(err, TMV_ERR_USAGE, "replacing store %s must be confirmed", store->id);
            return err_hint(err, "add --confirm %s", store->id);
        }
        given = typed;
    }
    return strcmp(given, store->id) == 0 ||
           err_set(err, TMV_ERR_REFUSED, "%s is not the name of this store; nothing was done",
                   ARGUMENT(given));
}

static bool put(struct cli *cli, struct tmv_control *control, const struct tmv_store_info *store,
                const struct add_arguments *a, struct tmv_error *err)
{
    bool in_use = false;

    if (!a->replace)
        return tmv_store_add(control, store, err);
    return confirm_replacement(cli, control, store, a->confirm, &in_use, err) &&
           tmv_store_replace(control, store, in_use, err);
}

static bool take_words(const struct add_arguments *a, struct tmv_store_info *store, struct tmv_error *err)
{
    if (!tmv_conninfo_check(a->conninfo, err))
        return false;
    if (a->confirm && !a->replace)
        return err_set(err, TMV_ERR_USAGE, "--confirm belongs to --replace");
    if ((size_t)snprintf(store->conninfo, sizeof store->conninfo, "%s", a->conninfo) >=
        sizeof store->conninfo)
        return err_set(err, TMV_ERR_USAGE, "CONNINFO is longer than %zu bytes", sizeof store->conninfo - 1);
    if ((size_t)snprintf(store->id, sizeof store->id, "%s", a->name) >= sizeof store->id)
        return err_set(err, TMV_ERR_USAGE, "NAME is longer than %zu bytes", sizeof store->id - 1);
    text_copy(store->events_schema, sizeof store->events_schema, a->schema);
    text_copy(store->events_table, sizeof store->events_table, a->table);
    return true;
}

/* Before anything is created in a database that the registry then refuses. */
static bool check_name(struct tmv_control *control, const struct add_arguments *a, struct tmv_error *err)
{
    struct tmv_store_info there;

    if (a->replace)
        return tmv_store_get(control, a->name, &there, err);
    if (!tmv_store_get(control, a->name, &there, err))
        return err->code == TMV_ERR_NOT_FOUND;
    err_set(err, TMV_ERR_REFUSED, "there is a store %s already; nothing was changed", a->name);
    return err_hint(err, "`tenantmv store add %s CONNINFO --replace` changes how it is reached", a->name);
}

static bool run_add(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct add_arguments *a = arguments;
    struct tmv_store_info store = {0};
    struct tmv_control *control;

    if (!take_words(a, &store, err) || !cli_control(cli, &control, err) || !check_name(control, a, err))
        return false;
    tmv_store_own_role(control, &store);
    if (a->create && !tmv_store_create_events(&store, err))
        return false;
    if ((!a->no_check && !check_new_store(&store, err)) || !put(cli, control, &store, a, err))
        return false;
    if (cli->json)
        cJSON_AddItemToObject(cli_document(cli), "store", store_json(&store));
    else
        printf("store %s is %s\n", store.id, a->replace ? "replaced" : "registered");
    tell_shared_user(cli, &store);
    return true;
}

const struct command command_store_add = {
    .name = "store add",
    .summary = "register a store, or change how one is reached",
    .description =
        "Registers an event store under a name. Passwords never belong in the connection string: libpq "
        "finds "
        "them in ~/.pgpass, a service file or PGPASSWORD. The store is looked at first, unless "
        "--no-check.\n\n"
        "The string says where the store is; who connects is for each process to say. Leave user= out: then "
        "an engine and an application each connect as PGUSER, or as the role that they have at "
        "the "
        "control database. If the string names a user, every process connects as that role and needs its "
        "password.\n\n"
        "The registry remembers which database it was: the server's system identifier, the database and the "
        "events "
        "table. Engines and routers refuse another one under this name. A promoted replica is the same "
        "database; a "
        "restored dump is another. A name that is taken is refused; --replace changes it, and asks for the "
        "name once "
        "more while a tenant lives on the store or a migration runs. Without a look (--no-check) the "
        "database that was "
        "known stays the only one that is accepted. `tenantmv audit --registry` shows every change.",
    .options = add_options,
    .operands = add_operands,
    .arguments_size = sizeof(struct add_arguments),
    .defaults = &add_defaults,
    .examples = "  tenantmv store add shared \"host=db1 dbname=app\"\n"
                "  tenantmv store add dedicated-1 service=dedicated1 --create-events\n"
                "  tenantmv store add shared \"host=db7 dbname=app\" --replace\n",
    .access = ACCESS_WRITE,
    .run = run_add,
};

/* ---- list ---- */

static const char *user_words(const struct tmv_store_info *store, char text[80])
{
    char user[64];

    if (!tmv_conninfo_user(store->conninfo, user))
        return "own role";
    snprintf(text, 80, "%s%s", user[0] ? user : "from the service file", user[0] ? " (shared)" : "");
    return text;
}

static bool run_list(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    static const struct listing_column columns[] = {
        {"STORE", false}, {"EVENTS TABLE", false}, {"CONNECTION", false}, {"USER", false}, {NULL, false}};
    struct tmv_control *control;
    char user[80];
    AUTO_FREE struct tmv_store_info *stores = NULL;
    AUTO(listing) struct listing listing = {0};
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
        listing_cell(&listing, TONE_PLAIN, "%s", user_words(&stores[i], user));
    }
    if (count == 0)
        cli_note(cli, "no stores yet; `tenantmv store add NAME CONNINFO` registers one");
    listing_print(cli, &listing);
    for (size_t i = 0; i < count; i++)
        tell_shared_user(cli, &stores[i]);
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

        json_add_int64(object, "server_version", f->server_version);
        cJSON_AddStringToObject(object, "database", f->database);
        cJSON_AddStringToObject(object, "user", f->user);
        cJSON_AddBoolToObject(object, "read_only", f->read_only);
        cJSON_AddBoolToObject(object, "has_events", f->has_events);
        cJSON_AddBoolToObject(object, "partitioned", f->partitioned);
        cJSON_AddBoolToObject(object, "guard_ready", f->guard_ready);
        json_add_int64(object, "columns", f->columns);
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
        err_set(err, TMV_ERR_REFUSED, "store %s has no usable events table %s.%s", store.id,
                store.events_schema, store.events_table);
        return err_hint(err, "create it with `tenantmv store add %s CONNINFO --create-events`", store.id);
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
