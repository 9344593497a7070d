#include "cli/config.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json_place.h"
#include "cli/suggest.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"

#define FILE_MAX (1024 * 1024)
#define PATH_SIZE 1024

static const char *const color_choices[] = {"auto", "always", "never", NULL};

#define FIELD(member) offsetof(struct config, member)
const struct config_key config_keys[] = {
    {OPT_TEXT("control", 0, FIELD(control), "CONNINFO", TMV_CONNINFO_MAX - 1, COMPLETE_NOTHING,
              "connection string of the control database, without a password"),
     "TENANTMV_CONTROL", true},
    {OPT_TEXT("environment", 0, FIELD(environment), "NAME", 16, COMPLETE_NOTHING,
              "name of this environment on screens and in questions, \"PROD\"; one that begins with prod, "
              "staging, dev "
              "or demo is shown as such"),
     "TENANTMV_ENVIRONMENT", false},
    {OPT_TEXT("operator", 0, FIELD(operator_name), "NAME", TMV_NAME_MAX - 1, COMPLETE_NOTHING,
              "who acts, for the audit; the name of the Unix user otherwise"),
     "TENANTMV_OPERATOR", false},
    {OPT_TEXT("theme", 0, FIELD(theme), "THEME", 1000, COMPLETE_THEME,
              "colour theme of the console, by its name or file"),
     "TENANTMV_THEME", false},
    {OPT_TEXT("theme_prod", 0, FIELD(theme_prod), "THEME", 1000, COMPLETE_THEME,
              "the same where the environment begins with prod"),
     "TENANTMV_THEME_PROD", false},
    {OPT_TEXT("theme_staging", 0, FIELD(theme_staging), "THEME", 1000, COMPLETE_THEME,
              "the same where it begins with staging"),
     "TENANTMV_THEME_STAGING", false},
    {OPT_TEXT("theme_dev", 0, FIELD(theme_dev), "THEME", 1000, COMPLETE_THEME,
              "the same where it begins with dev"),
     "TENANTMV_THEME_DEV", false},
    {OPT_CHOICE("color", 0, FIELD(color), "WHEN", color_choices,
                "when to use colours; auto: only on a terminal"),
     "TENANTMV_COLOR", false},
    {OPT_FLAG("ascii", 0, FIELD(ascii), "no characters beyond ASCII on screens"), "TENANTMV_ASCII", false},
    {OPT_TEXT("webhook", 0, FIELD(webhook), "URL", 1000, COMPLETE_NOTHING,
              "POST phase changes, pauses and errors to this URL"),
     "TENANTMV_WEBHOOK", false},
    {OPT_INTEGER("max_migrations", 0, FIELD(max_migrations), "N", 1, 64,
                 "migrations that an engine runs at the same time"),
     "TENANTMV_MAX_MIGRATIONS", false},
    {{0}},
};

void config_init(struct config *config)
{
    *config = (struct config){.color = "auto", .max_migrations = 8};
}

void config_release(struct config *config)
{
    free(config->aliases);
    cJSON_Delete(config->memory);
    memset(config, 0, sizeof *config);
}

const char *config_alias(const struct config *config, const struct tmv_uuid *tenant)
{
    for (size_t i = 0; i < config->alias_count; i++)
        if (tmv_uuid_equal(&config->aliases[i].tenant, tenant))
            return config->aliases[i].name;
    return NULL;
}

/* ---- reading JSON ---- */

struct source {
    const char *place; /* file name, for messages */
    const char *text;
};

static int line_of(const struct source *source, size_t key, const size_t *inner_key)
{
    size_t path[2] = {key, inner_key ? *inner_key : 0};

    return text_line(source->text, json_key_offset(source->text, path, inner_key ? 2 : 1));
}

static const char *type_name(const cJSON *value)
{
    return cJSON_IsString(value)   ? "a string"
           : cJSON_IsBool(value)   ? "a boolean"
           : cJSON_IsNumber(value) ? "a number"
           : cJSON_IsArray(value)  ? "an array"
           : cJSON_IsObject(value) ? "an object"
                                   : "null";
}

static bool unknown_key(const char *what, const char *name, struct tmv_error *err)
{
    const char *names[32] = {"aliases"};
    size_t count = 1;

    for (const struct config_key *key = config_keys; key->spec.name; key++)
        names[count++] = key->spec.name;
    err_set(err, TMV_ERR_USAGE, "%s: unknown key", what);
    if (strstr(name, "password"))
        return err_hint(err, "passwords are not kept here: use ~/.pgpass, a service file or PGPASSWORD");
    const char *meant = suggest(name, names);
    return meant ? err_hint(err, "did you mean \"%s\"?", meant)
                 : err_hint(err, "`tenantmv help config` lists all keys");
}

