-- Version of the last event of a stream, 0 when it has none.
-- database: store
-- $1 uuid: stream
-- $2 text: stream type
-- $3 uuid: tenant; NULL: whoever owns the stream
SELECT coalesce(max(e.{{version}}), 0)
FROM {{events}} e
WHERE e.{{stream}} = $1::uuid AND e.{{stream_type}} = $2::text AND ($3::uuid IS NULL OR e.{{tenant}} = $3::uuid)
