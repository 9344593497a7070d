/* Themes: what files say, what mistakes do, and whether people can read the built-in ones. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "theme/check.h"
#include "theme/embedded.h"
#include "theme/export.h"
#include "theme/sample.h"
#include "widgets/plain.h"

/* ---- reading ---- */

static bool is_written(const struct theme_report *report, const char *what)
{
    for (int i = 0; i < report->count && i < THEME_PROBLEMS_MAX; i++)
        if (strstr(report->problems[i].text, what) != NULL)
            return true;
    return false;
}

static void every_built_in_theme_is_without_mistake(void **state)
{
    int count = 0;

    (void)state;
    for (const struct embedded_theme *e = embedded_themes; e->name != NULL; e++, count++) {
        struct theme theme;
        struct theme_report report;
        if (!theme_read(e->text, &theme, &report))
            fail_msg("%s:%d: %s", e->name, report.problems[0].line, report.problems[0].text);
        assert_string_equal(theme.name, e->name);
    }
    assert_int_equal(count, 7);
}

static void a_built_in_theme_is_as_its_file(void **state)
{
    (void)state;
    for (const struct embedded_theme *e = embedded_themes; e->name != NULL; e++) {
        struct theme built_in, read;
        struct theme_report report;
        char path[500];
        snprintf(path, sizeof path, THEMES_DIR "/%s.theme", e->name);
        theme_read(e->text, &built_in, &report);
        assert_true(theme_read_file(path, &read, &report));
        assert_memory_equal(&built_in, &read, sizeof read);
    }
}

static void every_role_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < ROLE_COUNT; i++)
        assert_int_equal(theme_role(theme_role_name((enum role)i)), i);
}

