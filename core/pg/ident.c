#include "pg/ident.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/err.h"
#include "lib/text.h"

static void add_quoted(struct buf *b, const char *text, char quote)
{
    buf_char(b, quote);
    for (; *text; text++) {
        if (*text == quote)
            buf_char(b, quote);
        buf_char(b, *text);
    }
    buf_char(b, quote);
}

void pgx_ident(struct buf *b, const char *name)
{
    add_quoted(b, name, '"');
}

const char *pgx_quoted(const char *name, char quoted[PGX_QUOTED_MAX])
{
    AUTO(buf) struct buf b = BUF_INIT(PGX_QUOTED_MAX - 1);

    pgx_ident(&b, name);
    text_copy(quoted, PGX_QUOTED_MAX, buf_text(&b));
    return quoted;
}

void pgx_qualified(struct buf *b, const char *schema, const char *name)
{
    pgx_ident(b, schema);
    buf_char(b, '.');
    pgx_ident(b, name);
}

void pgx_literal(struct buf *b, const char *text)
{
    if (!strchr(text, '\\')) {
        add_quoted(b, text, '\'');
        return;
    }
    buf_str(b, " E'");
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            buf_char(b, *text);
        buf_char(b, *text);
    }
    buf_char(b, '\'');
}

static const char *lookup(const struct pgx_var *vars, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(vars[i].name) == len && memcmp(vars[i].name, name, len) == 0)
            return vars[i].value;
    return NULL;
}

void pgx_array_add(struct buf *b, const char *element)
{
    buf_str(b, b->len ? "," : "{");
    buf_char(b, '"');
    for (; *element; element++) {
        if (*element == '"' || *element == '\\')
            buf_char(b, '\\');
        buf_char(b, *element);
    }
    buf_char(b, '"');
}

bool pgx_expand(struct buf *b, const char *template, const struct pgx_var *vars, size_t count,
                struct tmv_error *err)
{
    const char *p = template;

    for (;;) {
        const char *open = strstr(p, "{{");
        const char *close = open ? strstr(open, "}}") : NULL;

        if (!close)
            break;
        const char *value = lookup(vars, count, open + 2, (size_t)(close - open - 2));
        if (!value)
            return err_set(err, TMV_ERR_INTERNAL, "no value for %.*s in a statement", (int)(close - open + 2),
                           open);
        buf_add(b, p, (size_t)(open - p));
        buf_str(b, value);
        p = close + 2;
    }
    buf_str(b, p);
    return buf_ok(b, err);
}
