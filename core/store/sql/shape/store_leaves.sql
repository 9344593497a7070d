-- Leaf partitions of a partitioned table, in the order of the tree.
-- database: store
-- $1 oid: the table
SELECT relid::oid FROM pg_partition_tree($1::oid::regclass) WHERE isleaf AND relid <> $1::oid
