/* Boxes that lie over a screen: a frame with a title, centred, and buttons. */
#pragma once

#include "widgets/canvas.h"

enum dialog_kind {
    DIALOG_PLAIN,
    DIALOG_DANGER /* a double frame: it is told apart without colour */
};

/* Clears and frames a box of at most size.w × size.h cells in the middle of `area`; returns its inside (a
 * blank column at each side is kept free). `right` stands at the right of the title line, "" none. */
struct rect dialog_frame(struct canvas *canvas, struct rect area, struct rect size, enum dialog_kind kind,
                         const char *title, const char *right);

struct button {
    const char *label;
    bool enabled; /* else in parentheses */
    bool focus;
};
/* Buttons on one line, from its left end. */
void dialog_buttons(struct canvas *canvas, struct rect line, const struct button *buttons, int count);
