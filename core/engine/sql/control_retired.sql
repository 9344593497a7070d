-- Both stores of a completed migration keep its tenant without triggers of its own.
-- database: control
-- $1 uuid: migration
UPDATE tenantmv.migration_state s SET retired = true WHERE s.migration_id = $1::uuid
