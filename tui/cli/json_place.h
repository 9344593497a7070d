/* Where a key stands in a JSON text. cJSON parses, but forgets places; members keep their order, so "the
 * third key of the second member" is enough to find a key again. */
#pragma once

#include <stddef.h>

/* Byte offset of the opening quote of a key: path[0] is its index in the outermost object, or, with `depth`
 * 2, path[1] is its index in the object that is the value of key path[0]. `text` must be valid JSON whose
 * root is an object. Returns 0 when there is no such key. */
size_t json_key_offset(const char *text, const size_t *path, size_t depth);
/* Line (from 1) of a byte offset. */
int text_line(const char *text, size_t offset);
