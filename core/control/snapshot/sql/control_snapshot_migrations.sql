-- Migrations for a screen: active ones first, then newest first. When there are more than the limit, those that need a
-- person are never left out for others: failures that no later migration of the tenant made up for and those without
-- an engine, then those whose old store is kept current, and active ones that wait or met an error.
-- database: control
-- $1 uuid: one tenant, null for all
-- $2 bigint: at most so many
-- $3 bigint: microseconds after which a silent engine counts as gone
WITH alive AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM tenantmv.lease a WHERE a.engine IS NOT NULL
                      AND now() - a.heartbeat_at <= make_interval(secs => $3 / 1e6)) AS somewhere),
wanted AS (
    SELECT m.id
      FROM alive, public.tenant_migrations m
      LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
      LEFT JOIN tenantmv.lease l ON l.migration_id = m.id AND l.engine IS NOT NULL
     WHERE $1::uuid IS NULL OR m.tenant_id = $1::uuid
     ORDER BY CASE WHEN m.phase = 'failed' AND NOT EXISTS (SELECT FROM public.tenant_migrations later
                                                            WHERE later.tenant_id = m.tenant_id
                                                              AND later.created_at > m.created_at) THEN 0
                   WHEN s.ending IN ('hold', 'finalizing') THEN 1
                   WHEN m.phase IN ('completed', 'aborted', 'failed') THEN 3
                   WHEN coalesce(s.generation, 0) <> 0
                        AND CASE WHEN l.engine IS NOT NULL
                                 THEN now() - l.heartbeat_at > make_interval(secs => $3 / 1e6)
                                 ELSE m.phase <> 'pending' OR NOT alive.somewhere END THEN 0
                   WHEN m.is_paused OR m.last_error <> '' OR s.throttle <> '' OR s.waiting_since IS NOT NULL THEN 1
                   ELSE 2 END,
              m.created_at DESC, m.id
     LIMIT $2::bigint)
SELECT m.id, m.tenant_id, m.source_store_id, m.target_store_id, m.phase, coalesce(m.is_paused, false),
       coalesce(m.pause_reason, ''), coalesce(s.note, ''), coalesce(s.step, ''), coalesce(m.created_by, ''),
       coalesce(s.generation, 0), coalesce(m.events_total, 0), coalesce(m.events_copied, 0), coalesce(s.rate, -1),
       coalesce(s.lag_us, -1), coalesce(s.lag_events, -1), coalesce(s.verified_to, 0), coalesce(s.watermark, 0),
       coalesce(s.eta_us, -1), coalesce(s.predicted_pause_us, -1),
       (extract(epoch FROM m.created_at) * 1000000)::bigint, (extract(epoch FROM m.started_at) * 1000000)::bigint,
       (extract(epoch FROM m.bulk_copy_completed_at) * 1000000)::bigint,
       (extract(epoch FROM m.dual_write_started_at) * 1000000)::bigint,
       (extract(epoch FROM m.cutover_started_at) * 1000000)::bigint,
       (extract(epoch FROM m.completed_at) * 1000000)::bigint,
       coalesce(l.engine_name, ''),
       -- greatest() ignores NULL: without an owner there is no age
       CASE WHEN l.engine IS NOT NULL
            THEN greatest(0, (extract(epoch FROM now() - l.heartbeat_at) * 1000000)::bigint) END,
       coalesce(s.gates::text, '[]'), coalesce(m.last_error, ''), coalesce(s.ready, false),
       CASE WHEN jsonb_typeof(m.config -> 'cutover_max_lag_ms') = 'number'
            THEN greatest(0, least((m.config ->> 'cutover_max_lag_ms')::numeric, 1e9))::bigint END,
       CASE WHEN jsonb_typeof(m.config -> 'lock_budget_ms') = 'number'
            THEN greatest(0, least((m.config ->> 'lock_budget_ms')::numeric, 1e9))::bigint END,
       CASE WHEN jsonb_typeof(m.config -> 'drain_budget_ms') = 'number'
            THEN greatest(0, least((m.config ->> 'drain_budget_ms')::numeric, 1e9))::bigint END,
       CASE WHEN jsonb_typeof(m.config -> 'cutover_timeout_ms') = 'number'
            THEN greatest(0, least((m.config ->> 'cutover_timeout_ms')::numeric, 1e9))::bigint END,
       -- how many there are, whatever the limit
       (SELECT count(*) FROM public.tenant_migrations c WHERE $1::uuid IS NULL OR c.tenant_id = $1::uuid),
       coalesce(s.throttle, ''), coalesce(s.throttled_us, 0),
       c.id, c.operation, c.state = 'running', c.requested_by, (extract(epoch FROM c.requested_at) * 1000000)::bigint,
       coalesce((extract(epoch FROM c.expires_at) * 1000000)::bigint, 0),
       coalesce((extract(epoch FROM s.waiting_since) * 1000000)::bigint, 0),
       coalesce((extract(epoch FROM s.next_try_at) * 1000000)::bigint, 0),
       coalesce((extract(epoch FROM s.reported_at) * 1000000)::bigint, 0),
       alive.somewhere,
       CASE WHEN jsonb_typeof(m.config -> 'leave_columns') = 'array'
            THEN (SELECT string_agg(name, ', ') FROM jsonb_array_elements_text(m.config -> 'leave_columns') name) END,
       CASE WHEN jsonb_typeof(m.config -> 'without_tables') = 'array'
            THEN (SELECT string_agg(name, ', ') FROM jsonb_array_elements_text(m.config -> 'without_tables') name) END,
       coalesce(s.measured::text, '{}'),
       coalesce((extract(epoch FROM m.paused_at) * 1000000)::bigint, 0),
       -- of another program's migration
       CASE WHEN coalesce(s.generation, 0) = 0 AND m.phase NOT IN ('completed', 'aborted', 'failed')
            THEN (extract(epoch FROM tenantmv.last_sign(m)) * 1000000)::bigint ELSE 0 END,
       coalesce(s.ending IN ('hold', 'finalizing'), false),
       coalesce((extract(epoch FROM s.hold_until) * 1000000)::bigint, 0)
  FROM alive
 CROSS JOIN wanted w
  JOIN public.tenant_migrations m ON m.id = w.id
  LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
  LEFT JOIN tenantmv.lease l ON l.migration_id = m.id AND l.engine IS NOT NULL
  LEFT JOIN LATERAL (SELECT o.* FROM tenantmv.command o
                      WHERE o.migration_id = m.id AND o.state IN ('requested', 'running')
                        AND (o.state = 'running' OR o.expires_at IS NULL OR o.expires_at > clock_timestamp())
                      ORDER BY o.number LIMIT 1) c ON true
 ORDER BY m.phase IN ('completed', 'aborted', 'failed'), m.created_at DESC, m.id
