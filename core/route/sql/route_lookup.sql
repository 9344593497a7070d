-- Where a tenant lives, the migration that moves it now with its target, and, while its home may still have to be opened,
-- the placement epoch at which the source said that it moved there.
-- database: control
-- $1 uuid: tenant
SELECT r.store_id, r.migration_state, m.id, m.target_store_id,
       (SELECT coalesce(max(s.placement_epoch), 0)
          FROM public.tenant_migrations c JOIN tenantmv.migration_state s ON s.migration_id = c.id
         WHERE c.tenant_id = r.tenant_id AND c.target_store_id = r.store_id AND c.phase = 'completed' AND s.unsettled)
FROM public.tenant_routing r
LEFT JOIN public.tenant_migrations m
    ON m.id = r.active_migration_id AND m.phase NOT IN ('completed', 'aborted', 'failed')
WHERE r.tenant_id = $1::uuid
