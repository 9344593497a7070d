/* Colours as people see them: the 256 of a terminal, contrast, and how far two of them are apart, also for
 * the colour-blind. Pure. */
#pragma once

#include <stdint.h>

struct rgb {
    uint8_t red, green, blue;
};

/* How somebody sees: protanopia lacks the long (red) cones, deuteranopia the middle ones, tritanopia the
 * short ones. */
enum vision { VISION_NORMAL, VISION_PROTAN, VISION_DEUTAN, VISION_TRITAN, VISION_COUNT };
const char *vision_name(enum vision vision);

/* The colour of a number 0 … 255; the first sixteen as xterm has them, for a person may have changed them. */
struct rgb color_rgb(int number);
/* The nearest of 16 … 255, which no palette of a terminal changes. */
int16_t color_nearest(struct rgb color);
/* WCAG 2.1 contrast ratio, 1 … 21. */
double color_contrast(struct rgb a, struct rgb b);
/* What it looks like (Machado, Oliveira, Fernandes 2009, severity 1). */
struct rgb color_seen(struct rgb color, enum vision vision);
struct lab {
    double l, a, b; /* CIELAB under D65 */
};
/* CIEDE2000 (Sharma, Wu, Dalal 2005). */
double color_lab_distance(struct lab x, struct lab y);
/* The same of two colours: about 1 is just to be seen, 20 is told apart at a glance. */
double color_distance(struct rgb a, struct rgb b);
