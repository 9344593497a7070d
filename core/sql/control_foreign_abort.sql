-- Ends another program's migration, by compare-and-set on what a person saw of it: its phase and its program's last sign.
-- Nothing is taken back in the stores, where nothing of ours is. The lock of eventsource-py's own cutover is tried, so that
-- none can begin meanwhile. From cutover the only legal end is failed. outcome: ok; ours; ended; cutting (its program holds
-- the lock); moved (routing says that the tenant lives elsewhere already); changed. No row: no such migration.
-- database: control
-- $1 uuid: migration
-- $2 text: phase that was seen
-- $3 bigint: last sign that was seen, in microseconds since 1970
-- $4 text: reason
-- $5 text: who asks
-- $6 text: from where
WITH seen AS MATERIALIZED (
    SELECT m.id, m.tenant_id, m.phase, m.created_by, r.store_id, coalesce(s.generation, 0) <> 0 AS ours,
           (r.store_id <> m.source_store_id) IS TRUE AS moved,
           CASE WHEN coalesce(s.generation, 0) = 0
                THEN pg_try_advisory_xact_lock(('x' || encode(substr(sha256(convert_to('cutover:' || m.tenant_id, 'UTF8')), 1, 8),
                                                              'hex'))::bit(64)::bigint & 9223372036854775807) END AS free
      FROM public.tenant_migrations m
      LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
      LEFT JOIN public.tenant_routing r ON r.tenant_id = m.tenant_id
     WHERE m.id = $1::uuid
),
ended AS (
    UPDATE public.tenant_migrations m
       SET phase = CASE m.phase WHEN 'cutover' THEN 'failed' ELSE 'aborted' END,
           last_error = CASE m.phase WHEN 'cutover' THEN left($4::text, 1000) ELSE m.last_error END,
           completed_at = clock_timestamp(), is_paused = false
      FROM seen s
     WHERE m.id = s.id AND NOT s.ours AND s.free AND NOT s.moved
       AND m.phase NOT IN ('completed', 'aborted', 'failed')
       AND m.phase = $2::text AND (extract(epoch FROM tenantmv.last_sign(m)) * 1000000)::bigint = $3::bigint
    RETURNING m.id, m.tenant_id, m.phase AS now
),
routed AS (
    UPDATE public.tenant_routing r SET migration_state = 'normal', active_migration_id = NULL
      FROM ended e
     WHERE r.tenant_id = e.tenant_id
       AND (r.active_migration_id = e.id
            OR (r.active_migration_id IS NULL AND r.migration_state NOT IN ('normal', 'migrated')))
)
SELECT CASE WHEN e.id IS NOT NULL THEN 'ok'
            WHEN s.ours THEN 'ours'
            WHEN s.phase IN ('completed', 'aborted', 'failed') THEN 'ended'
            WHEN NOT s.free THEN 'cutting'
            WHEN s.moved THEN 'moved'
            ELSE 'changed' END,
       coalesce(e.now, s.phase), s.store_id,
       CASE WHEN e.id IS NOT NULL
            THEN tenantmv.audit_append(
                     e.id, 'migration_' || e.now, s.phase, e.now,
                     jsonb_build_object('reason', $4::text, 'foreign', true, 'created_by', s.created_by,
                                        'last_sign_at', to_timestamp($3::bigint / 1e6), 'from', $6::text), $5::text) END
  FROM seen s LEFT JOIN ended e ON e.id = s.id
