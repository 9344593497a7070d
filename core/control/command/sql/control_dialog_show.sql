-- A person has a dialog before an operation open; said again every few seconds while it is. What nobody said again for
-- a minute goes. It refers to nothing and waits for nobody: it must never hold an engine up.
-- database: control
-- $1 uuid: id of the dialog
-- $2 uuid: migration
-- $3 text: operation
-- $4 text: who
-- $5 text: from where
WITH gone AS (
    DELETE FROM tenantmv.dialog WHERE id IN (
        SELECT d.id FROM tenantmv.dialog d
         WHERE d.seen_at < clock_timestamp() - interval '1 minute' AND d.id <> $1::uuid
           FOR UPDATE SKIP LOCKED)
),
shown AS (
    INSERT INTO tenantmv.dialog (id, migration_id, operation, operator, came_from)
    VALUES ($1::uuid, $2::uuid, $3::text, $4::text, $5::text)
    ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp()
    RETURNING xmax = 0 AS first
)
SELECT CASE WHEN first THEN pg_notify('tenantmv', $2::text) END FROM shown
