#include "screens/big.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "view/health.h"
#include "view/states.h"

#define DIGIT_W 8 /* two columns for each of three dots, and a gap */
#define DIGIT_H 5
#define TILE_DIGITS 3
#define TILE_MOST 999 /* more is written in the title */
#define TILE_W (TILE_DIGITS * DIGIT_W)
#define TILE_H (DIGIT_H + 2)

/* Rows of three dots, most significant bit at the left. */
static const unsigned char digits[10][DIGIT_H] = {
    {7, 5, 5, 5, 7}, {2, 6, 2, 2, 7}, {7, 1, 7, 4, 7}, {7, 1, 3, 1, 7}, {5, 5, 7, 1, 1},
    {7, 4, 7, 1, 7}, {7, 4, 7, 5, 7}, {7, 1, 2, 2, 2}, {7, 5, 7, 5, 7}, {7, 5, 7, 1, 7},
};

struct tile {
    const char *title;
    enum role role;
    int count;
};

#define TILES 6

static int bounded(int64_t count)
{
    return count > INT_MAX ? INT_MAX : (int)count;
}

static void fill_tiles(const struct tmv_snapshot *snapshot, struct tile tiles[TILES])
{
    static const enum tmv_display_state states[TILES - 1] = {TMV_SHOW_CUTOVER, TMV_SHOW_READY, TMV_SHOW_SYNC,
                                                             TMV_SHOW_COPY, TMV_SHOW_DONE};
    enum health worst = fleet_health(snapshot);

    tiles[0] = (struct tile){"PROBLEMS",
                             worst == HEALTH_BAD    ? ROLE_LEVEL_CRIT
                             : worst == HEALTH_WARN ? ROLE_LEVEL_WARN
                                                    : ROLE_LEVEL_OK,
                             bounded(fleet_problems(snapshot))};
    for (int i = 1; i < TILES; i++) {
        const struct state_look *look = state_look(states[i - 1]);
        int64_t count = snapshot_count(snapshot, states[i - 1]);

        if (states[i - 1] == TMV_SHOW_DONE) /* they have moved, too */
            count += snapshot_count(snapshot, TMV_SHOW_HOLD);
        tiles[i] = (struct tile){look->word, look->role, bounded(count)};
    }
}

static void draw_digit(struct canvas *canvas, struct rect at, enum role role, int digit)
{
    for (int y = 0; y < DIGIT_H; y++)
        for (int x = 0; x < 3; x++)
            if (digits[digit][y] & (4 >> x))
                canvas_fill(canvas, (struct rect){at.x + 2 * x, at.y + y, 2, 1}, role, "█");
}

static void draw_tile(struct canvas *canvas, struct rect at, const struct tile *tile)
{
    char number[16], title[40];
    bool fits = tile->count <= TILE_MOST;

    snprintf(title, sizeof title, fits ? "%s" : "%s %d", tile->title, tile->count);
    canvas_fit(canvas, (struct rect){at.x, at.y, at.w, 1}, ROLE_HEADING, title);
    snprintf(number, sizeof number, "%d", fits ? tile->count : TILE_MOST);
    at.y++;
    for (const char *c = number; *c != '\0'; c++, at.x += DIGIT_W)
        draw_digit(canvas, at, tile->count == 0 ? ROLE_TEXT_DIM : tile->role, *c - '0');
}

static void draw_words(struct canvas *canvas, struct rect area, const struct tile tiles[TILES])
{
    for (int i = 0; i < TILES; i++) {
        struct line line = line_begin(canvas, rect_top(&area, 1));
        line_putf(&line, tiles[i].role, " %s %d", tiles[i].title, tiles[i].count);
    }
}

static void draw_problems(const struct model *model, struct canvas *canvas, struct rect area)
{
    const struct tmv_snapshot *snapshot = model->snapshot;

    for (size_t i = 0; i < snapshot->migration_count && area.h > 0; i++) {
        const struct tmv_migration *m = &snapshot->migrations[i];
        char name[TENANT_NAME_MAX];
        const char *why;
        enum health health = migration_health(snapshot, m, &why);
        if (health == HEALTH_WELL)
            continue;
        struct line line = line_begin(canvas, rect_top(&area, 1));
        line_putf(&line, health == HEALTH_BAD ? ROLE_LEVEL_CRIT : ROLE_LEVEL_WARN, " %s ",
                  health == HEALTH_BAD ? "✗" : "!");
        line_putf(&line, ROLE_TEXT_STRONG, "%s ", tenant_name(&model->names, &m->tenant, name));
        line_putf(&line, ROLE_TEXT, "%s", why);
        if (m->show == TMV_SHOW_FAILED && m->last_error[0] != '\0')
            line_putf(&line, ROLE_TEXT, ": %s", m->last_error);
        else if (m->pause_reason[0] != '\0')
            line_putf(&line, ROLE_TEXT, ": %s", m->pause_reason);
    }
}

void big_draw(const struct model *model, struct canvas *canvas, struct rect area)
{
    struct tile tiles[TILES];
    int across = (area.w - 1) / TILE_W, rows;

    canvas_fill(canvas, area, ROLE_TEXT, " ");
    if (!model->snapshot) {
        area.x += 2;
        area.w -= 4;
        canvas_wrap(canvas, area, ROLE_TEXT_STRONG,
                    model->link_error[0] != '\0' ? model->link_error : "Waiting for the first picture …");
        return;
    }
    fill_tiles(model->snapshot, tiles);
    if (across < 1 || area.h < TILE_H || canvas->words) {
        draw_words(canvas, rect_top(&area, TILES), tiles);
    } else {
        across = across > TILES ? TILES : across;
        rows = (TILES + across - 1) / across;
        rows = rows * TILE_H > area.h ? area.h / TILE_H : rows;
        for (int i = 0; i < rows * across && i < TILES; i++)
            draw_tile(
                canvas,
                (struct rect){area.x + 1 + i % across * TILE_W, area.y + i / across * TILE_H, TILE_W, 1},
                &tiles[i]);
        rect_top(&area, rows * TILE_H);
    }
    draw_problems(model, canvas, area);
}
