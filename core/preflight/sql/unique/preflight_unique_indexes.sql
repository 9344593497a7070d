-- What the unique indexes of the events table enforce, as a jsonb array: name, keys (sorted, without the tenant's column,
-- which is the same in every event that moves; an unusual collation or operator class belongs to a key), the same as
-- columns or expressions to group by, the predicate, and whether NULLs count as equal. (pg_index.indnullsnotdistinct
-- exists since 15.)
-- database: store
-- $1 oid: the events table
-- $2 text: the tenant's column
SELECT coalesce(jsonb_agg(jsonb_build_object(
           'name', c.relname, 'keys', k.keys, 'columns', k.columns, 'predicate', pg_get_expr(i.indpred, i.indrelid, true),
           'nulls_equal', coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
           'using', substring(pg_get_indexdef(i.indexrelid) FROM 'USING .*'))
           ORDER BY c.relname), '[]')::text
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
CROSS JOIN LATERAL (
    SELECT coalesce(jsonb_agg(concat_ws(' ', d.key, 'COLLATE ' || l.collname, CASE WHEN NOT o.opcdefault THEN o.opcname END)
                              ORDER BY d.key), '[]') AS keys,
           coalesce(jsonb_agg(d.key ORDER BY d.key), '[]') AS columns
    FROM generate_series(1, i.indnkeyatts) n
    CROSS JOIN LATERAL (SELECT pg_get_indexdef(i.indexrelid, n, true) AS key) d
    JOIN pg_opclass o ON o.oid = i.indclass[n - 1]
    LEFT JOIN pg_collation l ON l.oid = i.indcollation[n - 1] AND l.collname <> 'default'
    WHERE d.key <> quote_ident($2::text)
) k
WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid
