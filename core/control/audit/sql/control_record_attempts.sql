-- A migration's attempts to cut over, newest first; columns as in control_snapshot_attempts.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT a.number, a.migration_id, a.rehearsal, a.outcome, a.reason, a.requested_by,
       (extract(epoch FROM a.started_at) * 1000000)::bigint, a.lock_us, a.drain_us, a.decide_us, a.pause_us,
       a.drained_events, a.held_writers
  FROM tenantmv.cutover_attempt a
 WHERE a.migration_id = $1::uuid
 ORDER BY a.number DESC LIMIT $2::bigint
