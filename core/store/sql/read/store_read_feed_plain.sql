-- A tenant's feed in order of position, from an older store whose rows do not name their transaction.
-- database: store
-- $1 uuid: tenant
-- $2 text: stream type, NULL for all
-- $3 bigint: positions above this one
-- $4 bigint: at most so many
SELECT e.{{event_id}}, e.{{stream}}, e.{{tenant}}, e.{{position}}, e.{{version}},
       (extract(epoch FROM e.{{timestamp}}) * 1000000)::bigint, (extract(epoch FROM e.{{created_at}}) * 1000000)::bigint,
       e.{{stream_type}}, e.{{event_type}}, e.{{actor}}, e.{{payload}}
FROM {{events}} e
WHERE e.{{tenant}} = $1::uuid AND ($2::text IS NULL OR e.{{stream_type}} = $2::text)
  AND e.{{position}} > $3::bigint
ORDER BY e.{{position}}
LIMIT $4::bigint
