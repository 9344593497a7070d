-- Where a piece ends that is not too much for one application: the first position up to which the payloads, as they are stored,
-- are so many bytes. NULL: the whole range is less. Reads no payload, only its size.
-- database: source
-- $1 bigint: above this position
-- $2 bigint: up to this position
-- $3 bigint: bytes
SELECT min(s.position)
FROM (SELECT e.position, sum(e.bytes) OVER (ORDER BY e.position ROWS UNBOUNDED PRECEDING) AS bytes
      FROM (SELECT {{position}} AS position, pg_column_size({{payload}}) AS bytes FROM {{events}}
            WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint OFFSET 0) e) s
WHERE s.bytes >= $3::bigint
