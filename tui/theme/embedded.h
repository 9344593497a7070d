/* The themes of themes/, built into the program. */
#pragma once

struct embedded_theme {
    const char *name;
    const char *text; /* of the file */
};

extern const struct embedded_theme embedded_themes[]; /* ends with a NULL name */
