-- The first audit row of a migration that does not fit its chain, or 0; null when there is no such migration.
-- database: control
-- $1 uuid: migration
SELECT CASE WHEN EXISTS (SELECT FROM public.tenant_migrations m WHERE m.id = $1::uuid)
              OR EXISTS (SELECT FROM tenantmv.audit_head h WHERE h.migration_id = $1::uuid)
            THEN tenantmv.audit_verify($1::uuid) END
