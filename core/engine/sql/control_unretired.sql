-- Completed migrations whose tenant still has triggers of its own in the stores, in no order: one that has to wait keeps
-- no other from its turn.
-- Where the old store is kept current, only that one gives them up: in the other one they make its events countable.
-- database: control
-- $1 bigint: at most so many
-- $2 bigint: completed at most so many seconds ago; 0: whenever
SELECT m.id, m.tenant_id, m.source_store_id, m.target_store_id, s.ending IN ('hold', 'finalizing')
  FROM public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = m.id
 WHERE m.phase = 'completed' AND NOT s.retired AND NOT s.unsettled
   AND m.completed_at < clock_timestamp() - interval '3 seconds'
   AND ($2::bigint = 0 OR m.completed_at > clock_timestamp() - $2::bigint * interval '1 second')
 ORDER BY random()
 LIMIT $1::bigint
