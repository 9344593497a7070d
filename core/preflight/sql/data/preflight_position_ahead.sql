-- What the positions have to do with the sequence: the highest one (a row ahead of the sequence would meet a later one with the
-- same position), the sequence's value, how many positions it has left, and the tenant's events without a position of 1 or
-- more, with the lowest: no reader looks there, and neither does a copy.
-- database: source
-- $1 uuid: the tenant
SELECT (SELECT max({{position}}) FROM {{events}}), q.value,
       least((SELECT s.seqmax FROM pg_sequence s WHERE s.seqrelid = q.oid)::numeric - q.value, 9223372036854775807)::bigint,
       outside.events, outside.lowest
FROM (SELECT tableoid AS oid, last_value - (NOT is_called)::int AS value FROM {{sequence}}) q,
     (SELECT count(*) AS events, min({{position}}) AS lowest FROM {{events}}
       WHERE {{tenant}} = $1::uuid AND ({{position}} <= 0 OR {{position}} IS NULL)) outside
