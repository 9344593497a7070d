/* One line that a person types into. Printable ASCII and UTF-8; editing by the usual keys. */
#pragma once

#include "widgets/canvas.h"

#define FIELD_MAX 200

struct field {
    char text[FIELD_MAX];
    size_t length; /* bytes; the cursor is always at the end: the lines are short */
};

void field_clear(struct field *field);
/* Adds one grapheme; false when it is full or the text is not printable. */
bool field_add(struct field *field, const char *grapheme);
void field_backspace(struct field *field);
/* Removes the last word (Ctrl-W). */
void field_erase_word(struct field *field);
/* Draws text and cursor; the end stays in sight. With `focus` the terminal's cursor goes there. */
void field_draw(const struct field *field, struct canvas *canvas, struct rect line, bool focus);