static bool wrong_type(const char *what, const char *wanted, const cJSON *value, struct tmv_error *err)
{
    return err_set(err, TMV_ERR_USAGE, "%s: must be %s, not %s", what, wanted, type_name(value));
}

/* A checked text for one key, from the file or the environment. */
static bool set_key(struct config *config, const struct config_key *key, const char *what, const char *text,
                    struct tmv_error *err)
{
    struct tmv_error why;

    if (key->is_conninfo && !tmv_conninfo_check(text, &why)) {
        err_set(err, TMV_ERR_USAGE, "%s: %s", what, why.message);
        return err_hint(err, "%s", why.hint);
    }
    return option_set_value(&key->spec, config, what, text, err);
}

static bool read_value(struct config *config, const struct config_key *key, const char *what,
                       const cJSON *value, struct tmv_error *err)
{
    char number[32];

    switch (key->spec.type) {
    case OPTION_FLAG:
        if (!cJSON_IsBool(value))
            return wrong_type(what, "a boolean", value, err);
        *(bool *)((char *)config + key->spec.offset) = cJSON_IsTrue(value);
        return true;
    case OPTION_TEXT:
    case OPTION_CHOICE:
        if (!cJSON_IsString(value))
            return wrong_type(what, "a string", value, err);
        return set_key(config, key, what, value->valuestring, err);
    case OPTION_INTEGER:
        if (!cJSON_IsNumber(value))
            return wrong_type(what, "a whole number", value, err);
        snprintf(number, sizeof number, "%.17g", value->valuedouble);
        return set_key(config, key, what, number, err);
    case OPTION_DURATION:
    case OPTION_TEXTS:
        break;
    }
    return err_set(err, TMV_ERR_INTERNAL, "%s: no such type in the configuration", what);
}

static bool alias_name_is_good(const char *name)
{
    struct tmv_uuid id;
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    return *name && *name != '-' && !name[good] && good < CONFIG_ALIAS_MAX && !tmv_uuid_parse(name, &id);
}

static bool read_alias(struct config *config, const char *what, const cJSON *value, struct tmv_error *err)
{
    struct alias *alias = &config->aliases[config->alias_count];

    if (!alias_name_is_good(value->string)) {
        err_set(err, TMV_ERR_USAGE, "%s: not a name for an alias", what);
        return err_hint(err, "use up to %d letters, digits, '.', '_' and '-'", CONFIG_ALIAS_MAX - 1);
    }
    if (!cJSON_IsString(value))
        return wrong_type(what, "a tenant's UUID as a string", value, err);
    if (!tmv_uuid_parse(value->valuestring, &alias->tenant))
        return err_set(err, TMV_ERR_USAGE, "%s: \"%s\" is not a UUID", what, value->valuestring);
    for (size_t i = 0; i < config->alias_count; i++)
        if (strcmp(config->aliases[i].name, value->string) == 0)
            return err_set(err, TMV_ERR_USAGE, "%s is given twice", what);
    text_copy(alias->name, sizeof alias->name, value->string);
    config->alias_count++;
    return true;
}

static bool read_aliases(struct config *config, const struct source *source, size_t key, const cJSON *object,
                         struct tmv_error *err)
{
    size_t inner = 0;
    char what[PATH_SIZE + 200];

    snprintf(what, sizeof what, "%s:%d: aliases", source->place, line_of(source, key, NULL));
    if (!cJSON_IsObject(object))
        return wrong_type(what, "an object {name: tenant's UUID}", object, err);
    config->aliases = calloc((size_t)cJSON_GetArraySize(object) + 1, sizeof *config->aliases);
    if (!config->aliases)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (const cJSON *value = object->child; value; value = value->next, inner++) {
        snprintf(what, sizeof what, "%s:%d: aliases.%s", source->place, line_of(source, key, &inner),
                 value->string);
        if (!read_alias(config, what, value, err))
            return false;
    }
    return true;
}

static bool read_member(struct config *config, const struct source *source, size_t index, const cJSON *value,
                        struct tmv_error *err)
{
    char what[PATH_SIZE + 200];

