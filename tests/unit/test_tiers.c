/* The six screens as each kind of terminal shows them: ASCII, 256 colours, none. The UTF-8 text itself is in
 * test_screens. A style is written before the text it holds for as {foreground/background attributes}, -1
 * being the terminal's own. TENANTMV_WRITE_GOLDEN=1 writes the pictures anew: look at the difference before
 * you commit it. */
#include "stage.h"

#include <stdlib.h>

#include "theme/theme.h"

static const struct {
    int cols, rows;
} sizes[] = {{80, 24}, {132, 43}, {40, 10}};
static const struct {
    char key;
    const char *name;
} screens[] = {{'1', "fleet"},  {'2', "migration"}, {'3', "cutover"},
               {'4', "events"}, {'5', "stores"},    {'6', "history"}};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void write_styled(const struct canvas *canvas, const struct theme *theme, enum theme_tier tier,
                         FILE *out)
{
    for (int y = 0; y < canvas->rows; y++) {
        struct style before = {-2, -2, 0};
        for (int x = 0; x < canvas->cols; x++) {
            const struct cell *cell = canvas_at(canvas, x, y);
            struct style now = theme_style(theme, tier, (enum role)cell->role, (enum role)cell->over);
            if (now.fg != before.fg || now.bg != before.bg || now.attrs != before.attrs)
                fprintf(out, "{%d/%d%s%s%s%s}", now.fg, now.bg, now.attrs & STYLE_BOLD ? " bold" : "",
                        now.attrs & STYLE_DIM ? " dim" : "", now.attrs & STYLE_UNDERLINE ? " underline" : "",
                        now.attrs & STYLE_REVERSE ? " reverse" : "");
            before = now;
            if (cell->width > 0)
                fputs(theme_text(theme, cell, tier == THEME_MONO), out);
        }
        fputc('\n', out);
    }
}

static void assert_golden(char *text, const char *path)
{
    static char golden[400000];
    FILE *file = fopen(path, getenv("TENANTMV_WRITE_GOLDEN") != NULL ? "w" : "r");

    if (file == NULL)
        fail_msg("%s is missing", path);
    if (getenv("TENANTMV_WRITE_GOLDEN") != NULL) {
        fputs(text, file);
    } else {
        golden[fread(golden, 1, sizeof golden - 1, file)] = '\0';
        if (strcmp(text, golden) != 0)
            fail_msg("%s differs; it is now:\n%s", path, text);
    }
    fclose(file);
    free(text);
}

/* Every screen at every size, through one way of writing it. */
static void check_all(const char *kind, void (*write)(const struct canvas *, const struct theme *, FILE *))
{
    struct theme theme;
    struct stage stage;

    theme_default(&theme);
    for (size_t s = 0; s < COUNT(screens); s++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char path[400], *text = NULL;
            size_t size;
            FILE *out = open_memstream(&text, &size);

            stage_begin(&stage, sample_snapshot());
            stage_draw(&stage, sizes[i].cols, sizes[i].rows);
            stage_type(&stage, (const char[]){screens[s].key, '\0'});
            write(&stage.canvas, &theme, out);
            fclose(out);
            stage_end(&stage);
            snprintf(path, sizeof path, GOLDEN_DIR "/tiers/%s-%dx%d-%s.txt", screens[s].name, sizes[i].cols,
                     sizes[i].rows, kind);
            assert_golden(text, path);
        }
    }
}

static void write_ascii(const struct canvas *canvas, const struct theme *theme, FILE *out)
{
    (void)theme;
    plain_write(canvas, true, out);
}

static void write_256(const struct canvas *canvas, const struct theme *theme, FILE *out)
{
    write_styled(canvas, theme, THEME_256, out);
}

static void write_mono(const struct canvas *canvas, const struct theme *theme, FILE *out)
{
    write_styled(canvas, theme, THEME_MONO, out);
}

static void draws_every_screen_in_ascii(void **state)
{
    (void)state;
    check_all("ascii", write_ascii);
}

static void draws_every_screen_in_256_colours(void **state)
{
    (void)state;
    check_all("256", write_256);
}

static void draws_every_screen_without_colour(void **state)
{
    (void)state;
    check_all("mono", write_mono);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draws_every_screen_in_ascii),
        cmocka_unit_test(draws_every_screen_in_256_colours),
        cmocka_unit_test(draws_every_screen_without_colour),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
