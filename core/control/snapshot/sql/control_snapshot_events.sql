-- The latest audit rows, newest first; columns as in control_audit_list.
-- database: control
-- $1 uuid: one tenant, null for all
-- $2 bigint: at most so many
SELECT l.id, l.migration_id, l.event_type, coalesce(l.old_phase, ''), coalesce(l.new_phase, ''), coalesce(l.operator, ''),
       (extract(epoch FROM l.occurred_at) * 1000000)::bigint, coalesce(l.details::text, ''), coalesce(c.by_others, true)
  FROM public.migration_audit_log l LEFT JOIN tenantmv.audit_chain c ON c.audit_id = l.id
 WHERE $1::uuid IS NULL
    OR l.migration_id IN (SELECT m.id FROM public.tenant_migrations m WHERE m.tenant_id = $1::uuid)
 ORDER BY l.id DESC LIMIT $2::bigint
