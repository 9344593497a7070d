#include "widgets/picker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/text.h"
#include "lib/utf8.h"
#include "widgets/dialog.h"

#define KEY_LEAST 3
#define NAME_MOST 26
#define DETAIL_ROWS 3 /* the whole text of the row under the cursor */

void picker_add(struct picker_rows *rows, const struct picker_row *row)
{
    if (rows->count == rows->capacity) {
        int capacity = rows->capacity == 0 ? 32 : rows->capacity * 2;
        struct picker_row *more = realloc(rows->rows, (size_t)capacity * sizeof *more);
        if (!more)
            return;
        rows->rows = more;
        rows->capacity = capacity;
    }
    rows->rows[rows->count++] = *row;
}

void picker_add_heading(struct picker_rows *rows, const char *text)
{
    struct picker_row row = {.heading = true};

    text_copy(row.name, sizeof row.name, text);
    picker_add(rows, &row);
}

void picker_release(struct picker_rows *rows)
{
    free(rows->rows);
    *rows = (struct picker_rows){0};
}

/* ---- searching ---- */

static bool holds_word(const struct picker_row *row, const char *word, size_t length)
{
    char text[80];

    snprintf(text, sizeof text, "%.*s", (int)length, word);
    return fold_find(row->key, text) || fold_find(row->name, text) || fold_find(row->text, text);
}

static bool holds(const struct picker_row *row, const char *query)
{
    for (query += strspn(query, " "); *query != '\0'; query += strspn(query, " ")) {
        size_t length = strcspn(query, " ");
        if (!holds_word(row, query, length))
            return false;
        query += length;
    }
    return true;
}

void picker_search(struct picker_rows *rows, const char *query)
{
    int kept = 0, heading = -1;

    if (query[strspn(query, " ")] == '\0')
        return;
    for (int i = 0; i < rows->count; i++) {
        if (rows->rows[i].heading) {
            heading = i;
            continue;
        }
        if (!holds(&rows->rows[i], query))
            continue;
        if (heading >= 0) {
            struct picker_row kept_heading = rows->rows[heading];
            rows->rows[kept++] = kept_heading;
        }
        heading = -1;
        rows->rows[kept] = rows->rows[i];
        kept++;
    }
    rows->count = kept;
}

/* ---- moving ---- */

static bool can_stand(const struct picker_rows *rows, int row)
{
    return row >= 0 && row < rows->count && !rows->rows[row].heading;
}

/* The nearest row from `from` on that the cursor may stand on; -1 none that way. */
static int seek(const struct picker_rows *rows, int from, int step)
{
    while (from >= 0 && from < rows->count && !can_stand(rows, from))
        from += step;
    return can_stand(rows, from) ? from : -1;
}

static void keep_in_sight(struct picker *picker, const struct picker_rows *rows, int height)
{
    if (height < 1 || picker->top > picker->cursor)
        picker->top = picker->cursor;
    if (picker->cursor >= picker->top + height)
        picker->top = picker->cursor - height + 1;
    if (picker->top > 0 && picker->top == picker->cursor && rows->rows[picker->top - 1].heading)
        picker->top--; /* a heading belongs to what stands below it */
    if (picker->top > rows->count - height)
        picker->top = rows->count > height ? rows->count - height : 0;
}

void picker_move(struct picker *picker, const struct picker_rows *rows, int by, int height)
{
    int step = by < 0 ? -1 : 1, cursor = picker->cursor + by, found;

    cursor = cursor >= rows->count ? rows->count - 1 : cursor < 0 ? 0 : cursor;
    found = seek(rows, cursor, step);
    if (found < 0)
        found = seek(rows, cursor, -step);
    picker->cursor = found < 0 ? 0 : found;
    keep_in_sight(picker, rows, height);
}

/* ---- drawing ---- */

static bool has_query(const struct picker *picker, const struct picker_look *look)
{
    return look->label || picker->typing || picker->query.length > 0;
}

static int around(const struct rect *area, const struct picker *picker, const struct picker_look *look)
{
    return 2 + has_query(picker, look) + (look->foot[0] != '\0') + (area->h >= 16 ? DETAIL_ROWS : 0);
}

int picker_height(const struct rect *area, const struct picker *picker, const struct picker_look *look)
{
    int height = area->h - around(area, picker, look);

    return height < 0 ? 0 : height;
}

static void measure(const struct picker_rows *rows, int width, int *ret_key, int *ret_name)
{
    int most = width / 4 < NAME_MOST ? width / 4 : NAME_MOST;

    *ret_key = KEY_LEAST;
    *ret_name = 4;
    for (int i = 0; i < rows->count; i++) {
        int key = text_width(rows->rows[i].key), name = text_width(rows->rows[i].name);
        if (rows->rows[i].heading)
            continue;
        *ret_key = key > *ret_key ? key : *ret_key;
        *ret_name = name > *ret_name ? name : *ret_name;
    }
    if (*ret_name > most)
        *ret_name = most;
}

static void draw_row(const struct picker_row *row, struct canvas *canvas, struct rect line, int key_width,
                     int name_width)
{
    struct rect part = line;
    char name[160];

    if (row->heading) {
        canvas_separator(canvas, line, row->name, row->text);
        return;
    }
    part.w = key_width < line.w ? key_width : line.w;
    canvas_fit(canvas, part, row->off ? ROLE_DISABLED : ROLE_KEY, row->key);
    part = (struct rect){line.x + key_width + 1, line.y, name_width, line.h};
    if (part.x + part.w > line.x + line.w)
        part.w = line.x + line.w - part.x;
    snprintf(name, sizeof name, row->off ? "(%s)" : "%s", row->name);
    canvas_fit(canvas, part, row->off ? ROLE_DISABLED : ROLE_TEXT_STRONG, name);
    part.x += name_width + 2;
    part.w = line.x + line.w - part.x;
    canvas_fit(canvas, part, row->off ? ROLE_DISABLED : row->role, row->text);
}

