#include "widgets/table.h"

#include <stdio.h>

static int total(int count, const int *widths)
{
    int sum = 0, shown = 0;

    for (int i = 0; i < count; i++) {
        if (widths[i] > 0) {
            sum += widths[i];
            shown++;
        }
    }
    return sum + (shown > 1 ? (shown - 1) * TABLE_GAP : 0);
}

static int first_to_leave(const struct column *columns, int count, const int *widths)
{
    int worst = -1;

    for (int i = 0; i < count; i++)
        if (widths[i] > 0 && columns[i].drop > 0 && (worst < 0 || columns[i].drop > columns[worst].drop))
            worst = i;
    return worst;
}

/* A wide column that left late may have freed room for a narrow one that left before it. */
static void take_back(const struct column *columns, int count, int width, int *widths)
{
    for (;;) {
        int best = -1;
        for (int i = 0; i < count; i++) {
            if (widths[i] > 0 || columns[i].least == 0 ||
                (best >= 0 && columns[i].drop >= columns[best].drop))
                continue;
            widths[i] = columns[i].least;
            if (total(count, widths) <= width)
                best = i;
            widths[i] = 0;
        }
        if (best < 0)
            return;
        widths[best] = columns[best].least;
    }
}

void table_layout(const struct column *columns, int count, int width, int ret_widths[TABLE_COLUMNS_MAX])
{
    int leaves, spare;

    for (int i = 0; i < count; i++)
        ret_widths[i] = columns[i].least;
    while (total(count, ret_widths) > width && (leaves = first_to_leave(columns, count, ret_widths)) >= 0)
        ret_widths[leaves] = 0;
    take_back(columns, count, width, ret_widths);
    spare = width - total(count, ret_widths);
    for (bool gave = true; spare > 0 && gave;) { /* one column each in turn, so that all grow alike */
        gave = false;
        for (int i = 0; i < count && spare > 0; i++) {
            if (ret_widths[i] > 0 && ret_widths[i] < columns[i].want) {
                ret_widths[i]++;
                spare--;
                gave = true;
            }
        }
    }
    for (int i = 0; i < count && spare > 0; i++) {
        if (ret_widths[i] > 0 && columns[i].grow) {
            ret_widths[i] += spare;
            spare = 0;
        }
    }
}

#define WHOLE_INDENT 2
#define WHOLE_LEAVES 2 /* rows: titles and the one that it belongs to */

int table_whole_rows(const struct column *columns, int count, int column, struct rect area, const char *text)
{
    int widths[TABLE_COLUMNS_MAX], rows, most = area.h - WHOLE_LEAVES;

    table_layout(columns, count, area.w - 1, widths);
    if (text_width(text) <= widths[column] || most < 1)
        return 0;
    rows = canvas_wrap_rows(text, area.w - 2 * WHOLE_INDENT);
    return rows > most ? most : rows;
}

void table_whole_draw(struct canvas *canvas, struct rect area, const char *text)
{
    area.x += WHOLE_INDENT;
    area.w -= 2 * WHOLE_INDENT;
    canvas_wrap(canvas, area, ROLE_TEXT_STRONG, text);
}

int table_scroll(int top, int selected, int rows, int height)
{
    if (height < 1)
        return 0;
    if (selected >= 0 && selected < top)
        top = selected;
    if (selected >= top + height)
        top = selected - height + 1;
    if (top > rows - height)
        top = rows - height;
    return top < 0 ? 0 : top;
}

static void draw_titles(struct canvas *canvas, struct rect line, const struct table *table, const int *widths)
{
    struct rect cell = {line.x, line.y, 0, line.h};

    for (int i = 0; i < table->column_count; i++) {
        if (widths[i] == 0)
            continue;
        cell.w = widths[i];
        if (table->columns[i].right)
            canvas_fit_right(canvas, cell, ROLE_HEADING, table->columns[i].title);
        else
            canvas_fit(canvas, cell, ROLE_HEADING, table->columns[i].title);
        cell.x += widths[i] + TABLE_GAP;
    }
}

static void draw_row(struct canvas *canvas, struct rect line, const struct table *table, const int *widths,
                     int row)
{
    struct rect cell = {line.x + 1, line.y, 0, line.h};
    int end = line.x + line.w;

    for (int i = 0; i < table->column_count; i++) {
        if (widths[i] == 0)
            continue;
        cell.w = cell.x + widths[i] > end ? end - cell.x : widths[i];
        if (cell.w > 0)
            table->cell(table->user, row, i, canvas, cell);
        cell.x += widths[i] + TABLE_GAP;
    }
    if (row == table->selected) {
        canvas_over(canvas, line, ROLE_SELECTION);
        canvas_text(canvas, line, 0, ROLE_MARK, "▌");
    }
}

/* A part of the rows says of how many it is one. */
static void draw_part(struct canvas *canvas, struct rect titles, const struct table *table, int seen)
{
    char text[60];
    int width;

    if (seen >= table->rows)
        return;
    if (seen > 0)
        snprintf(text, sizeof text, " %d–%d of %d ", table->top + 1, table->top + seen, table->rows);
    else
        snprintf(text, sizeof text, " 0 of %d ", table->rows);
    width = text_width(text) < titles.w ? text_width(text) : titles.w;
    titles.x += titles.w - width;
    titles.w = width;
    canvas_fit(canvas, titles, ROLE_TEXT_DIM, text);
}

int table_draw(struct canvas *canvas, struct rect area, const struct table *table)
{
    int widths[TABLE_COLUMNS_MAX];
    struct rect titles = rect_top(&area, 1);
    int shown = 0;

    table_layout(table->columns, table->column_count, area.w - 1, widths);
    titles.x++;
    titles.w--;
    draw_titles(canvas, titles, table, widths);
    for (int row = table->top; row < table->rows && area.h > 0; row++, shown++)
        draw_row(canvas, rect_top(&area, 1), table, widths, row);
    draw_part(canvas, titles, table, shown);
    return shown;
}
