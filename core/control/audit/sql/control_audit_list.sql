-- Audit rows, oldest first. A row that is not in the chain was written by another program.
-- database: control
-- $1 uuid: migration, null for all
-- $2 bigint: only rows with a higher id
-- $3 bigint: at most so many
SELECT l.id, l.migration_id, l.event_type, coalesce(l.old_phase, ''), coalesce(l.new_phase, ''), coalesce(l.operator, ''),
       (extract(epoch FROM l.occurred_at) * 1000000)::bigint, coalesce(l.details::text, ''), coalesce(c.by_others, true)
  FROM public.migration_audit_log l LEFT JOIN tenantmv.audit_chain c ON c.audit_id = l.id
 WHERE ($1::uuid IS NULL OR l.migration_id = $1::uuid) AND l.id > $2::bigint
 ORDER BY l.id LIMIT $3::bigint
