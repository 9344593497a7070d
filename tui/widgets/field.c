#include "widgets/field.h"

#include <string.h>

void field_clear(struct field *field)
{
    memset(field, 0, sizeof *field);
}

bool field_add(struct field *field, const char *grapheme)
{
    char safe[CELL_BYTES];
    int width;
    size_t n = grapheme_next(grapheme, safe, &width);

    if (n == 0 || grapheme[n] != '\0' || (safe[0] == '?' && grapheme[0] != '?'))
        return false;
    if (field->length + n >= sizeof field->text)
        return false;
    memcpy(field->text + field->length, grapheme, n + 1);
    field->length += n;
    return true;
}

void field_backspace(struct field *field)
{
    while (field->length > 0 && (field->text[field->length - 1] & 0xc0) == 0x80)
        field->length--;
    if (field->length > 0)
        field->length--;
    field->text[field->length] = '\0';
}

void field_erase_word(struct field *field)
{
    while (field->length > 0 && field->text[field->length - 1] == ' ')
        field_backspace(field);
    while (field->length > 0 && field->text[field->length - 1] != ' ')
        field_backspace(field);
}

void field_draw(const struct field *field, struct canvas *canvas, struct rect line, bool focus)
{
    const char *text = field->text;
    char grapheme[CELL_BYTES];
    int width, used;

    if (line.w < 2 || line.h < 1)
        return;
    canvas_fill(canvas, (struct rect){line.x, line.y, line.w, 1}, ROLE_INPUT, " ");
    while (text_width(text) > line.w - 1)
        text += grapheme_next(text, grapheme, &width);
    used = canvas_text(canvas, line, 0, ROLE_INPUT, text);
    if (focus) {
        canvas->cursor_x = line.x + used;
        canvas->cursor_y = line.y;
    }
}
