#include "cli/confirm.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/resolve.h"
#include "lib/err.h"
#include "lib/text.h"

#define CONFIRM_SHORTEST 8

bool confirms_tenant(const struct cli *cli, const struct tmv_uuid *tenant, const char *word)
{
    const char *alias = config_alias(&cli->config, tenant);

    if (alias && strcmp(alias, word) == 0)
        return true;
    return strlen(word) >= CONFIRM_SHORTEST && word_is_prefix(word) && id_has_prefix(tenant, word);
}

bool ask_line(const struct cli *cli, const char *question, char *answer, size_t size)
{
    if (!cli->terminal || !isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "%s", question);
    fflush(stderr);
    if (!fgets(answer, (int)size, stdin)) {
        fputc('\n', stderr);
        return false;
    }
    answer[strcspn(answer, "\n")] = 0;
    return *answer != 0;
}

bool confirm_tenant(const struct cli *cli, const struct tmv_migration *migration, const char *given,
                    const char *effect, struct tmv_error *err)
{
    char label[CONFIG_ALIAS_MAX];
    char line[900];
    char typed[100] = "";
    const char *environment = cli->config.environment;

    tenant_label(cli, &migration->tenant, label);
    if (!given && (!cli->terminal || !isatty(STDIN_FILENO))) {
        err_set(err, TMV_ERR_USAGE, "%s must be confirmed", cli->command->name);
        return err_hint(err, "add --confirm %s", label);
    }
    if (!given) {
        snprintf(line, sizeof line, "%s%s%s%s %s: %s -> %s", environment ? "[" : "",
                 environment ? environment : "", environment ? "] " : "", cli->command->name, label,
                 migration->source, migration->target);
        fprintf(stderr, "%s\n%s\n", text_sanitize(line), effect);
        snprintf(line, sizeof line, "Type %s to confirm: ", label);
        ask_line(cli, line, typed, sizeof typed);
        given = typed;
    }
    if (confirms_tenant(cli, &migration->tenant, given))
        return true;
    err_set(err, TMV_ERR_REFUSED, "%s is not the tenant of this migration; nothing was done",
            ARGUMENT(given));
    return err_hint(err, "the tenant is %s", label);
}
