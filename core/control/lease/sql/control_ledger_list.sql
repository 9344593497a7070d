-- Objects of a migration that still stand, newest first.
-- database: control
-- $1 uuid: migration
-- $2 text: kind, null for all
SELECT id, store, kind, name, remove_when, undo, coalesce(facts::text, '')
  FROM tenantmv.ledger
 WHERE migration_id = $1::uuid AND done_at IS NULL AND ($2::text IS NULL OR kind = $2::text)
 ORDER BY id DESC
