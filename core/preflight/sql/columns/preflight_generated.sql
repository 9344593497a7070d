-- What the table computes: the expressions of its generated columns, as an array of "column = expression".
-- database: store
-- $1 oid: the events table
SELECT coalesce(array_agg(format('%I = %s', a.attname, pg_get_expr(d.adbin, d.adrelid)) ORDER BY a.attnum), '{}')::text,
       count(*)
FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::oid AND a.attgenerated <> '' AND NOT a.attisdropped
