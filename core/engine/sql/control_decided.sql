-- Migrations that were completed within a day and are still the tenant's latest: is their decision remembered? The newest
-- first within a pair of stores. Those with a command under way are looked at anyway.
-- database: control
-- $1 bigint: at most so many
SELECT m.id, m.tenant_id, m.source_store_id, m.target_store_id
  FROM public.tenant_migrations m JOIN tenantmv.migration_state s ON s.migration_id = m.id
 WHERE m.phase = 'completed'
   AND m.completed_at BETWEEN clock_timestamp() - interval '1 day' AND clock_timestamp() - interval '3 seconds'
   AND NOT EXISTS (SELECT FROM public.tenant_migrations later
                    WHERE later.tenant_id = m.tenant_id AND later.created_at > m.created_at)
   AND NOT EXISTS (SELECT FROM tenantmv.command c
                    WHERE c.migration_id = m.id AND c.state IN ('requested', 'running'))
 ORDER BY m.source_store_id, m.target_store_id, m.completed_at DESC
 LIMIT $1::bigint