/* The first line of each text is line 1. */
static void names_each_mistake_and_its_line(void **state)
{
    static const struct {
        const char *text, *problem;
        int line;
    } cases[] = {
        {"[roles]\nnonsense = 1 | 2 | 3\n", "unknown role \"nonsense\"", 2},
        {"[roles]\n\ntext = purpleish | |\n", "unknown colour or attribute \"purpleish\"", 3},
        {"[roles]\ntext = 12 +blinking | |\n", "\"+blinking\"", 2},
        {"[roles]\ntext = 256 | |\n", "\"256\"", 2},
        {"[roles]\ntext = $gone | |\n", "\"$gone\"", 2},
        {"[roles]\nhint = 16 on 16 | |\n", "colour of its background", 2},
        {"[roles]\nhint = 1 | 1 | red\n", "a colour in tier mono", 2},
        {"[roles]\nhint = 1 | 2 | +bold | 4\n", "more than three tiers", 2},
        {"[roles]\nhint = 1 | |\nhint = 2 | |\n", "is given twice, first in line 2", 3},
        {"[palette]\nsky = #12345\n", "not a colour: \"#12345\"", 2},
        {"[palette]\nsky = #12345g\n", "not a colour: \"#12345g\"", 2},
        {"[palette]\na-name-that-is-much-too-long-for-one = 1\n", "too long for a name", 2},
        {"[rolls]\ntext = 1\n", "unknown section \"rolls\"", 2},
        {"text = 1\n[roles]\n", "before the first section", 1},
        {"[theme]\nname = x\ncolour = 1\n", "unknown key \"colour\"", 3},
        {"[theme]\nbase = dusk\n", "base is dark or light", 2},
        {"[theme]\ninherit = nobody\n", "there is no such theme", 2},
        {"[roles]\nthis is no assignment\n", "neither a [section] nor name = value", 2},
        {"[glyphs]\nstate.ready = ab | *\n", "the shape of state.ready", 2},
        {"[glyphs]\nstate.ready = 日 | *\n", "the shape of state.ready", 2},
        {"[glyphs]\nstate.ready = ◆ | ◆\n", "the shape of state.ready", 2},
        {"[glyphs]\nstate.ready = ◆\n", "the shape of state.ready", 2},
        {"[glyphs]\nheader = ◆ | *\n", "no shape belongs to \"header\"", 2},
        {"[roles]\nenv.prod = default | default | default\n", "env.prod must differ from text", 2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct theme theme;
        struct theme_report report;
        bool found = false;
        assert_false(theme_read(cases[i].text, &theme, &report));
        for (int k = 0; k < report.count; k++)
            found = found || (strstr(report.problems[k].text, cases[i].problem) != NULL &&
                              report.problems[k].line == cases[i].line);
        if (!found)
            fail_msg("case %zu: %d: %s", i, report.problems[0].line, report.problems[0].text);
    }
}

static bool same(struct style a, struct style b)
{
    return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

/* Whatever a file says, nothing that must be seen is invisible. */
static void assert_usable(const struct theme *theme)
{
    static const enum role seen[] = {ROLE_ENV_PROD,     ROLE_MODE_OPERATE, ROLE_MODE_READONLY,
                                     ROLE_MODE_FROZEN,  ROLE_MODE_REPLAY,  ROLE_DANGER,
                                     ROLE_FRESH_OFFLINE};

    for (int tier = 0; tier < THEME_TIERS; tier++) {
        for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
            assert_false(same(theme->styles[tier][seen[i]], theme->styles[tier][ROLE_TEXT]));
        for (int role = 0; role < ROLE_COUNT; role++) {
            struct style s = theme->styles[tier][role];
            assert_in_range(s.fg + 1, 0, 256);
            assert_in_range(s.bg + 1, 0, 256);
            assert_true(s.fg < 0 || s.fg != s.bg);
        }
    }
}

static void lets_no_theme_hide_what_matters(void **state)
{
    struct theme theme, built_in;
    struct theme_report report;

    (void)state;
    theme_default(&built_in);
    assert_false(
        theme_read("[roles]\nenv.prod = default | default | default\nstate.ready = #5fafff +bold | cyan |\n",
                   &theme, &report));
    assert_true(same(theme.styles[THEME_256][ROLE_ENV_PROD], built_in.styles[THEME_256][ROLE_ENV_PROD]));
    assert_int_equal(theme.styles[THEME_256][ROLE_STATE_READY].fg, 75);
    assert_int_equal(theme.styles[THEME_16][ROLE_STATE_READY].fg, 6);
    assert_usable(&theme);
}

static void what_is_missing_falls_back(void **state)
{
    struct theme theme, parent;
    struct theme_report report;

    (void)state;
    theme_read("[palette]\nsky = #5fafff\n[roles]\nstate = $sky | cyan | +bold\nstate.ready = 200 | |\n",
               &theme, &report);
    assert_int_equal(theme.styles[THEME_256][ROLE_STATE_READY].fg, 200);
    assert_int_equal(theme.styles[THEME_16][ROLE_STATE_READY].fg, 6);
    assert_int_equal(theme.styles[THEME_MONO][ROLE_STATE_READY].attrs, STYLE_BOLD);
    assert_int_equal(theme.styles[THEME_256][ROLE_STATE_COPY].fg, 75);

    theme_read("[roles]\nstate.ready = 200 | |\n[theme]\nname = mine\ninherit = default-light\n", &theme,
               &report);
    assert_int_equal(report.count, 0);
    assert_string_equal(theme.name, "mine");
    assert_true(theme.light);
    assert_true(theme_open("default-light", &parent, &report));
    assert_int_equal(theme.styles[THEME_256][ROLE_STATE_READY].fg, 200);
    assert_true(same(theme.styles[THEME_256][ROLE_STATE_COPY], parent.styles[THEME_256][ROLE_STATE_COPY]));
}

static void a_file_that_inherits_from_itself_ends(void **state)
{
    char folder[] = "/tmp/theme-XXXXXX", path[100], text[200];
    struct theme theme;
    struct theme_report report;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/own.theme", folder);
    snprintf(text, sizeof text, "[theme]\ninherit = %s\n", path);
    file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_false(theme_read_file(path, &theme, &report));
    assert_true(is_written(&report, "inherit"));
    assert_usable(&theme);
    unlink(path);
    rmdir(folder);
}

static void what_is_no_theme_file_leaves_the_default(void **state)
{
    static const char zero[] = "[roles]\0text = 1";
    char path[] = "/tmp/theme-XXXXXX", problem[200];
    struct theme theme;
    struct theme_report report;
    int fd = mkstemp(path);

    (void)state;
    assert_int_equal(write(fd, zero, sizeof zero), sizeof zero);
    assert_false(theme_read_file(path, &theme, &report));
    assert_true(is_written(&report, "NUL byte"));
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_false(theme_read_file(path, &theme, &report));
    assert_true(is_written(&report, "too large"));
    close(fd);
    unlink(path);
    assert_false(theme_read_file("/tmp", &theme, &report));
    assert_true(is_written(&report, "cannot be read"));
    assert_false(theme_load("/nonexistent/x.theme", &theme, problem, sizeof problem));
    assert_non_null(strstr(problem, "\"/nonexistent/x.theme\": cannot be read"));
    assert_false(theme_load("nobody", &theme, problem, sizeof problem));
    assert_non_null(strstr(problem, "no theme \"nobody\""));
    assert_usable(&theme);
}

static void survives_any_damage(void **state)
{
    unsigned seed = 3;

    (void)state;
    for (int round = 0; round < 400; round++) {
        char *text = strdup(embedded_themes[round % 7].text);
        size_t length = strlen(text);
        struct theme theme;
        struct theme_report report;
        for (int k = 0; k < 40; k++) {
            seed = seed * 1103515245u + 12345u;
            text[(seed >> 8) % length] = (char)(1 + (seed >> 4) % 255);
        }
        theme_read(text, &theme, &report);
        assert_usable(&theme);
        for (int k = 0; k < report.count && k < THEME_PROBLEMS_MAX; k++)
            for (const char *c = report.problems[k].text; *c != '\0'; c++)
                assert_in_range(*c, ' ', '~'); /* safe to show */
        free(text);
    }
}

static void shapes_of_states_may_be_others(void **state)
{
    struct theme theme;
    struct theme_report report;
    struct cell shape = {.text = "◆", .width = 1, .role = ROLE_STATE_READY};
    struct cell word = {.text = "R", .width = 1, .role = ROLE_STATE_READY};

    (void)state;
    assert_true(
        theme_read("[theme]\ninherit = default-dark\n[glyphs]\nstate.ready = ★ | !\n", &theme, &report));
    assert_string_equal(theme_text(&theme, &shape, false), "★");
    assert_string_equal(theme_text(&theme, &shape, true), "!");
    assert_string_equal(theme_text(&theme, &word, false), "R");
    theme_default(&theme);
    assert_string_equal(theme_text(&theme, &shape, false), "◆");
    assert_string_equal(theme_text(&theme, &shape, true), "*");
}

/* ---- what people see ---- */

static void print_finding(void *user, const struct theme_finding *finding)
{
    if (finding->bad)
        fprintf(stderr, "%s: %s\n", (const char *)user, finding->text);
}

static void people_can_read_every_built_in_theme(void **state)
{
    int bad = 0;

    (void)state;
    for (const struct embedded_theme *e = embedded_themes; e->name != NULL; e++) {
        struct theme theme;
        struct theme_report report;
        theme_read(e->text, &theme, &report);
        bad += theme_check(&theme, print_finding, (void *)(uintptr_t)e->name);
    }
    assert_int_equal(bad, 0);
}

struct findings {
    int bad;
    char last[200];
};

static void keep_finding(void *user, const struct theme_finding *finding)
{
    struct findings *findings = user;

    findings->bad += finding->bad;
    if (finding->bad)
        snprintf(findings->last, sizeof findings->last, "%s", finding->text);
}

static void the_check_finds_what_people_cannot_read(void **state)
{
    static const struct {
        const char *role, *finding;
    } cases[] = {
        {"hint = 236 | |", "hint has contrast"},
        {"bar.full = 235 | |", "bar.full has contrast"},
        {"level.ok = 40 | |\nlevel.warn = 178 | |", "level.ok and level.warn are"},
        {"state.sync = 111 | |\nstate.throttled = 110 | |", "normal vision"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct findings findings = {0};
        char text[300];
        struct theme theme;
        struct theme_report report;
        snprintf(text, sizeof text, "[theme]\ninherit = default-dark\n[roles]\n%s\n", cases[i].role);
        assert_true(theme_read(text, &theme, &report));
        assert_true(theme_check(&theme, keep_finding, &findings) > 0);
        assert_int_equal(findings.bad, theme_check(&theme, print_finding, (void *)(uintptr_t) "expected"));
        if (i < 2)
            assert_non_null(strstr(findings.last, cases[i].finding));
    }
}

static void a_theme_is_held_to_the_contrast_it_promises(void **state)
{
    static const struct {
        const char *promise;
        bool read, kept;
    } cases[] = {{"contrast = 4.5", true, true},
                 {"contrast = 12", true, false},
                 {"contrast = 22", false, true},
                 {"contrast = much", false, true}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct findings findings = {0};
        char text[300];
        struct theme theme;
        struct theme_report report;
        snprintf(text, sizeof text, "[theme]\ninherit = default-dark\n%s\n", cases[i].promise);
        assert_int_equal(theme_read(text, &theme, &report), cases[i].read);
        assert_int_equal(theme_check(&theme, keep_finding, &findings) == 0, cases[i].kept);
    }
}

/* Pairs from the paper's own table. */
static void distance_is_ciede2000(void **state)
{
    static const struct {
        struct lab a, b;
        double distance;
    } cases[] = {
        {{50, 2.6772, -79.7751}, {50, 0, -82.7485}, 2.0425},
        {{50, 3.1571, -77.2803}, {50, 0, -82.7485}, 2.8615},
        {{50, -1.3802, -84.2814}, {50, 0, -82.7485}, 1.0000},
        {{50, 0, 0}, {50, -1, 2}, 2.3669},
        {{50, 2.5, 0}, {50, 0, -2.5}, 4.3065},
        {{50, 2.5, 0}, {73, 25, -18}, 27.1492},
        {{50, 2.5, 0}, {61, -5, 29}, 22.8977},
        {{50, 2.5, 0}, {56, -27, -3}, 31.9030},
        {{50, 2.5, 0}, {58, 24, 15}, 19.4535},
        {{60.2574, -34.0099, 36.2677}, {60.4626, -34.1751, 39.4387}, 1.2644},
        {{22.7233, 20.0904, -46.6940}, {23.0331, 14.9730, -42.5619}, 2.0373},
        {{2.0776, 0.0795, -1.1350}, {0.9033, -0.0636, -0.5514}, 0.9082},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(fabs(color_lab_distance(cases[i].a, cases[i].b) - cases[i].distance) < 0.0001);
        assert_true(fabs(color_lab_distance(cases[i].b, cases[i].a) - cases[i].distance) < 0.0001);
    }
}

static void knows_contrast_and_colour_blindness(void **state)
{
    struct rgb black = {0, 0, 0}, white = {255, 255, 255}, red = {215, 0, 0}, green = {0, 135, 0};

    (void)state;
    assert_true(fabs(color_contrast(black, white) - 21) < 0.01);
    assert_true(fabs(color_contrast((struct rgb){119, 119, 119}, white) - 4.48) <
                0.01);                       /* WCAG's own example */
    for (int v = 0; v < VISION_COUNT; v++) { /* grey is grey for everybody */
        struct rgb grey = color_seen((struct rgb){128, 128, 128}, (enum vision)v);
        assert_in_range(grey.red, 126, 130);
        assert_in_range(grey.blue, 126, 130);
    }
    assert_true(color_distance(color_seen(red, VISION_DEUTAN), color_seen(green, VISION_DEUTAN)) * 3 <
                color_distance(red, green));
    for (int i = 16; i < 256; i++) {
        struct rgb c = color_rgb(i), n = color_rgb(color_nearest(c));
        assert_memory_equal(&c, &n, sizeof c);
    }
}

/* ---- pictures ---- */

static char *drawn(const struct canvas *canvas, const struct theme *theme, int how)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    if (how < 0)
        plain_write(canvas, false, out);
    else if (how == THEME_TIERS)
        export_svg(canvas, theme, out);
    else
        export_ansi(canvas, theme, (enum theme_tier)how, false, out);
    fclose(out);
    return text;
}

/* Takes the sequences and the blanks at the ends of lines out. */
static void strip(char *text)
{
    char *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '\033') {
            from += strcspn(from, "m");
            continue;
        }
        while (*from == '\n' && to > text && to[-1] == ' ')
            to--;
        *to++ = *from;
    }
    *to = '\0';
}

