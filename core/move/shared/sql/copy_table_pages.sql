-- Pages of a table and of its partitions.
-- database: store
-- $1 oid: the table
SELECT coalesce(sum(pg_relation_size(t.relid)), 0)::bigint / current_setting('block_size')::bigint
FROM (SELECT relid FROM pg_partition_tree($1::oid::regclass) UNION SELECT $1::oid::regclass) t
