-- Verification reports of a migration, newest first.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT v.id, (extract(epoch FROM v.made_at) * 1000000)::bigint, v.level, v.consistent, v.report::text
  FROM tenantmv.verification v
 WHERE v.migration_id = $1::uuid
 ORDER BY v.id DESC
 LIMIT $2::bigint
