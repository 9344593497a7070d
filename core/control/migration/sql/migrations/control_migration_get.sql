-- One migration as an engine needs it.
-- database: control
-- $1 uuid: migration
SELECT id, tenant_id, source_store_id, target_store_id, phase, coalesce(is_paused, false), coalesce(pause_reason, ''),
       coalesce(created_by, ''), config::text, coalesce(events_total, 0), coalesce(events_copied, 0),
       coalesce(s.ending, ''), coalesce(s.watermark, 0), coalesce(s.verified_to, 0)
  FROM public.tenant_migrations LEFT JOIN tenantmv.migration_state s ON s.migration_id = id WHERE id = $1::uuid