static void draw_rows(const struct picker *picker, const struct picker_rows *rows,
                      const struct picker_look *look, struct canvas *canvas, struct rect in)
{
    int key_width, name_width, x = in.x, w = in.w;

    measure(rows, w, &key_width, &name_width);
    name_width += 2; /* parentheses */
    for (int i = picker->top; i < rows->count && in.h > 0; i++) {
        struct rect line = rect_top(&in, 1);
        draw_row(&rows->rows[i], canvas, (struct rect){x + 1, line.y, w - 1, 1}, key_width, name_width);
        if (i != picker->cursor || look->plain || rows->rows[i].heading)
            continue;
        canvas_text(canvas, line, 0, ROLE_SELECTION, "▌");
        canvas_over(canvas, line, ROLE_SELECTION);
    }
}

/* ---- its keys ---- */

#define KEY_GAP "   " /* between the keys of a foot */
#define FOOT_KEYS_MAX 8

struct foot_key {
    char words[48];
};

static int split_foot(const char *foot, struct foot_key ret_keys[FOOT_KEYS_MAX])
{
    int n = 0;

    while (*foot != '\0' && n < FOOT_KEYS_MAX) {
        const char *gap = strstr(foot, KEY_GAP);
        size_t length = gap ? (size_t)(gap - foot) : strlen(foot);
        snprintf(ret_keys[n++].words, sizeof ret_keys->words, "%.*s", (int)length, foot);
        foot += gap ? length + strlen(KEY_GAP) : length;
    }
    return n;
}

static int foot_width(const struct foot_key *keys, int n)
{
    int width = 0;

    for (int i = 0; i < n; i++)
        width += text_width(keys[i].words) + (i > 0 ? text_width(KEY_GAP) : 0);
    return width;
}

/* The last key gives way; Esc stays, it is the way out. False: no other is left. */
static bool leave_one_out(struct foot_key *keys, int *n)
{
    int out = *n - 1;

    while (out >= 0 && strncmp(keys[out].words, "Esc", 3) == 0)
        out--;
    if (out < 0)
        return false;
    memmove(&keys[out], &keys[out + 1], (size_t)(*n - out - 1) * sizeof *keys);
    (*n)--;
    return true;
}

/* A key that is cut is none: those that fit are shown whole. */
static void draw_foot(const char *foot, struct canvas *canvas, struct rect area)
{
    struct foot_key keys[FOOT_KEYS_MAX];
    int n = split_foot(foot, keys);
    struct line line = line_begin(canvas, area);

    while (foot_width(keys, n) > area.w && leave_one_out(keys, &n))
        continue;
    for (int i = 0; i < n; i++) {
        if (i > 0)
            line_put(&line, ROLE_HINT, KEY_GAP);
        line_put(&line, ROLE_HINT, keys[i].words);
    }
}

/* Which rows are in sight when not all are, on the frame: the keys need their line. */
static void draw_part(const struct picker *picker, int rows, int height, struct canvas *canvas,
                      struct rect border)
{
    struct line line = line_begin(canvas, border);
    char part[60];

    if (rows <= height)
        return;
    snprintf(part, sizeof part, " %d–%d of %d ", picker->top + 1,
             picker->top + height < rows ? picker->top + height : rows, rows);
    line_try_right(&line, ROLE_TEXT_DIM, part);
}

void picker_draw(const struct picker *picker, const struct picker_rows *rows, const struct picker_look *look,
                 struct canvas *canvas, struct rect area)
{
    int most = picker_height(&area, picker, look);
    int shown = rows->count < 1 ? 1 : rows->count < most ? rows->count : most;
    struct rect in =
        dialog_frame(canvas, area, (struct rect){0, 0, area.w, shown + around(&area, picker, look)},
                     DIALOG_PLAIN, look->title, look->right);
    struct rect border = {in.x, in.y + in.h, in.w, 1}, list, detail, foot;

    if (in.h < 1)
        return;
    if (has_query(picker, look)) {
        struct line line = line_begin(canvas, rect_top(&in, 1));
        line_put(&line, ROLE_KEY, look->label ? look->label : "search: ");
        field_draw(&picker->query, canvas, line.rest, picker->typing);
    }
    foot = rect_bottom(&in, look->foot[0] != '\0');
    detail = rect_bottom(&in, area.h >= 16 && in.h > DETAIL_ROWS ? DETAIL_ROWS : 0);
    list = in;
    draw_foot(look->foot, canvas, foot);
    draw_part(picker, rows->count, list.h, canvas, border);
    if (rows->count == 0)
        canvas_fit(canvas, list, ROLE_TEXT_DIM, look->empty);
    else
        draw_rows(picker, rows, look, canvas, list);
    if (detail.h > 1 && picker->cursor < rows->count && !rows->rows[picker->cursor].heading) {
        canvas_separator(canvas, rect_top(&detail, 1), rows->rows[picker->cursor].name, "");
        canvas_wrap(canvas, detail, rows->rows[picker->cursor].role, rows->rows[picker->cursor].text);
    }
}
