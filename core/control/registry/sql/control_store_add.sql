-- Adds a store; says whether the name was free.
-- database: control
-- $1 text: id
-- $2 text: connection string without a password
-- $3 text: schema of the events table
-- $4 text: events table
-- $5 text: system identifier of the server, null when it was not looked at
-- $6 bigint: oid of the database, null
-- $7 bigint: oid of the events table, null when it was not there
-- $8 text: who
-- $9 text: from where
WITH added AS (
    INSERT INTO tenantmv.store (id, conninfo, events_schema, events_table, system_identifier, database_oid, events_oid)
    VALUES ($1::text, $2::text, $3::text, $4::text, $5::text, $6::bigint, $7::bigint)
    ON CONFLICT (id) DO NOTHING
    RETURNING *
),
noted AS (
    INSERT INTO tenantmv.registry_audit (action, subject, operator, came_from, details)
    SELECT 'store_added', a.id, coalesce(nullif($8::text, ''), session_user), $9::text,
           jsonb_build_object('after', to_jsonb(a) - 'changed_at')
      FROM added a
)
SELECT EXISTS (SELECT FROM added), CASE WHEN EXISTS (SELECT FROM added) THEN pg_notify('tenantmv_store', $1::text) END
