-- Size of the events table with indexes, and the planner's number of all its rows.
-- database: source
-- $1 oid: the events table
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint, coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) tree
JOIN pg_class c USING (oid)
WHERE c.relkind = 'r'
