-- Appends one event to a stream, as nearly every append does: reads the stream's version, checks the expectation and
-- inserts. Starting the statement for any number of events costs the server as much as the insert and its indexes.
-- No row when the expectation does not hold. Gives: version, position.
-- database: store
-- $1 uuid: stream
-- $2 text: stream type
-- $3 uuid: tenant, NULL for none
-- $4 bigint: expected version; -1 any, -2 no stream, -3 stream exists
-- $5 text: placement epoch that the writer names, NULL for none
-- $6 uuid: event id
-- $7 text: event type
-- $8 text: actor
-- $9 bigint: time in microseconds since 1970, NULL for now
-- $10 jsonb: payload
INSERT INTO {{events}} AS a ({{event_id}}, {{stream}}, {{stream_type}}, {{event_type}}, {{tenant}}, {{actor}}, {{version}},
                             {{timestamp}}, {{payload}})
SELECT $6::uuid, $1::uuid, $2::text, $7::text, $3::uuid, $8::text, s.version + 1,
       coalesce(timestamptz 'epoch' + $9::bigint * interval '1 microsecond', now()), $10::jsonb
FROM (SELECT (SELECT coalesce(max(e.{{version}}), 0)::bigint
              FROM {{events}} e
              WHERE e.{{stream}} = $1::uuid AND e.{{stream_type}} = $2::text) AS version,
             CASE WHEN $5::text IS NULL THEN '' ELSE set_config('tenantmv.epoch', $5, true) END AS epoch
      OFFSET 0) s -- not merged: the epoch is set before the row reaches the guard
WHERE s.epoch IS NOT NULL
  AND CASE $4::bigint WHEN -1 THEN true WHEN -2 THEN s.version = 0 WHEN -3 THEN s.version > 0
                      ELSE s.version = $4 END
RETURNING a.{{version}}, a.{{position}}
