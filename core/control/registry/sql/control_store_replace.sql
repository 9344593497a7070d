-- Changes how a store is reached. One that a route or a running migration uses is changed only when that was confirmed. What
-- was known of its database stays known unless the new place was looked at.
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
-- $10 boolean: also when it is in use
WITH used AS MATERIALIZED (
    SELECT 'migration ' || m.id AS who FROM public.tenant_migrations m
     WHERE m.phase NOT IN ('completed', 'aborted', 'failed') AND $1::text IN (m.source_store_id, m.target_store_id)
    UNION ALL
    SELECT 'tenant ' || r.tenant_id FROM public.tenant_routing r WHERE r.store_id = $1::text
),
before AS MATERIALIZED (SELECT s.* FROM tenantmv.store s WHERE s.id = $1::text FOR UPDATE),
replaced AS (
    UPDATE tenantmv.store s
       SET conninfo = $2::text, events_schema = $3::text, events_table = $4::text,
           system_identifier = coalesce($5::text, s.system_identifier),
           database_oid = coalesce($6::bigint, s.database_oid),
           events_oid = CASE WHEN $5::text IS NULL THEN s.events_oid ELSE $7::bigint END,
           changed_at = clock_timestamp()
      FROM before
     WHERE s.id = before.id AND ($10::boolean OR NOT EXISTS (SELECT FROM used))
    RETURNING s.*
),
noted AS (
    INSERT INTO tenantmv.registry_audit (action, subject, operator, came_from, details)
    SELECT 'store_replaced', b.id, coalesce(nullif($8::text, ''), session_user), $9::text,
           jsonb_build_object('before', to_jsonb(b) - 'changed_at', 'after', to_jsonb(r) - 'changed_at',
                              'in_use', (SELECT count(*) FROM used))
      FROM before b JOIN replaced r USING (id)
)
SELECT EXISTS (SELECT FROM before), EXISTS (SELECT FROM replaced), (SELECT count(*) FROM used),
       (SELECT coalesce(min(who), '') FROM used),
       CASE WHEN EXISTS (SELECT FROM replaced) THEN pg_notify('tenantmv_store', $1::text) END
