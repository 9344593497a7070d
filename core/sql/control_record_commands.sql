-- The latest commands for a migration, oldest first; columns as in control_command_get.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT * FROM (
    SELECT c.id, c.migration_id, c.operation, c.state, c.outcome, c.requested_by, c.requested_from,
           (extract(epoch FROM c.requested_at) * 1000000)::bigint AS requested,
           coalesce((extract(epoch FROM c.finished_at) * 1000000)::bigint, 0)
      FROM tenantmv.command c
     WHERE c.migration_id = $1::uuid
     ORDER BY c.number DESC LIMIT $2::bigint
) latest ORDER BY requested
