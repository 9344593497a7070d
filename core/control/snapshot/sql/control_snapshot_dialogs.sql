-- Dialogs that are open now: a console that died stops saying so. The newest first.
-- database: control
-- $1 uuid: one tenant, null for all
-- $2 bigint: at most so many
SELECT d.id, d.migration_id, d.operation, d.operator, d.came_from,
       (extract(epoch FROM d.opened_at) * 1000000)::bigint
  FROM tenantmv.dialog d
 WHERE d.seen_at > clock_timestamp() - interval '10 s'
   AND ($1::uuid IS NULL
        OR d.migration_id IN (SELECT m.id FROM public.tenant_migrations m WHERE m.tenant_id = $1::uuid))
 ORDER BY d.opened_at DESC, d.id LIMIT $2::bigint
