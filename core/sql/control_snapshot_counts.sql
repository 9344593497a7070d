-- How many migrations there are in each state, whatever the limit of a snapshot: one row for each combination of
-- what the word on the screen is derived from.
-- database: control
-- $1 uuid: one tenant, null for all
-- $2 bigint: microseconds after which a silent engine, or a new migration without one, counts as gone
-- $3 bigint: microseconds for which a gate that was looked at is known
SELECT m.phase, coalesce(m.is_paused, false), coalesce(s.throttle, '') <> '',
       coalesce(s.ready AND abs((extract(epoch FROM now()) * 1000000)::bigint - tenantmv.gates_at(s.measured, s.gates, l.heartbeat_at)) <= $3::bigint, false),
       coalesce(s.generation, 0) = 0, s.waiting_since IS NOT NULL,
       CASE WHEN l.engine IS NOT NULL THEN clock_timestamp() - l.heartbeat_at > make_interval(secs => $2 / 1e6)
            ELSE m.phase <> 'pending' OR now() - m.created_at > make_interval(secs => $2 / 1e6) END,
       count(*)
  FROM public.tenant_migrations m
  LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
  LEFT JOIN tenantmv.lease l ON l.migration_id = m.id AND l.engine IS NOT NULL
 WHERE $1::uuid IS NULL OR m.tenant_id = $1::uuid
 GROUP BY 1, 2, 3, 4, 5, 6, 7
