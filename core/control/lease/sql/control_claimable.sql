-- Migrations that want an engine and have no live one but perhaps this one, oldest first; those that this engine holds come
-- last: it may have lost their thread. One without a row in migration_state is another program's.
-- database: control
-- $1 uuid: this engine
-- $2 bigint: silence in microseconds after which an owner counts as gone
-- $3 bigint: at most so many
SELECT m.id, m.tenant_id, l.engine IS NOT NULL AND l.engine <> $1::uuid,
       m.phase = 'completed' AND s.ending IN ('hold', 'finalizing') AND NOT s.unsettled
  FROM public.tenant_migrations m
  JOIN tenantmv.migration_state s ON s.migration_id = m.id
  LEFT JOIN tenantmv.lease l ON l.tenant_id = m.tenant_id
 WHERE (l.engine IS NULL OR l.engine = $1::uuid
        OR tenantmv.lease_left(l, $2::bigint) < 0)
   AND (m.phase NOT IN ('completed', 'aborted', 'failed')
        -- decided: the target may still have to be opened, whoever crashed or gave the lease back since
        OR (m.phase = 'completed' AND (s.unsettled OR (l.migration_id = m.id AND l.engine IS NOT NULL)))
        -- its old store is kept current
        OR (m.phase = 'completed' AND s.ending IN ('hold', 'finalizing')
            AND (s.next_try_at IS NULL OR s.next_try_at <= clock_timestamp()))
        -- ended by another program: what stands in the stores is taken back; never behind a later migration's back
        OR (m.phase IN ('aborted', 'failed') AND (s.next_try_at IS NULL OR s.next_try_at <= clock_timestamp())
            AND EXISTS (SELECT FROM tenantmv.ledger g WHERE g.migration_id = m.id AND g.done_at IS NULL)
            AND NOT EXISTS (SELECT FROM public.tenant_migrations later
                             WHERE later.tenant_id = m.tenant_id AND later.created_at > m.created_at))
        OR (m.phase = 'completed'
            AND EXISTS (SELECT FROM tenantmv.command c WHERE c.migration_id = m.id AND c.state = 'requested')))
   -- a tenant's earlier move comes to its end before the next one begins
   AND NOT EXISTS (SELECT FROM public.tenant_migrations earlier
                     JOIN tenantmv.migration_state e ON e.migration_id = earlier.id
                    WHERE earlier.tenant_id = m.tenant_id AND earlier.id <> m.id AND e.unsettled
                      AND earlier.phase = 'completed' AND NOT s.unsettled)
 ORDER BY l.engine IS NOT DISTINCT FROM $1::uuid, m.created_at, m.id
 LIMIT $3::bigint
