-- Digest of a range of positions: how many events of the tenant, and the sums of the two halves of a SHA-256 over each
-- event's position and copied columns. The columns go into the hash in the types' binary forms with lengths and NULL
-- marks (record_send), which no setting of a session changes. get_byte is the fastest way from bytes to integers that
-- gives the same on every machine. {{barrier}} is OFFSET 0, which keeps the plan (the range by position, the tenant
-- filtered from it), or empty, which leaves the plan to the server.
-- database: store
-- $1 bigint: positions above this
-- $2 bigint: up to and including this
-- $3 uuid: tenant
SELECT count(*),
       coalesce(sum((get_byte(h, 0)::bigint << 56) |
           (get_byte(h, 1)::bigint << 48) |
           (get_byte(h, 2)::bigint << 40) |
           (get_byte(h, 3)::bigint << 32) |
           (get_byte(h, 4)::bigint << 24) |
           (get_byte(h, 5)::bigint << 16) |
           (get_byte(h, 6)::bigint << 8) |
           get_byte(h, 7)), 0),
       coalesce(sum((get_byte(h, 8)::bigint << 56) |
           (get_byte(h, 9)::bigint << 48) |
           (get_byte(h, 10)::bigint << 40) |
           (get_byte(h, 11)::bigint << 32) |
           (get_byte(h, 12)::bigint << 24) |
           (get_byte(h, 13)::bigint << 16) |
           (get_byte(h, 14)::bigint << 8) |
           get_byte(h, 15)), 0)
FROM (SELECT sha256(record_send(ROW({{record}}))) AS h
      FROM (SELECT * FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint {{barrier}}) e
      WHERE e.{{tenant}} = $3::uuid
      OFFSET 0) hashed
