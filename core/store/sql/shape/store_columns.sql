-- Columns of a table in order, with domains resolved down to their base type. Last: whether the column holds the id of the
-- transaction that wrote the row, by its type and its default; the name does not matter. And, in every row, a digest of the
-- versions of the columns' catalogue rows.
-- database: store
-- $1 oid: the table
WITH RECURSIVE resolved (attnum, type, modifier, not_null, has_default) AS (
    SELECT a.attnum, a.atttypid, a.atttypmod, a.attnotnull,
           (a.atthasdef OR a.attidentity <> '') AND a.attgenerated = ''
    FROM pg_attribute a
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT r.attnum, t.typbasetype, CASE WHEN r.modifier = -1 THEN t.typtypmod ELSE r.modifier END,
           r.not_null OR t.typnotnull, r.has_default OR t.typdefault IS NOT NULL
    FROM resolved r
    JOIN pg_type t ON t.oid = r.type
    WHERE t.typtype = 'd'
)
SELECT a.attname, format_type(r.type, r.modifier), t.typsend::regproc, r.not_null, r.has_default,
       a.attgenerated <> '',
       r.type = 'pg_catalog.xid8'::regtype AND a.attgenerated = ''
           AND coalesce(pg_get_expr(d.adbin, d.adrelid) IN ('pg_current_xact_id()', 'pg_catalog.pg_current_xact_id()'), false),
       (SELECT encode(sha256(string_agg(v.attnum || ' ' || v.xmin, ',' ORDER BY v.attnum)::bytea), 'hex') FROM pg_attribute v
         WHERE v.attrelid = $1::oid AND v.attnum > 0)
FROM resolved r
JOIN pg_type t ON t.oid = r.type AND t.typtype <> 'd'
JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = r.attnum
LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY r.attnum
