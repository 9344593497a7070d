-- One command, with its outcome. One whose time is over and that nobody has marked yet is shown as expired all the same.
-- database: control
-- $1 uuid: command
SELECT c.id, c.migration_id, c.operation, CASE WHEN tenantmv.has_expired(c) THEN 'expired' ELSE c.state END,
       CASE WHEN tenantmv.has_expired(c) THEN tenantmv.expiry_told(c, clock_timestamp()) ELSE c.outcome END,
       c.requested_by, c.requested_from,
       (extract(epoch FROM c.requested_at) * 1000000)::bigint,
       coalesce((extract(epoch FROM CASE WHEN tenantmv.has_expired(c) THEN c.expires_at ELSE c.finished_at END)
           * 1000000)::bigint, 0),
       coalesce((extract(epoch FROM c.expires_at) * 1000000)::bigint, 0)
  FROM tenantmv.command c WHERE c.id = $1::uuid
