/* "Did you mean": the nearest of a list of words. */
#pragma once

#include <stddef.h>

/* Number of single-character insertions, removals, replacements and swaps of neighbours between two words
 * (optimal string alignment). Words longer than 63 bytes count as infinitely far. */
size_t word_distance(const char *a, const char *b);
/* The word of the NULL-terminated list that is near enough to `typed` to be worth offering, or NULL. */
const char *suggest(const char *typed, const char *const *words);