    snprintf(what, sizeof what, "%s:%d: %s", source->place, line_of(source, index, NULL), value->string);
    for (const cJSON *before = value->prev; before->next; before = before->prev)
        if (strcmp(before->string, value->string) == 0)
            return err_set(err, TMV_ERR_USAGE, "%s is given twice", what);
    if (strcmp(value->string, "aliases") == 0)
        return read_aliases(config, source, index, value, err);
    for (const struct config_key *key = config_keys; key->spec.name; key++)
        if (strcmp(key->spec.name, value->string) == 0)
            return read_value(config, key, what, value, err);
    return unknown_key(what, value->string, err);
}

bool config_read_text(struct config *config, const char *place, const char *text, struct tmv_error *err)
{
    const struct source source = {place, text};
    const char *end = text;
    cJSON *root = cJSON_ParseWithOpts(text, &end, 1);
    size_t index = 0;

    config->memory = root;
    if (!root)
        return err_set(err, TMV_ERR_USAGE, "%s:%d: not valid JSON here", place,
                       text_line(text, end ? (size_t)(end - text) : 0));
    if (!cJSON_IsObject(root))
        return err_set(err, TMV_ERR_USAGE, "%s:1: must be an object {\"key\": value}, not %s", place,
                       type_name(root));
    for (const cJSON *value = root->child; value; value = value->next, index++)
        if (!read_member(config, &source, index, value, err))
            return false;
    return true;
}

/* ---- the file ---- */

bool config_default_path(char *path, size_t size)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");

    if (base && *base == '/') /* a relative one is to be ignored: XDG Base Directory Specification */
        return (size_t)snprintf(path, size, "%s/tenantmv/config.json", base) < size;
    return home && *home && (size_t)snprintf(path, size, "%s/.config/tenantmv/config.json", home) < size;
}

static bool read_whole(FILE *file, const char *path, char *text, struct tmv_error *err)
{
    size_t length = fread(text, 1, FILE_MAX + 1, file);

    if (ferror(file))
        return err_errno(err, "cannot read the configuration %s", path);
    if (length > FILE_MAX)
        return err_set(err, TMV_ERR_USAGE, "the configuration %s is larger than %d bytes", path, FILE_MAX);
    text[length] = 0;
    if (strlen(text) != length)
        return err_set(err, TMV_ERR_USAGE, "%s:%d: contains a NUL byte", path, text_line(text, strlen(text)));
    return true;
}

bool config_read_file(struct config *config, const char *path, struct tmv_error *err)
{
    char usual[PATH_SIZE];
    const char *named = path ? path : getenv("TENANTMV_CONFIG");

    if (!named && !config_default_path(usual, sizeof usual))
        return true;
    if (!named)
        path = usual;
    else
        path = named;
    FILE *file = fopen(path, "re");
    if (!file && !named && (errno == ENOENT || errno == ENOTDIR))
        return true;
    if (!file) {
        err_set(err, TMV_ERR_USAGE, "cannot open the configuration %s: %s", PATH_ARGUMENT(path),
                strerror(errno));
        return err_hint(
            err, "name another file with --config, or create it; `tenantmv help config` shows the keys");
    }
    AUTO_FREE char *text = malloc(FILE_MAX + 2);
    bool ok = text ? read_whole(file, path, text, err) : err_set(err, TMV_ERR_NOMEM, "out of memory");
    fclose(file);
    ok = ok && config_read_text(config, path, text, err);
    return ok;
}

/* ---- the environment ---- */

static bool read_flag_variable(struct config *config, const struct config_key *key, const char *text,
                               struct tmv_error *err)
{
    bool yes = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;

    if (!yes && strcmp(text, "0") != 0 && strcmp(text, "false") != 0)
        return err_set(err, TMV_ERR_USAGE, "%s: %s is neither 1 nor 0", key->variable, ARGUMENT(text));
    *(bool *)((char *)config + key->spec.offset) = yes;
    return true;
}

bool config_read_environment(struct config *config, struct tmv_error *err)
{
    const char *no_color = getenv("NO_COLOR");

    if (no_color && *no_color) /* https://no-color.org */
        config->color = "never";
    for (const struct config_key *key = config_keys; key->spec.name; key++) {
        const char *text = key->variable ? getenv(key->variable) : NULL;

        if (!text || !*text)
            continue;
        if (key->spec.type == OPTION_FLAG ? !read_flag_variable(config, key, text, err)
                                          : !set_key(config, key, key->variable, text, err))
            return false;
    }
    return true;
}
