-- Whether something that follows a decision is still to be done.
-- database: control
-- $1 uuid: migration
SELECT coalesce((SELECT s.unsettled FROM tenantmv.migration_state s WHERE s.migration_id = $1::uuid), false)
