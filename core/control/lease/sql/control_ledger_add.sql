-- A row of the ledger, before the object is created; an open row of the same object is kept.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: store, source or target
-- $5 text: kind
-- $6 text: name
-- $7 text: removed when: always, abort, finalize
-- $8 text: statement that removes or restores it
-- $9 jsonb: facts, may be null
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
added AS (
    INSERT INTO tenantmv.ledger AS l (migration_id, owner_epoch, store, kind, name, remove_when, undo, facts)
    SELECT $1::uuid, $2::bigint, $4::text, $5::text, $6::text, $7::text, $8::text, $9::jsonb FROM mine WHERE mine.ok
    ON CONFLICT (migration_id, store, kind, name) WHERE done_at IS NULL DO UPDATE SET owner_epoch = $2::bigint
    RETURNING l.id
)
SELECT mine.ok, added.id FROM mine LEFT JOIN added ON true
