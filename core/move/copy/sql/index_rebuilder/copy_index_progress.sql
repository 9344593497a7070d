-- How much is done of the index builds on the events table that are under way now, in thousandths of a build: a table is read, then
-- sorted, then written into the tree. An estimate: what a sort needs is not reported.
-- database: target
-- $1 oid: events table
SELECT (1000 * coalesce(sum(CASE WHEN p.phase LIKE '%loading tuples%'
                         THEN 0.6 + 0.4 * p.tuples_done / greatest(p.tuples_total, 1)
                         WHEN p.phase LIKE '%sorting%' THEN 0.6
                         ELSE 0.5 * p.blocks_done / greatest(p.blocks_total, 1) END), 0))::bigint
  FROM pg_stat_progress_create_index p
 WHERE p.datname = current_database() AND p.relid = $1::oid
