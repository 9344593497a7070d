-- Whether a migration is there, and what its ledger still holds.
-- database: control
-- $1 uuid: migration
SELECT (SELECT count(*) FROM public.tenant_migrations m WHERE m.id = $1::uuid),
       (SELECT count(*) FROM tenantmv.ledger l WHERE l.migration_id = $1::uuid AND l.done_at IS NULL)