static void coloured_text_says_the_same_as_plain_text(void **state)
{
    struct theme theme;
    struct canvas canvas;
    char *plain, *coloured;

    (void)state;
    theme_default(&theme);
    assert_true(canvas_init(&canvas, SAMPLE_COLS, SAMPLE_ROWS));
    sample_draw(&canvas);
    plain = drawn(&canvas, &theme, -1);
    for (int tier = 0; tier < THEME_TIERS; tier++) {
        coloured = drawn(&canvas, &theme, tier);
        assert_int_equal(strstr(coloured, "38;5;") != NULL, tier == THEME_256);
        strip(coloured);
        assert_string_equal(coloured, plain);
        free(coloured);
    }
    free(plain);
    canvas_release(&canvas);
}

static void the_picture_is_sound_svg(void **state)
{
    struct theme theme;
    struct canvas canvas;
    char *svg;
    int open = 0;

    (void)state;
    theme_default(&theme);
    assert_true(canvas_init(&canvas, 40, 3));
    canvas_text(&canvas, (struct rect){0, 0, 40, 1}, 0, ROLE_STATE_READY, "<READY> & \"日本\" \033[2Jx");
    canvas_over(&canvas, (struct rect){0, 1, 40, 1}, ROLE_SELECTION);
    svg = drawn(&canvas, &theme, THEME_TIERS);
    assert_non_null(strstr(svg, "&lt;READY&gt; &amp; \"日本\""));
    assert_null(strchr(svg, '\033'));
    for (const char *c = svg; *c != '\0'; c++) { /* brackets never nest */
        open += *c == '<' ? 1 : *c == '>' ? -1 : 0;
        assert_in_range(open, 0, 1);
    }
    assert_int_equal(open, 0);
    assert_non_null(strstr(svg, "</svg>\n"));
    free(svg);
    canvas_release(&canvas);
}

