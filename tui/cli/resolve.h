/* What a person typed for a tenant or a migration: a UUID, a unique beginning of one (at least 4 characters),
 * or an alias from the configuration. */
#pragma once

#include "cli/cli.h"
#include "tenantmv/snapshot.h"

#define PREFIX_SHORTEST 4

/* Whether `word` is a beginning of the id's text form, in either case. */
bool id_has_prefix(const struct tmv_uuid *id, const char *word);
/* Whether `word` could be the beginning of an id: hexadecimal digits and dashes only, at least 4 characters.
 */
bool word_is_prefix(const char *word);

/* A tenant among those that have a route or a migration. A whole UUID or an alias is taken as it is. Errors:
 * NOT_FOUND, REFUSED when several tenants begin so, and those of the control database. */
TMV_NODISCARD bool resolve_tenant(struct cli *cli, const char *word, struct tmv_uuid *ret_tenant,
                                  struct tmv_error *err);
/* A migration by its tenant (the active one, else the latest) or by its id. *ret_snapshot is freed by the
 * caller and holds *ret_migration. */
TMV_NODISCARD bool resolve_migration(struct cli *cli, const char *word, struct tmv_snapshot **ret_snapshot,
                                     const struct tmv_migration **ret_migration, struct tmv_error *err);
/* The name that people know a tenant by: its alias, else its UUID; returns `text`. */
const char *tenant_label(const struct cli *cli, const struct tmv_uuid *tenant, char text[CONFIG_ALIAS_MAX]);
