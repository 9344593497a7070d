-- Events of one stream in order of version.
-- database: store
-- $1 uuid: stream
-- $2 text: stream type
-- $3 uuid: tenant; NULL: whoever owns the stream
-- $4 bigint: versions above this one
-- $5 bigint: at most so many
SELECT e.{{event_id}}, e.{{stream}}, e.{{tenant}}, e.{{position}}, e.{{version}},
       (extract(epoch FROM e.{{timestamp}}) * 1000000)::bigint, (extract(epoch FROM e.{{created_at}}) * 1000000)::bigint,
       e.{{stream_type}}, e.{{event_type}}, e.{{actor}}, e.{{payload}}
FROM {{events}} e
WHERE e.{{stream}} = $1::uuid AND e.{{stream_type}} = $2::text AND e.{{version}} > $4::bigint
  AND ($3::uuid IS NULL OR e.{{tenant}} = $3::uuid)
ORDER BY e.{{version}}
LIMIT $5::bigint
