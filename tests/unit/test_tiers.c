/* Every screen, overlay and dialog as each kind of terminal shows them: ASCII, 256 colours (the text is
 * UTF-8), no colours. Which there are is read from the program's own tables, so a new one fails here until it
 * has its pictures. A style is written before the text it holds for as {foreground/background attributes}, -1
 * being the terminal's own. TENANTMV_WRITE_GOLDEN=1 writes the pictures anew: look at the difference before
 * you commit it. */
#include "golden.h"
#include "stage.h"

#include <ctype.h>
#include <stdlib.h>

#include "actions/actions.h"
#include "console/overlays.h"
#include "view/fleet_order.h"
#include "screens/history.h"
#include "theme/theme.h"

static const struct {
    int cols, rows;
} sizes[] = {{80, 24}, {132, 43}, {40, 10}};
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

#define THINGS_MAX 64

/* One thing that can be on the screen, and the picture's name. */
struct thing {
    char name[40];
    void (*show)(struct stage *stage, int which);
    int which;
};

static void show_screen(struct stage *stage, int which)
{
    stage_type(stage, (const char[]){screen_at(which)->key, '\0'});
}

static void show_overlay(struct stage *stage, int which)
{
    overlay_open(&stage->state, (enum overlay)which);
}

static void show_dialog(struct stage *stage, int which)
{
    confirm_open(&stage->state.confirm, action_at(which), &stage->state.model, false);
}

static void show_armed(struct stage *stage, int which)
{
    (void)which;
    show_dialog(stage, (int)(action_by_name("cutover") - action_at(0)));
    stage->state.confirm.armed_until_us = SAMPLE_NOW_US + 3000000;
}

static void show_bulk(struct stage *stage, int which)
{
    (void)which;
    for (int k = 0; k < 5; k++)
        model_mark(&stage->state.model, &stage->state.snapshot->migrations[k].id);
    confirm_open(&stage->state.confirm, action_by_name("pause"), &stage->state.model, true);
}

static void show_report(struct stage *stage, int which)
{
    stage->state.active = screen_by_key('6');
    history_open(&stage->state.model, &sample_record()->migration, which);
}

static void show_big(struct stage *stage, int which)
{
    (void)which;
    stage->state.model.big = true;
}

static void add(struct thing *things, int *count, const char *title, struct thing thing)
{
    assert_true(*count < THINGS_MAX);
    for (size_t i = 0; title[i] != '\0' && isalnum((unsigned char)title[i]) && i + 16 < sizeof thing.name;
         i++) {
        size_t end = strlen(thing.name);
        thing.name[end] = (char)tolower((unsigned char)title[i]);
        thing.name[end + 1] = '\0';
    }
    for (int i = 0; i < *count; i++)
        assert_string_not_equal(things[i].name, thing.name);
    things[(*count)++] = thing;
}

/* Whether an action asks before it does something. */
static bool asks(int action)
{
    return action_at(action)->group == GROUP_ACT && action_at(action)->what == DO_OPERATION &&
           action_at(action)->way != ACTION_AT_ONCE;
}

/* All things that there are. */
static int collect(struct thing *things)
{
    int count = 0;

    for (int i = 0; i < screen_count(); i++)
        add(things, &count, screen_at(i)->title, (struct thing){"", show_screen, i});
    for (int i = OVERLAY_NONE + 1; i < OVERLAY_COUNT; i++)
        add(things, &count, overlay_title((enum overlay)i), (struct thing){"box-", show_overlay, i});
    for (int i = 0; i < action_count(); i++)
        if (asks(i))
            add(things, &count, action_at(i)->name, (struct thing){"dialog-", show_dialog, i});
    add(things, &count, "armed", (struct thing){"dialog-", show_armed, 0});
    add(things, &count, "bulk", (struct thing){"dialog-", show_bulk, 0});
    add(things, &count, "report", (struct thing){"", show_report, 0});
    add(things, &count, "replay", (struct thing){"", show_report, 1});
    add(things, &count, "big", (struct thing){"", show_big, 0});
    return count;
}

/* A tenant that is ready is under the cursor. */
static void select_ready(struct stage *stage)
{
    stage->state.model.fleet.selected = stage->state.snapshot->migrations[0].id;
    fleet_order(&stage->state.model, true);
}

/* Every thing at every size, through one way of writing it. */
static void check_all(const char *kind, void (*write)(const struct canvas *, const struct theme *, FILE *))
{
    struct thing things[THINGS_MAX];
    struct theme theme;
    struct stage stage;
    int count = collect(things);

    theme_default(&theme);
    for (int t = 0; t < count; t++) {
        for (size_t i = 0; i < COUNT(sizes); i++) {
            char path[400], named[40], *text = NULL;
            size_t size;
            FILE *out = open_memstream(&text, &size);

            stage_begin(&stage, sample_snapshot());
            select_ready(&stage);
            stage_draw(&stage, sizes[i].cols, sizes[i].rows);
            things[t].show(&stage, things[t].which);
            stage_draw(&stage, sizes[i].cols, sizes[i].rows);
            write(&stage.canvas, &theme, out);
            fclose(out);
            stage_end(&stage);
            snprintf(named, sizeof named, "%dx%d-%s", sizes[i].cols, sizes[i].rows, kind);
            assert_golden(text, golden_path(path, GOLDEN_DIR, things[t].name, named));
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
