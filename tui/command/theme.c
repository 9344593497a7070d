#include "command/theme.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "command/table.h"
#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/json.h"
#include "lib/text.h"
#include "theme/check.h"
#include "theme/embedded.h"
#include "theme/export.h"
#include "theme/sample.h"

/* ---- list ---- */

#define THEMES_MAX 200

struct listed {
    char names[THEMES_MAX][64];
    int count;
};

static void add_name(struct listed *listed, const char *name, size_t length)
{
    char text[64];

    if (length == 0 || length >= sizeof text || listed->count == THEMES_MAX)
        return;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    for (int i = 0; i < listed->count; i++)
        if (strcmp(listed->names[i], text) == 0)
            return;
    memcpy(listed->names[listed->count++], text, sizeof text);
}

static void add_folder(struct listed *listed, const char *folder)
{
    DIR *dir = opendir(folder);

    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t length = strlen(entry->d_name);
        if (length > 6 && strcmp(entry->d_name + length - 6, ".theme") == 0)
            add_name(listed, entry->d_name, length - 6);
    }
    if (dir)
        closedir(dir);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void collect(struct listed *listed)
{
    char folder[1024];

    for (const struct embedded_theme *e = embedded_themes; e->name; e++)
        add_name(listed, e->name, strlen(e->name));
    for (int i = 0; theme_folder(i, folder, sizeof folder); i++)
        if (folder[0] != '\0')
            add_folder(listed, folder);
    qsort(listed->names, (size_t)listed->count, sizeof *listed->names, by_name);
}

void theme_print_names(void)
{
    AUTO_FREE struct listed *listed = calloc(1, sizeof *listed);

    if (!listed)
        return;
    collect(listed);
    for (int i = 0; i < listed->count; i++)
        puts(listed->names[i]);
}

static void ignore(void *user, const struct theme_finding *finding)
{
    (void)user;
    (void)finding;
}

static void list_one(struct cli *cli, const char *name, struct listing *listing, cJSON *array)
{
    char path[1200], problem[300];
    struct theme theme;
    enum role a = ROLE_TEXT, b = ROLE_TEXT;
    bool fine = theme_load(name, &theme, problem, sizeof problem);
    int bad = theme_check(&theme, ignore, NULL);

    theme_find(name, path, sizeof path);
    if (cli->json) {
        cJSON *object = cJSON_CreateObject();
        json_text(object, "name", name);
        json_text(object, "base", theme.light ? "light" : "dark");
        json_text(object, "file", path);
        json_text(object, "problem", problem);
        json_add_int64(object, "findings", bad);
        for (int v = 0; v < VISION_COUNT; v++)
            cJSON_AddNumberToObject(object, vision_name((enum vision)v),
                                    (int)theme_least_distance(&theme, (enum vision)v, &a, &b));
        cJSON_AddItemToArray(array, object);
        return;
    }
    listing_cell(listing, TONE_STRONG, "%s", name);
    listing_cell(listing, TONE_PLAIN, "%s", theme.light ? "light" : "dark");
    listing_cell(listing, fine && bad == 0 ? TONE_GOOD : TONE_WARN, "%s",
                 !fine     ? "mistakes"
                 : bad > 0 ? "hard to read"
                           : "well");
    listing_cell(listing, TONE_FAINT, "%s", path[0] != '\0' ? path : "built in");
}

static bool run_list(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    static const struct listing_column columns[] = {
        {"NAME", false}, {"FOR", false}, {"CHECK", false}, {"FROM", false}, {0}};
    AUTO_FREE struct listed *listed = calloc(1, sizeof *listed);
    AUTO(listing) struct listing listing = {0};

    (void)arguments;
    if (!listed)
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    collect(listed);
    listing_init(&listing, columns);
    cJSON *array = cli->json ? cJSON_AddArrayToObject(cli_document(cli), "themes") : NULL;
    for (int i = 0; i < listed->count; i++)
        list_one(cli, listed->names[i], &listing, array);
    if (!cli->json)
        listing_print(cli, &listing);
    return true;
}

const struct command command_theme_list = {
    .name = "theme list",
    .summary = "list the colour themes and where each comes from",
    .description =
        "Themes come from ~/.config/tenantmv/themes, from the folder that was installed with the "
        "program, and from the program itself; a file is stronger than what is built in. Choose one "
        "with --theme, TENANTMV_THEME, or the configuration.",
    .access = ACCESS_NONE,
    .run = run_list,
};

/* ---- check and preview ---- */

struct theme_arguments {
    const char *name;
    const char *colors;
    bool svg;
};
static const struct operand_spec check_operands[] = {
    {"THEME", offsetof(struct theme_arguments, name), false, NULL, COMPLETE_THEME,
     "name of a theme, or a file"},
    {0},
};

struct telling {
    struct cli *cli;
    cJSON *array; /* in JSON mode */
};

static void tell(const struct telling *telling, bool bad, int line, const char *text)
{
    if (telling->array) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddBoolToObject(object, "bad", bad);
        json_add_int64(object, "line", line);
        json_text(object, "text", text);
        cJSON_AddItemToArray(telling->array, object);
        return;
    }
    if (line > 0)
        printf("%d: ", line);
    print_tone(telling->cli, bad ? TONE_BAD : TONE_FAINT, "%s", text);
    putchar('\n');
}

