-- No usable index that begins with the position: every look at the tail would read the whole table.
-- database: store
-- $1 oid: the events table
-- $2 text: the position's column
SELECT format('%s has no index that begins with %s', $1::oid::regclass, $2::text),
       format('CREATE INDEX ON %s (%I);', $1::oid::regclass, $2::text)
WHERE NOT EXISTS (
    SELECT FROM pg_index i
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = $1::oid AND a.attname = $2::name AND i.indisvalid AND i.indpred IS NULL)
