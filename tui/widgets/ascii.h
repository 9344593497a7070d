/* What a terminal without UTF-8 gets instead of a grapheme: always one printable ASCII character per column.
 */
#pragma once

#include "widgets/width.h"

/* ASCII of one column for a grapheme that views use; "?" for what has none. */
const char *ascii_for(const char *grapheme);
