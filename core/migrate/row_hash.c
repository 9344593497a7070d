/* record_send marks NULLs and gives lengths, but it also carries type OIDs. Those of built-in types are the
 * same on every server; for other types the OID is kept out by sending the value first (a bytea then), and
 * for arrays and composites of such types, whose own binary form carries OIDs too, by their text. */
#include "migrate/row_hash.h"

#include <string.h>

bool row_hash_is_copied(const struct store_shape *source, const struct store_shape *target,
                        const struct store_column *column)
{
    const struct store_column *from = store_shape_column(source, column->name);
    const struct store_column *to = store_shape_column(target, column->name);

    return store_column_is_copied(from, to);
}

void row_hash_column(const struct store_column *column, struct buf *ret_text)
{
    /* Sessions have search_path pg_catalog, so only names of other schemas come qualified. */
    bool built_in = strchr(column->type, '.') == NULL;
    bool sends_oids = strcmp(column->send, "array_send") == 0 || strcmp(column->send, "record_send") == 0;

    if (!built_in && !sends_oids)
        buf_printf(ret_text, "%s(", column->send);
    buf_str(ret_text, "e.");
    pgx_ident(ret_text, column->name);
    buf_printf(ret_text, "::%s",
               !built_in && sends_oids ? "text" : column->type); /* a domain becomes its base */
    if (!built_in && !sends_oids)
        buf_char(ret_text, ')');
}

void row_hash_record(const struct store_shape *source, const struct store_shape *target,
                     const struct store_shape *side, struct buf *ret_list)
{
    bool first = true;

    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *column = store_shape_column(side, source->columns[i].name);

        if (!column || !row_hash_is_copied(source, target, column))
            continue;
        if (!first)
            buf_str(ret_list, ", ");
        first = false;
        row_hash_column(column, ret_list);
    }
}
