/* Golden pictures of a live system: what a screen says every time, in its order, is golden; what depends on
 * the moment is left open by a line of dots. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether a masked picture has the golden's lines; between two of them a line "…" in the golden stands for
 * any number of lines, also none. On false *ret_missing is the first golden line that was not found (borrowed
 * from `golden`, not terminated at its end). */
bool walk_golden_matches(const char *golden, const char *masked, const char **ret_missing);
/* What a golden and one more masked picture have in common, at most `size` bytes: the new golden. An empty
 * golden knows nothing yet: the picture as it is. */
void walk_golden_merge(const char *golden, const char *masked, char *merged, size_t size);
