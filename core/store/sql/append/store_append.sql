-- Appends events to one stream: reads its version, checks the expectation and inserts, in one statement, so that the
-- guard's lock is held no longer than the commit takes. No row is inserted when the expectation does not hold.
-- Gives: version before; number, last version and first position of what was added; the stored rows when asked for.
-- database: store
-- $1 uuid: stream
-- $2 text: stream type
-- $3 uuid: tenant, NULL for none
-- $4 bigint: expected version; -1 any, -2 no stream, -3 stream exists
-- $5 text: placement epoch that the writer names, NULL for none
-- $6 uuid[]: event ids
-- $7 text[]: event types
-- $8 text[]: actors
-- $9 bigint[]: times in microseconds since 1970, NULL for now
-- $10 jsonb[]: payloads
-- {{copy}}: expression over the stored row "a", a JSON array of its columns as text, or a null
WITH named AS MATERIALIZED (
    SELECT CASE WHEN $5::text IS NULL THEN '' ELSE set_config('tenantmv.epoch', $5, true) END AS epoch
), stream AS MATERIALIZED (
    SELECT coalesce(max(e.{{version}}), 0)::bigint AS version
    FROM {{events}} e
    WHERE e.{{stream}} = $1::uuid AND e.{{stream_type}} = $2::text
), added AS (
    INSERT INTO {{events}} AS a ({{event_id}}, {{stream}}, {{stream_type}}, {{event_type}}, {{tenant}}, {{actor}},
                                 {{version}}, {{timestamp}}, {{payload}})
    SELECT n.id, $1::uuid, $2::text, n.type, $3::uuid, n.actor, s.version + n.number,
           coalesce(timestamptz 'epoch' + n.at_us * interval '1 microsecond', now()), n.payload
    FROM stream s
    CROSS JOIN named
    CROSS JOIN unnest($6::uuid[], $7::text[], $8::text[], $9::bigint[], $10::jsonb[])
        WITH ORDINALITY AS n (id, type, actor, at_us, payload, number)
    WHERE named.epoch IS NOT NULL
      AND CASE $4::bigint WHEN -1 THEN true WHEN -2 THEN s.version = 0 WHEN -3 THEN s.version > 0
                          ELSE s.version = $4 END
    ORDER BY n.number
    RETURNING a.{{version}} AS version, a.{{position}} AS position, {{copy}} AS copy
)
SELECT s.version, count(a.version), max(a.version), (array_agg(a.position ORDER BY a.version))[1],
       jsonb_agg(a.copy ORDER BY a.version)
FROM stream s
LEFT JOIN added a ON true
GROUP BY s.version
