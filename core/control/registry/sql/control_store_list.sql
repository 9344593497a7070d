-- Stores by id.
-- database: control
-- $1 text: id of one store, null for all
SELECT id, conninfo, events_schema, events_table, coalesce(system_identifier, ''), coalesce(database_oid, 0),
       coalesce(events_oid, 0)
  FROM tenantmv.store
 WHERE $1::text IS NULL OR id = $1::text ORDER BY id
