/* Many measurements in little memory: percentiles from a histogram whose buckets are at most 2 % wide. */
#pragma once

#include <stdint.h>

#define FIGURES_BUCKETS 3712

/* All zero is an empty one. */
struct figures {
    int64_t count;
    int64_t max;
    uint32_t buckets[FIGURES_BUCKETS];
};
/* Adds a value; a negative one counts as 0. */
void figures_add(struct figures *figures, int64_t value);
/* Smallest value that at least `percent` (0 … 100) of the values do not exceed, to within its bucket; 0 when
 * empty. */
int64_t figures_percentile(const struct figures *figures, double percent);
