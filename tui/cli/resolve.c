#include "cli/resolve.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/owned.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"
#include "lib/utf8.h"

#define SNAPSHOT_LIMIT 1000
#define CANDIDATES_SHOWN 4

bool id_has_prefix(const struct tmv_uuid *id, const char *word)
{
    char text[TMV_UUID_TEXT];

    return fold_starts(tmv_uuid_format(id, text), word);
}

bool word_is_prefix(const char *word)
{
    size_t length = strlen(word);

    return length >= PREFIX_SHORTEST && length < TMV_UUID_TEXT &&
           word[strspn(word, "0123456789abcdefABCDEF-")] == 0;
}

const char *tenant_label(const struct cli *cli, const struct tmv_uuid *tenant, char text[CONFIG_ALIAS_MAX])
{
    const char *alias = config_alias(&cli->config, tenant);

    if (alias)
        text_copy(text, CONFIG_ALIAS_MAX, alias);
    else
        tmv_uuid_format(tenant, text);
    return text;
}

/* A tenant that can be told from the word alone. */
static bool is_whole(const struct cli *cli, const char *word, struct tmv_uuid *ret_tenant)
{
    for (size_t i = 0; i < cli->config.alias_count; i++) {
        if (strcmp(cli->config.aliases[i].name, word) == 0) {
            *ret_tenant = cli->config.aliases[i].tenant;
            return true;
        }
    }
    return tmv_uuid_parse(word, ret_tenant);
}

static bool not_a_name(const char *word, struct tmv_error *err)
{
    err_set(err, TMV_ERR_NOT_FOUND, "%s is neither an alias nor (the beginning of) a UUID", ARGUMENT(word));
    return err_hint(err, "type a UUID, at least %d characters of one, or an alias from the configuration",
                    PREFIX_SHORTEST);
}

/* ---- the ids that a beginning fits ---- */

struct candidates {
    size_t count;                              /* different ids */
    struct tmv_uuid ids[CANDIDATES_SHOWN + 1]; /* the first of them */
};

static void add_candidate(struct candidates *c, const char *word, const struct tmv_uuid *id)
{
    if (!id_has_prefix(id, word))
        return;
    for (size_t i = 0; i < c->count; i++)
        if (tmv_uuid_equal(&c->ids[i], id))
            return;
    if (c->count <= CANDIDATES_SHOWN)
        c->ids[c->count++] = *id;
}

static bool only_one(const struct candidates *c, const char *what, const char *word, struct tmv_error *err)
{
    char list[200] = "";
    char text[TMV_UUID_TEXT];

    if (c->count == 1)
        return true;
    if (c->count == 0) {
        err_set(err, TMV_ERR_NOT_FOUND, "no %s begins with \"%s\"", what, word);
        return err_hint(err, "`tenantmv list` shows the migrations, `tenantmv routing` the tenants");
    }
    for (size_t i = 0; i < c->count && i < CANDIDATES_SHOWN; i++) {
        size_t n = strlen(list);

        snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", tmv_uuid_format(&c->ids[i], text));
    }
    err_set(err, TMV_ERR_REFUSED, "\"%s\" fits more than one %s: %s%s", word, what, list,
            c->count > CANDIDATES_SHOWN ? ", …" : "");
    return err_hint(err, "type more of the one you mean");
}

bool resolve_tenant(struct cli *cli, const char *word, struct tmv_uuid *ret_tenant, struct tmv_error *err)
{
    struct tmv_control *control;
    struct candidates found = {0};
    AUTO_FREE struct tmv_route_info *routes = NULL;
    AUTO(snapshot) struct tmv_snapshot *snapshot = NULL;
    size_t count = 0;

    if (is_whole(cli, word, ret_tenant))
        return true;
    if (!word_is_prefix(word))
        return not_a_name(word, err);
    if (!cli_control(cli, &control, err) || !tmv_routing_list(control, NULL, &routes, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        add_candidate(&found, word, &routes[i].tenant);
    if (!tmv_snapshot_read(control, NULL, SNAPSHOT_LIMIT, &snapshot, err))
        return false;
    for (size_t i = 0; i < snapshot->migration_count; i++)
        add_candidate(&found, word, &snapshot->migrations[i].tenant);
    *ret_tenant = found.ids[0];
    return only_one(&found, "tenant", word, err);
}

/* ---- migrations ---- */

/* The migration with this id, or the active one of the tenant with this id, else its latest one. */
static const struct tmv_migration *pick(const struct tmv_snapshot *snapshot, const struct tmv_uuid *id)
{
    const struct tmv_migration *latest = NULL;

    for (size_t i = 0; i < snapshot->migration_count; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];

        if (tmv_uuid_equal(&m->id, id))
            return m;
        if (!tmv_uuid_equal(&m->tenant, id))
            continue;
        if (!tmv_phase_is_terminal(m->phase))
            return m;
        if (!latest || m->created_at_us > latest->created_at_us)
            latest = m;
    }
    return latest;
}

static bool find_by_prefix(const struct tmv_snapshot *snapshot, const char *word, struct tmv_uuid *ret_id,
                           struct tmv_error *err)
{
    struct candidates found = {0};

    if (!word_is_prefix(word))
        return not_a_name(word, err);
    for (size_t i = 0; i < snapshot->migration_count; i++) {
        add_candidate(&found, word, &snapshot->migrations[i].id);
        add_candidate(&found, word, &snapshot->migrations[i].tenant);
    }
    *ret_id = found.ids[0];
    return only_one(&found, "migration or tenant with one", word, err);
}

bool resolve_migration(struct cli *cli, const char *word, struct tmv_snapshot **ret_snapshot,
                       const struct tmv_migration **ret_migration, struct tmv_error *err)
{
    struct tmv_control *control;
    struct tmv_uuid id;
    bool whole = is_whole(cli, word, &id);
    char label[CONFIG_ALIAS_MAX];

    if (!cli_control(cli, &control, err) ||
        !tmv_snapshot_read(control, NULL, SNAPSHOT_LIMIT, ret_snapshot, err))
        return false;
    bool ok = whole || find_by_prefix(*ret_snapshot, word, &id, err);
    *ret_migration = ok ? pick(*ret_snapshot, &id) : NULL;
    if (ok && !*ret_migration) { /* perhaps older than the latest thousand */
        tmv_snapshot_free(TAKE(*ret_snapshot));
        if (!tmv_snapshot_read(control, &id, SNAPSHOT_LIMIT, ret_snapshot, err))
            return false;
        *ret_migration = pick(*ret_snapshot, &id);
    }
    if (*ret_migration)
        return true;
    tmv_snapshot_free(TAKE(*ret_snapshot));
    if (!ok)
        return false;
    err_set(err, TMV_ERR_NOT_FOUND, "there is no migration of %s", tenant_label(cli, &id, label));
    return err_hint(err, "`tenantmv list` shows all migrations");
}
