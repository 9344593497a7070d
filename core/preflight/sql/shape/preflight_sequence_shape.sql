-- What keeps the position's sequence from being exactly one number after another.
-- database: store
-- $1 text: the sequence, quoted and qualified
-- $2 oid: the events table
-- $3 text: the position's column
WITH wrong AS (
    SELECT 'increment ' || seqincrement AS what, 'INCREMENT BY 1' AS fix FROM pg_sequence
    WHERE seqrelid = to_regclass($1::text)::oid AND seqincrement <> 1
    UNION ALL
    SELECT 'CYCLE', 'NO CYCLE' FROM pg_sequence WHERE seqrelid = to_regclass($1::text)::oid AND seqcycle
    UNION ALL
    SELECT 'CACHE ' || seqcache, 'CACHE 1' FROM pg_sequence WHERE seqrelid = to_regclass($1::text)::oid AND seqcache <> 1
    UNION ALL
    SELECT format('type %s while the column is %s', format_type(seqtypid, NULL), format_type(a.atttypid, NULL)),
           'AS ' || format_type(a.atttypid, NULL)
    FROM pg_sequence JOIN pg_attribute a ON a.attrelid = $2::oid AND a.attname = $3::name
    WHERE seqrelid = to_regclass($1::text)::oid AND seqtypid <> a.atttypid
)
SELECT format('the sequence %s has %s', $1::text, string_agg(what, ', ')),
       format('ALTER SEQUENCE %s %s;', $1::text, string_agg(fix, ' '))
FROM wrong
HAVING count(*) > 0
UNION ALL
SELECT format('%s is part of the partition key of %s', $3, string_agg(p.partrelid::regclass::text, ', ')),
       'the guard allocates the position after the row was routed to its partition: partition by another column'
FROM pg_partitioned_table p
WHERE p.partrelid IN (SELECT $2::oid UNION SELECT relid FROM pg_partition_tree($2::oid::regclass))
  AND (SELECT attnum FROM pg_attribute WHERE attrelid = p.partrelid AND attname = $3::name) = ANY (p.partattrs::int2[])
HAVING count(*) > 0
LIMIT 1
