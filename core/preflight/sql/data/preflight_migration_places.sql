-- The stores that the tenant's migrations have written to, or brought it to, and that may be one database: the newest first, and
-- whether it is the database's own store id.
-- A store of another name may lead there, and so may one whose database is not known yet, or that is registered no more.
-- database: control
-- $1 uuid: tenant
-- $2 text: the database's store id
-- $3 text: what it is, as in preflight_facts
-- $4 text: a store that was looked at, and is another database
WITH written AS (
    SELECT s.id AS store, m.phase, m.created_at
      FROM public.tenant_migrations m CROSS JOIN LATERAL (VALUES (m.source_store_id), (m.target_store_id)) AS s (id)
     WHERE m.tenant_id = $1::uuid AND m.phase NOT IN ('pending', 'completed', 'aborted', 'failed')
    UNION ALL
    (SELECT m.target_store_id, m.phase, m.created_at FROM public.tenant_migrations m
      WHERE m.tenant_id = $1::uuid AND m.phase = 'completed' ORDER BY m.completed_at DESC NULLS LAST, m.created_at DESC LIMIT 1)
)
SELECT w.store, w.store = $2::text
  FROM written w LEFT JOIN tenantmv.store s ON s.id = w.store
 WHERE w.store <> $4::text
   AND (w.store = $2::text OR s.system_identifier IS NULL OR s.system_identifier || '/' || s.database_oid || '/' = substring($3::text FROM '^[^/]*/[^/]*/'))
 ORDER BY w.created_at DESC, w.store
