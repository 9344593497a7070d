-- Verification reports of a migration, newest first. A report is JSON that may come from a newer program: what is not a
-- number is null.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT v.level, v.consistent, (extract(epoch FROM v.made_at) * 1000000)::bigint, v.report::text
  FROM tenantmv.verification v
 WHERE v.migration_id = $1::uuid
 ORDER BY v.id DESC LIMIT $2::bigint
