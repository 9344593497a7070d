-- Which versions of their catalogue rows the columns of the events table have: another text when one was added, dropped or
-- changed. Asked after events were read: whatever changed before them is seen by now.
-- database: source
-- $1 oid: events table
SELECT encode(sha256(string_agg(a.attnum || ' ' || a.xmin, ',' ORDER BY a.attnum)::bytea), 'hex') FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0
