-- One command, with its outcome.
-- database: control
-- $1 uuid: command
SELECT id, migration_id, operation, state, outcome, requested_by, requested_from,
       (extract(epoch FROM requested_at) * 1000000)::bigint,
       coalesce((extract(epoch FROM finished_at) * 1000000)::bigint, 0)
  FROM tenantmv.command WHERE id = $1::uuid
