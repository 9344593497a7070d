/* A picture of the running program without what is never twice the same: figures, names made at random, and
 * what a plot draws. What stays are the words, their order and their place in the list of lines. */
#pragma once

#include <stddef.h>

/* Writes the masked picture to `masked`, cut at `size`. */
void walk_mask(const char *picture, char *masked, size_t size);
