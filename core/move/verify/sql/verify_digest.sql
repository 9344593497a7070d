-- Digest of a range of positions: how many events of the tenant, and two sums of 64-bit hashes over each event's position and
-- copied columns, under two seeds. The columns go into the hash in the types' binary forms with lengths and NULL marks
-- (record_send), which no setting of a session changes. A hash of an array of one bytea is the way in SQL to the server's
-- own hash of bytes with a seed, which stays the same from version to version because partitions depend on it. {{barrier}}
-- is OFFSET 0, which keeps the plan (the range by position, the tenant filtered from it), or empty, which leaves the plan
-- to the server.
-- database: store
-- $1 bigint: positions above this
-- $2 bigint: up to and including this
-- $3 uuid: tenant
SELECT count(*),
       coalesce(sum(hash_array_extended(bytes, {{seed_1}})), 0),
       coalesce(sum(hash_array_extended(bytes, {{seed_2}})), 0)
FROM (SELECT ARRAY[record_send(ROW({{record}}))] AS bytes
      FROM (SELECT * FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint {{barrier}}) e
      WHERE e.{{tenant}} = $3::uuid
      OFFSET 0) hashed
