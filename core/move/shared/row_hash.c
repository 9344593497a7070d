/* record_send marks NULLs and gives lengths, but it also carries type OIDs. Those of built-in types are the
 * same on every server; for other types the OID is kept out by sending the value first (a bytea then), and
 * for arrays and composites of such types, whose own binary form carries OIDs too, by their text. */
#include "move/shared/row_hash.h"

#include <string.h>

bool row_hash_has(const struct store_shape *source, const struct store_shape *target,
                  const struct store_column *column)
{
    const struct store_column *from = store_shape_column(source, column->name);
    const struct store_column *to = store_shape_column(target, column->name);

    return from && (store_column_is_copied(from, to) || store_column_is_watched(from, to));
}

/* A column that is not copied must stay without values: whether it has one is in the hash, and the target
 * always says that it has none. (IS NULL would call a composite of NULLs nothing.) */
static void add_watched(const struct store_column *column, bool of_source, struct buf *ret_list)
{
    if (!of_source) {
        buf_str(ret_list, "false");
        return;
    }
    buf_str(ret_list, "num_nulls(e.");
    pgx_ident(ret_list, column->name);
    buf_str(ret_list, ") = 0");
}

void row_hash_column(const struct store_column *column, struct buf *ret_text)
{
    /* Sessions have search_path pg_catalog, so only names of other schemas come qualified. */
    bool built_in = !strchr(column->type, '.');
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

static void add_column(const struct store_shape *source, const struct store_shape *target,
                       const struct store_shape *side, const struct store_column *from, struct buf *ret_list)
{
    if (store_column_is_copied(from, store_shape_column(target, from->name)))
        row_hash_column(store_shape_column(side, from->name), ret_list);
    else
        add_watched(from, side == source, ret_list);
}

static void add_record(const struct store_shape *source, const struct store_shape *target,
                       const struct store_shape *side, const char *without, struct buf *ret_list)
{
    bool first = ret_list->len == 0;

    for (size_t i = 0; i < source->column_count; i++) {
        const struct store_column *from = &source->columns[i];

        if (!row_hash_has(source, target, from) || (without && strcmp(from->name, without) == 0))
            continue;
        if (!first)
            buf_str(ret_list, ", ");
        first = false;
        add_column(source, target, side, from, ret_list);
    }
}

void row_hash_record(const struct store_shape *source, const struct store_shape *target,
                     const struct store_shape *side, struct buf *ret_list)
{
    add_record(source, target, side, NULL, ret_list);
}

void row_hash_record_in_order(const struct store_shape *source, const struct store_shape *target,
                              const struct store_shape *side, struct buf *ret_list)
{
    buf_str(ret_list, "e." ROW_HASH_ORDINAL);
    add_record(source, target, side, store_profile_eventsource_py.position, ret_list);
}
