-- The latest commands for a migration, oldest first; columns as in control_command_get.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT * FROM (
    SELECT c.id, c.migration_id, c.operation, CASE WHEN tenantmv.has_expired(c) THEN 'expired' ELSE c.state END,
           CASE WHEN tenantmv.has_expired(c) THEN tenantmv.expiry_told(c, clock_timestamp()) ELSE c.outcome END,
           c.requested_by, c.requested_from,
           (extract(epoch FROM c.requested_at) * 1000000)::bigint AS requested,
           coalesce((extract(epoch FROM CASE WHEN tenantmv.has_expired(c) THEN c.expires_at ELSE c.finished_at END)
               * 1000000)::bigint, 0),
           coalesce((extract(epoch FROM c.expires_at) * 1000000)::bigint, 0)
      FROM tenantmv.command c
     WHERE c.migration_id = $1::uuid
     ORDER BY c.number DESC LIMIT $2::bigint
) latest ORDER BY requested
