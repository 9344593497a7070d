-- The latest audit rows of a migration, oldest first; columns as in control_audit_list.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT * FROM (
    SELECT l.id, l.migration_id, l.event_type, coalesce(l.old_phase, ''), coalesce(l.new_phase, ''),
           coalesce(l.operator, ''), (extract(epoch FROM l.occurred_at) * 1000000)::bigint,
           coalesce(l.details::text, ''), coalesce(c.by_others, true)
      FROM public.migration_audit_log l LEFT JOIN tenantmv.audit_chain c ON c.audit_id = l.id
     WHERE l.migration_id = $1::uuid
     ORDER BY l.id DESC LIMIT $2::bigint
) latest ORDER BY 1
