#include "view/gates.h"

#include "widgets/width.h"

#define TWO_COLUMNS 66 /* an area as wide as that has room for two */
#define GLYPH 2        /* columns of the mark and its blank */
#define GAP 2          /* between name and what was seen, and between two gates */

bool gates_unknown(const struct tmv_migration *m)
{
    for (size_t i = 0; i < m->gate_count; i++)
        if (m->gates[i].unknown)
            return true;
    return false;
}

size_t gates_green(const struct tmv_migration *m)
{
    size_t green = 0;

    for (size_t i = 0; i < m->gate_count; i++)
        green += m->gates[i].green;
    return green;
}

static bool fits_half(const struct tmv_migration *m, size_t i, int width)
{
    int seen = text_width(m->gates[i].seen);

    return width >= TWO_COLUMNS && i < m->gate_count &&
           GLYPH + text_width(m->gates[i].name) + (seen > 0 ? GAP + seen : 0) + GAP <= width / 2;
}

/* How many gates stand on the line that begins with gate `i`. */
static size_t on_line(const struct tmv_migration *m, size_t i, int width)
{
    return fits_half(m, i, width) && fits_half(m, i + 1, width) ? 2 : 1;
}

int gates_rows(const struct tmv_migration *m, int width)
{
    int rows = 0;

    for (size_t i = 0; i < m->gate_count; i += on_line(m, i, width))
        rows++;
    return rows;
}

static void gate_draw(struct line line, const struct tmv_gate *gate)
{
    if (gate->unknown)
        line_put(&line, ROLE_LEVEL_WARN, "? ");
    else
        line_put(&line, gate->green ? ROLE_LEVEL_OK : ROLE_LEVEL_CRIT, gate->green ? "✓ " : "✗ ");
    line_put(&line, gate->green ? ROLE_TEXT : ROLE_TEXT_STRONG, gate->name);
    if (gate->seen[0] != '\0')
        line_putf(&line, gate->green ? ROLE_TEXT_DIM : ROLE_LEVEL_WARN, "  %s", gate->seen);
}

int gates_draw(const struct tmv_migration *m, struct canvas *canvas, struct rect area)
{
    int rows = 0;

    for (size_t i = 0, n; i < m->gate_count && area.h > 0; i += n, rows++) {
        struct rect row = rect_top(&area, 1);
        int half = row.w / 2;
        n = on_line(m, i, row.w);
        if (area.h == 0 && i + n < m->gate_count) { /* the last row, and not the last gate */
            struct line line = line_begin(canvas, row);
            line_putf(&line, ROLE_LEVEL_WARN, "… %zu of %zu gates not shown", m->gate_count - i,
                      m->gate_count);
            return rows + 1;
        }
        gate_draw(line_begin(canvas, row), &m->gates[i]);
        if (n == 2)
            gate_draw(line_begin(canvas, (struct rect){row.x + half, row.y, row.w - half, 1}),
                      &m->gates[i + 1]);
    }
    return rows;
}
