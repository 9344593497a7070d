#include "command/screen.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/utf8.h"

const char *screen_environment_kind(const char *environment)
{
    static const char *const kinds[] = {"prod", "staging", "dev", "demo"};

    for (size_t i = 0; environment && i < sizeof kinds / sizeof *kinds; i++)
        if (fold_starts(environment, kinds[i]))
            return kinds[i];
    return NULL;
}

/* The option, the variable, the theme of this kind of environment, the theme of all. */
static const char *choose_theme(const struct config *config, const char *option, const char *kind)
{
    const char *variable = getenv("TENANTMV_THEME");
    const struct {
        const char *kind, *theme;
    } kinds[] = {
        {"prod", config->theme_prod}, {"staging", config->theme_staging}, {"dev", config->theme_dev}};

    if (option)
        return option;
    for (size_t i = 0; kind && !(variable && *variable) && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0 && kinds[i].theme)
            return kinds[i].theme;
    return config->theme;
}

bool screen_options(const struct cli *cli, const struct screen_arguments *arguments,
                    struct console_options *ret_options, struct tmv_error *err)
{
    const struct config *config = &cli->config;
    struct tenant_alias *aliases = calloc(config->alias_count + 1, sizeof *aliases);
    const char *kind = screen_environment_kind(config->environment);

    if (!aliases)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < config->alias_count; i++)
        aliases[i] = (struct tenant_alias){config->aliases[i].tenant, config->aliases[i].name};
    *ret_options = (struct console_options){
        .environment = kind && fold_equal(kind, config->environment) ? NULL : config->environment,
        .environment_kind = kind,
        .who = config->operator_name,
        .theme = choose_theme(config, arguments->theme, kind),
        .script = arguments->script,
        .ascii = arguments->ascii || config->ascii,
        .no_color = strcmp(config->color, "never") == 0,
        .plain = arguments->plain,
        .once = arguments->once,
        .accessible = arguments->accessible,
        .names = {aliases, config->alias_count},
    };
    if (cli_conninfo(cli, &ret_options->control_conninfo, err))
        return true;
    screen_release(ret_options);
    return false;
}

void screen_release(struct console_options *options)
{
    free((void *)(uintptr_t)options->names.aliases);
    *options = (struct console_options){0};
}
