-- Stores the report of a verification that a person made.
-- database: control
-- $1 uuid: migration
-- $2 text: level
-- $3 boolean: consistent
-- $4 jsonb: report
INSERT INTO tenantmv.verification (migration_id, level, consistent, report)
VALUES ($1::uuid, $2::text, $3::boolean, $4::jsonb)
