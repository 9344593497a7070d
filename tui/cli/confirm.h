/* The question before something that cannot be taken back: the tenant has to be named once more, with
 * --confirm or typed on a terminal. */
#pragma once

#include "cli/cli.h"
#include "tenantmv/snapshot.h"

/* Whether `word` names the tenant well enough to confirm: its UUID, its alias, or at least 8 characters of
 * its UUID. */
bool confirms_tenant(const struct cli *cli, const struct tmv_uuid *tenant, const char *word);
/* `given` is the value of --confirm or NULL; `effect` says in a sentence what will happen. Errors: REFUSED
 * when another name was given, USAGE when none was and there is no terminal to ask on. */
TMV_NODISCARD bool confirm_tenant(const struct cli *cli, const struct tmv_migration *migration,
                                  const char *given, const char *effect, struct tmv_error *err);
/* Asks for a line of text on the terminal; false when there is none to ask on or nothing was typed. */
bool ask_line(const struct cli *cli, const char *question, char *answer, size_t size);
