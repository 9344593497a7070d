-- What has been copied so far.
-- database: target
-- $1 uuid: migration
SELECT coalesce(sum(c.events), 0)::bigint, count(*) FROM tenantmv.copied_range c WHERE c.migration_id = $1::uuid
