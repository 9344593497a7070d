-- What decides whether an operation is allowed now, and the last command, whoever gave it. Generation 0: another
-- program's migration.
-- database: control
-- $1 uuid: migration
-- $2 bigint: silence in microseconds after which an engine counts as gone
SELECT m.phase, coalesce(m.is_paused, false), coalesce(s.generation, 0),
       c.operation, c.state, c.requested_by, (extract(epoch FROM clock_timestamp() - c.requested_at) * 1000000)::bigint,
       EXISTS (SELECT FROM tenantmv.lease l WHERE l.engine IS NOT NULL AND tenantmv.lease_left(l, $2::bigint) >= 0),
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - tenantmv.gates_at(s.measured, s.gates, g.heartbeat_at),
       coalesce(m.created_by, ''),
       CASE WHEN coalesce(s.generation, 0) = 0 THEN (extract(epoch FROM tenantmv.last_sign(m)) * 1000000)::bigint END,
       coalesce(s.ending IN ('hold', 'finalizing'), false)
  FROM public.tenant_migrations m
  LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
  LEFT JOIN tenantmv.lease g ON g.migration_id = m.id AND g.engine IS NOT NULL
  LEFT JOIN LATERAL (SELECT operation, state, requested_by, requested_at
                       FROM tenantmv.command
                      WHERE migration_id = m.id ORDER BY number DESC LIMIT 1) c ON true
 WHERE m.id = $1::uuid
