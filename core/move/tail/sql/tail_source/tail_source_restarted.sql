-- Whether the source's server was started, or promoted from a standby, after this migration put its fence there: only then
-- may it have lost commits by itself. Both times are of the source's own clock.
-- database: source
-- $1 uuid: migration
SELECT coalesce(bool_or(greatest(pg_postmaster_start_time(), pg_last_xact_replay_timestamp()) > f.changed_at), false)
FROM tenantmv.fence f WHERE f.migration_id = $1::uuid
