/* SQL text from templates: the one place where identifiers are quoted and put into statements.
 *
 * A template holds {{name}}. Values come as identifiers (quoted here), qualified names, literals, or
 * fragments that this module built before.
 */
#pragma once

#include "lib/buf.h"

/* Appends "name" with quotes doubled. */
void pgx_ident(struct buf *b, const char *name);
#define PGX_QUOTED_MAX 132 /* of a name of 63 bytes that is nothing but quotes */
/* The same for a message that shows a statement; returns `quoted`. What is longer than a name is cut. */
const char *pgx_quoted(const char *name, char quoted[PGX_QUOTED_MAX]);
/* Appends "schema"."name". */
void pgx_qualified(struct buf *b, const char *schema, const char *name);
/* Appends 'text' as a standard string literal (E'' form when a backslash is inside). */
void pgx_literal(struct buf *b, const char *text);

/* Appends one more element to the text form of an array of texts, "{…": begin with an empty buffer and end
 * with buf_char(b, '}'). */
void pgx_array_add(struct buf *b, const char *element);

struct pgx_var {
    const char *name;
    const char *value; /* inserted as it is: build it with the functions above, or from numbers */
};
/* Replaces every {{name}} by its variable; an unknown one is an INTERNAL error. Appends to `b`. */
TMV_NODISCARD bool pgx_expand(struct buf *b, const char *template, const struct pgx_var *vars, size_t count,
                              struct tmv_error *err);
