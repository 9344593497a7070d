-- What became of an append whose answer was lost: how many of its events are in the stream, their last version, and the
-- position of the first.
-- database: store
-- $1 uuid[]: event ids, in the order of the append
-- $2 uuid: stream
-- $3 text: stream type
SELECT count(*), max(e.{{version}}), max(e.{{position}}) FILTER (WHERE e.{{event_id}} = ($1::uuid[])[1])
FROM {{events}} e
WHERE e.{{event_id}} = ANY ($1::uuid[]) AND e.{{stream}} = $2::uuid AND e.{{stream_type}} = $3::text
