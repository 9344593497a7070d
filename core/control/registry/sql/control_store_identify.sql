-- Remembers which database a store was at first contact, for one that was registered without a look. Nothing that is known
-- already is changed, and nothing when the store was replaced meanwhile.
-- database: control
-- $1 text: id
-- $2 text: the connection string that led there
-- $3 text: system identifier of the server
-- $4 bigint: oid of the database
-- $5 bigint: oid of the events table, null when it is not there
-- $6 text: who
WITH known AS (
    UPDATE tenantmv.store s
       SET system_identifier = $3::text, database_oid = $4::bigint, events_oid = coalesce(s.events_oid, $5::bigint)
     WHERE s.id = $1::text AND s.conninfo = $2::text
       AND (s.system_identifier IS NULL
            OR (s.system_identifier = $3::text AND s.database_oid = $4::bigint AND s.events_oid IS NULL))
    RETURNING s.*
),
noted AS (
    INSERT INTO tenantmv.registry_audit (action, subject, operator, came_from, details)
    SELECT 'store_identified', k.id, $6::text, 'first contact', jsonb_build_object('after', to_jsonb(k) - 'changed_at')
      FROM known k
)
SELECT EXISTS (SELECT FROM known), CASE WHEN EXISTS (SELECT FROM known) THEN pg_notify('tenantmv_store', $1::text) END
