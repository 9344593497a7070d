#include "widgets/plain.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "widgets/ascii.h"

static int row_end(const struct canvas *canvas, int y)
{
    int end = canvas->cols;

    while (end > 0 && strcmp(canvas_at(canvas, end - 1, y)->text, " ") == 0)
        end--;
    return end;
}

static void write_row(const struct canvas *canvas, int y, bool ascii, FILE *out)
{
    int end = row_end(canvas, y);

    for (int x = 0; x < end; x++) {
        const struct cell *cell = canvas_at(canvas, x, y);
        fputs(ascii ? ascii_for(cell->text) : cell->text, out);
        if (ascii && cell->width == 2)
            fputc(' ', out);
    }
}

void plain_write(const struct canvas *canvas, bool ascii, FILE *out)
{
    for (int y = 0; y < canvas->rows; y++) {
        write_row(canvas, y, ascii, out);
        fputc('\n', out);
    }
}

bool plain_contains(const struct canvas *canvas, const char *text)
{
    AUTO_FREE char *all = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&all, &size);
    bool found;

    if (!out)
        return false;
    plain_write(canvas, false, out);
    fclose(out);
    found = all && strstr(all, text);
    return found;
}