static void the_sample_shows_every_role(void **state)
{
    /* one stands for others, the other lies over cells */
    static const enum role without[] = {ROLE_STATE, ROLE_SELECTION};
    bool shown[ROLE_COUNT] = {false};
    struct canvas canvas;

    (void)state;
    assert_true(canvas_init(&canvas, SAMPLE_COLS, SAMPLE_ROWS));
    sample_draw(&canvas);
    for (int i = 0; i < canvas.cols * canvas.rows; i++)
        shown[canvas.cells[i].role] = true;
    for (size_t i = 0; i < sizeof without / sizeof *without; i++)
        shown[without[i]] = true;
    for (int i = 0; i < ROLE_COUNT; i++)
        if (!shown[i])
            fail_msg("not in the sample: %s", theme_role_name((enum role)i));
    canvas_release(&canvas);
}

/* Terminals do not say whether their ground is dark or light: nothing is left to it, in any colour. */
static void a_theme_for_one_ground_brings_it_along(void **state)
{
    static const char *const names[] = {"default-dark", "default-light", "classic-dark", "high-contrast-dark",
                                        "high-contrast-light"};

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct theme theme;
        struct theme_report report;
        assert_true(theme_open(names[i], &theme, &report));
        for (int tier = THEME_256; tier <= THEME_16; tier++)
            for (int role = 0; role < ROLE_COUNT; role++) {
                struct style plain = theme_style(&theme, (enum theme_tier)tier, (enum role)role, ROLE_TEXT);
                struct style selected =
                    theme_style(&theme, (enum theme_tier)tier, (enum role)role, ROLE_SELECTION);
                if (plain.fg < 0 || plain.bg < 0 || selected.fg < 0 || selected.bg < 0)
                    fail_msg("%s leaves %s to the terminal", names[i], theme_role_name((enum role)role));
            }
    }
}

