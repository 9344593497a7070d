-- Lets an engine take a completed migration up once more: its servers have forgotten something. Nobody owns it now, so
-- the command waits for whoever looks for work. None is added while one waits.
-- database: control
-- $1 uuid: migration
-- $2 text: why
-- $3 text: who asks
WITH asked AS (
    INSERT INTO tenantmv.command (id, migration_id, operation, reason, requested_by, requested_from)
    VALUES (gen_random_uuid(), $1::uuid, 'verify', $2::text, $3::text, 'decision watch')
    ON CONFLICT DO NOTHING
    RETURNING migration_id
),
unretired AS (
    UPDATE tenantmv.migration_state s SET retired = false FROM asked WHERE s.migration_id = asked.migration_id
)
SELECT pg_notify('tenantmv', migration_id::text) FROM asked
