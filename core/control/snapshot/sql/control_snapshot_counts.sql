-- How many migrations there are in each state, whatever the limit of a snapshot: one row for each combination of
-- what the word on the screen is derived from. Ready is one whose engine said so and that has no gate which is red or was
-- looked at too long ago; an engine of an older version writes no times, its gates are as old as its last sign of life.
-- A failure is superseded when a later migration of the tenant made up for it: it needs no person.
-- database: control
-- $1 uuid: one tenant, null for all
-- $2 bigint: microseconds after which a silent engine counts as gone, and a migration is no longer new
-- $3 bigint: microseconds for which a gate that was looked at is known
WITH alive AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM tenantmv.lease a WHERE a.engine IS NOT NULL
                      AND now() - a.heartbeat_at <= make_interval(secs => $2 / 1e6)) AS somewhere,
           (extract(epoch FROM now()) * 1000000)::bigint AS now_us)
SELECT m.phase, coalesce(m.is_paused, false), coalesce(s.throttle, '') <> '',
       CASE WHEN s.ready AND m.phase = 'dual_write'
            THEN NOT EXISTS (SELECT FROM jsonb_array_elements(s.gates) g,
                                    LATERAL (SELECT CASE WHEN s.measured = '{}' AND l.heartbeat_at IS NOT NULL
                                                         THEN (extract(epoch FROM least(l.heartbeat_at, now())) * 1000000)::bigint
                                                         ELSE coalesce((g.value ->> 'at')::bigint, 0) END AS at_us) looked
                              WHERE g.value -> 'green' IS DISTINCT FROM 'true' OR looked.at_us <= 0
                                 OR abs(alive.now_us - looked.at_us) > $3::bigint)
            ELSE false END,
       coalesce(s.generation, 0) = 0, s.waiting_since IS NOT NULL,
       l.engine IS NOT NULL, coalesce(now() - l.heartbeat_at > make_interval(secs => $2 / 1e6), false),
       now() - m.created_at <= make_interval(secs => $2 / 1e6), alive.somewhere,
       m.phase = 'failed' AND EXISTS (SELECT FROM public.tenant_migrations later
                                       WHERE later.tenant_id = m.tenant_id AND later.created_at > m.created_at),
       coalesce(s.ending IN ('hold', 'finalizing'), false), count(*)
  FROM alive, public.tenant_migrations m
  LEFT JOIN tenantmv.migration_state s ON s.migration_id = m.id
  LEFT JOIN tenantmv.lease l ON l.migration_id = m.id AND l.engine IS NOT NULL
 WHERE $1::uuid IS NULL OR m.tenant_id = $1::uuid
 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
