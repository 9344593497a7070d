-- How the values of each column can be carried to another database: 'travels', in the binary form; 'local', they mean
-- something in their own database only (object ids, transaction ids, places in the WAL); 'no binary', the binary form does
-- not exist, or holds the ids of types that a user made (arrays and composites do), which differ between databases. Looks
-- through domains, arrays, composites, ranges and multiranges. (pg_range.rngmultitypid exists since 14.)
-- database: store
-- $1 oid: the table
WITH RECURSIVE part (attnum, type, is_numbered) AS (
    SELECT a.attnum, a.atttypid, false
    FROM pg_attribute a
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT p.attnum, inner_type.oid, inner_type.is_numbered
    FROM part p
    JOIN pg_type t ON t.oid = p.type
    CROSS JOIN LATERAL (
        SELECT t.typbasetype, false WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem, true WHERE t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A'
        UNION ALL
        SELECT a.atttypid, true FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.rngsubtype, false FROM pg_range r WHERE r.rngtypid = t.oid
        UNION ALL
        SELECT r.rngtypid, false FROM pg_range r
        WHERE t.typtype = 'm' AND (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid
    ) AS inner_type (oid, is_numbered)
)
SELECT a.attname,
       CASE WHEN bool_or(n.nspname = 'pg_catalog'
                         AND (t.typname IN ('oid', 'xid', 'xid8', 'cid', 'tid', 'pg_lsn', 'pg_snapshot', 'txid_snapshot',
                                            'aclitem')
                              OR t.typname LIKE 'reg%')) THEN 'local'
            -- ids below 10000 are written down in PostgreSQL's sources, and the same everywhere
            WHEN bool_or(t.typsend::oid = 0 OR t.typreceive::oid = 0 OR (p.is_numbered AND t.oid >= 10000)) THEN 'no binary'
            ELSE 'travels' END
FROM part p
JOIN pg_attribute a ON a.attrelid = $1::oid AND a.attnum = p.attnum
JOIN pg_type t ON t.oid = p.type
JOIN pg_namespace n ON n.oid = t.typnamespace
GROUP BY a.attname