static void tell_finding(void *user, const struct theme_finding *finding)
{
    tell(user, finding->bad, 0, finding->text);
}

static void tell_distances(struct cli *cli, const struct theme *theme)
{
    enum role a = ROLE_TEXT, b = ROLE_TEXT;

    for (int v = 0; v < VISION_COUNT; v++) {
        double least = theme_least_distance(theme, (enum vision)v, &a, &b);
        if (cli->json)
            cJSON_AddNumberToObject(cli_document(cli), vision_name((enum vision)v), (int)least);
        else
            printf("%-7s least distance %.0f, of %s and %s\n", vision_name((enum vision)v), least,
                   theme_role_name(a), theme_role_name(b));
    }
}

static bool run_check(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct theme_arguments *a = arguments;
    struct telling telling = {cli, cli->json ? cJSON_AddArrayToObject(cli_document(cli), "findings") : NULL};
    struct theme_report report = {0};
    struct theme theme;
    int bad;

    if (!theme_open(a->name, &theme, &report) && report.count == 0) {
        err_set(err, TMV_ERR_USAGE, "no theme %s", PATH_ARGUMENT(a->name));
        return err_hint(err, "`tenantmv theme list` names them; a file has a slash in its name or ends in "
                             ".theme");
    }
    for (int i = 0; i < report.count && i < THEME_PROBLEMS_MAX; i++)
        tell(&telling, true, report.problems[i].line, report.problems[i].text);
    bad = report.count + theme_check(&theme, tell_finding, &telling);
    tell_distances(cli, &theme);
    if (!cli->json && bad == 0)
        printf("%s is well\n", theme.name[0] != '\0' ? theme.name : a->name);
    cli->exit_code = bad > 0 ? 1 : 0;
    return true;
}

const struct command command_theme_check = {
    .name = "theme check",
    .summary = "check a colour theme: mistakes, contrast, colour blindness",
    .description =
        "Reads a theme and names each mistake with its line; then checks that every text has a contrast of "
        "at "
        "least 4.5:1, or what the theme itself promises, with its background (3:1 for bars and plots), and "
        "that states which must not be taken "
        "for "
        "each other stay at least 20 apart (CIEDE2000) for normal, protan, deutan and tritan vision. Ends "
        "with "
        "1 when something is wrong. Colours 0 to 15 depend on the terminal's palette: about those it only "
        "remarks.",
    .operands = check_operands,
    .arguments_size = sizeof(struct theme_arguments),
    .examples = "  tenantmv theme check mine.theme\n"
                "  tenantmv theme check default-light --json\n",
    .access = ACCESS_NONE,
    .run = run_check,
};

static const char *const color_choices[] = {"256", "16", "mono", NULL};
static const struct option_spec preview_options[] = {
    OPT_CHOICE("colors", 0, offsetof(struct theme_arguments, colors), "TIER", color_choices,
               "as a terminal with this many colours shows it"),
    OPT_FLAG("svg", 0, offsetof(struct theme_arguments, svg), "as an SVG picture"),
    {0},
};
static const struct operand_spec preview_operands[] = {
    {"THEME", offsetof(struct theme_arguments, name), true, NULL, COMPLETE_THEME,
     "name of a theme, or a file; the default otherwise"},
    {0},
};

static enum theme_tier tier_of(const struct cli *cli, const char *colors)
{
    if (!colors)
        return strcmp(cli->config.color, "never") == 0 ? THEME_MONO : THEME_256;
    return strcmp(colors, "mono") == 0 ? THEME_MONO : strcmp(colors, "16") == 0 ? THEME_16 : THEME_256;
}

static bool run_preview(struct cli *cli, const void *arguments, struct tmv_error *err)
{
    const struct theme_arguments *a = arguments;
    const char *name = a->name ? a->name : "default-dark";
    struct theme_report report = {0};
    struct theme theme;
    struct canvas canvas;

    if (cli->json)
        return err_set(err, TMV_ERR_USAGE, "a preview is a picture; there is no JSON of it");
    if (!theme_open(name, &theme, &report))
        cli_note(cli, "%s: %s", PATH_ARGUMENT(name),
                 report.count > 0 ? report.problems[0].text : "no such theme");
    if (!canvas_init(&canvas, SAMPLE_COLS, SAMPLE_ROWS))
        return err_set(err, TMV_ERR_NOMEM, "out of memory");
    sample_draw(&canvas);
    if (a->svg)
        export_svg(&canvas, &theme, stdout);
    else
        export_ansi(&canvas, &theme, tier_of(cli, a->colors), cli->config.ascii, stdout);
    canvas_release(&canvas);
    return true;
}

const struct command command_theme_preview = {
    .name = "theme preview",
    .summary = "show what a colour theme looks like",
    .options = preview_options,
    .operands = preview_operands,
    .arguments_size = sizeof(struct theme_arguments),
    .examples = "  tenantmv theme preview default-light\n"
                "  tenantmv theme preview mine.theme --colors 16\n",
    .access = ACCESS_NONE,
    .run = run_preview,
};