/* A digit of the wall is made of full blocks, which show only the foreground: CUTOVER is black on yellow. */
static void a_full_block_is_seen_in_every_role(void **state)
{
    struct theme theme;
    struct theme_report report;
    struct cell cell = {.text = "█", .width = 1};

    (void)state;
    for (const struct embedded_theme *e = embedded_themes; e->name != NULL; e++) {
        assert_true(theme_open(e->name, &theme, &report));
        for (int tier = 0; tier < THEME_TIERS; tier++)
            for (int role = 1; role < ROLE_COUNT; role++) {
                struct style own = theme.styles[tier][role], drawn;
                cell.role = (uint8_t)role;
                drawn = theme_cell_style(&theme, (enum theme_tier)tier, &cell);
                assert_true(own.bg < 0 || drawn.fg == own.bg);
                assert_true((drawn.attrs & STYLE_REVERSE) == 0);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_built_in_theme_is_without_mistake),
        cmocka_unit_test(a_built_in_theme_is_as_its_file),
        cmocka_unit_test(every_role_has_a_name_of_its_own),
        cmocka_unit_test(names_each_mistake_and_its_line),
        cmocka_unit_test(lets_no_theme_hide_what_matters),
        cmocka_unit_test(what_is_missing_falls_back),
        cmocka_unit_test(a_file_that_inherits_from_itself_ends),
        cmocka_unit_test(a_theme_for_one_ground_brings_it_along),
        cmocka_unit_test(a_full_block_is_seen_in_every_role),
        cmocka_unit_test(what_is_no_theme_file_leaves_the_default),
        cmocka_unit_test(survives_any_damage),
        cmocka_unit_test(shapes_of_states_may_be_others),
        cmocka_unit_test(people_can_read_every_built_in_theme),
        cmocka_unit_test(the_check_finds_what_people_cannot_read),
        cmocka_unit_test(distance_is_ciede2000),
        cmocka_unit_test(a_theme_is_held_to_the_contrast_it_promises),
        cmocka_unit_test(knows_contrast_and_colour_blindness),
        cmocka_unit_test(coloured_text_says_the_same_as_plain_text),
        cmocka_unit_test(the_picture_is_sound_svg),
        cmocka_unit_test(the_sample_shows_every_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
