-- Whether a migration of the tenant has begun to write to a store: then what it does there is better than a trial.
-- database: control
-- $1 uuid: tenant
SELECT count(*) > 0 FROM public.tenant_migrations m
WHERE m.tenant_id = $1::uuid AND m.phase NOT IN ('pending', 'completed', 'aborted', 'failed')
