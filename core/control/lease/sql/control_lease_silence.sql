-- How long until the first lease of another engine runs out, in microseconds; null without one, and negative when it has.
-- Only leases that somebody would take over count: of migrations that run, or are decided and not settled.
-- database: control
-- $1 uuid: this engine
-- $2 bigint: silence in microseconds after which an owner counts as gone
SELECT min(tenantmv.lease_left(l, $2::bigint))
  FROM tenantmv.lease l JOIN public.tenant_migrations m ON m.id = l.migration_id
  LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
 WHERE l.engine <> $1::uuid AND (m.phase NOT IN ('completed', 'aborted', 'failed') OR s.unsettled)
