-- The latest attempts to cut over, newest first.
-- database: control
-- $1 uuid: one tenant, null for all
-- $2 bigint: at most so many
SELECT a.number, a.migration_id, a.rehearsal, a.outcome, a.reason, a.requested_by,
       (extract(epoch FROM a.started_at) * 1000000)::bigint, a.lock_us, a.drain_us, a.decide_us, a.pause_us,
       a.drained_events, a.held_writers
  FROM tenantmv.cutover_attempt a
 WHERE $1::uuid IS NULL
    OR a.migration_id IN (SELECT m.id FROM public.tenant_migrations m WHERE m.tenant_id = $1::uuid)
 ORDER BY a.started_at DESC, a.number DESC LIMIT $2::bigint
