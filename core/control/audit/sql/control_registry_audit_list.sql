-- What was done to the registry, oldest first.
-- database: control
-- $1 bigint: only rows above this id
-- $2 bigint: at most so many
SELECT id, action, subject, operator, came_from, (extract(epoch FROM at) * 1000000)::bigint, details::text
  FROM tenantmv.registry_audit WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint
