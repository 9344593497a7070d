-- What the types that users made, as far as the copied columns hold them, are made of: one line for each label, attribute,
-- base type or subtype, as an array. (pg_range.rngmultitypid exists since 14.)
-- database: source
-- $1 oid: the events table
-- $2 text[]: names of the copied columns
WITH RECURSIVE part (type) AS (
    SELECT a.atttypid FROM pg_attribute a
    WHERE a.attrelid = $1::oid AND a.attname = ANY ($2::text[]) AND a.attnum > 0 AND NOT a.attisdropped
    UNION
    SELECT inner_type.oid
    FROM part p
    JOIN pg_type t ON t.oid = p.type
    CROSS JOIN LATERAL (
        SELECT t.typbasetype WHERE t.typtype = 'd'
        UNION ALL
        SELECT t.typelem WHERE t.typelem <> 0 AND t.typlen = -1 AND t.typcategory = 'A'
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a
        WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid
        UNION ALL
        SELECT r.rngtypid FROM pg_range r WHERE t.typtype = 'm' AND (to_jsonb(r) ->> 'rngmultitypid')::oid = t.oid
    ) AS inner_type (oid)
), line (text) AS (
    SELECT format('%s has the label %L', format_type(e.enumtypid, NULL), e.enumlabel)
    FROM part p JOIN pg_enum e ON e.enumtypid = p.type
    UNION ALL
    SELECT format('attribute %s of %s is %I %s', row_number() OVER (PARTITION BY t.oid ORDER BY a.attnum),
                  format_type(t.oid, NULL), a.attname, format_type(a.atttypid, a.atttypmod))
    FROM part p JOIN pg_type t ON t.oid = p.type AND t.typtype = 'c'
    JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT format('%s has %s attributes', format_type(t.oid, NULL), count(*))
    FROM part p JOIN pg_type t ON t.oid = p.type AND t.typtype = 'c'
    JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
    GROUP BY t.oid
    UNION ALL
    SELECT format('%s is a domain over %s', format_type(t.oid, NULL), format_type(t.typbasetype, t.typtypmod))
    FROM part p JOIN pg_type t ON t.oid = p.type AND t.typtype = 'd'
    UNION ALL
    SELECT format('%s is a range of %s', format_type(r.rngtypid, NULL), format_type(r.rngsubtype, NULL))
    FROM part p JOIN pg_range r ON r.rngtypid = p.type
)
SELECT coalesce(array_agg(DISTINCT line.text), '{}')::text FROM line
