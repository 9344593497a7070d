-- As verify_digest.sql, with each event's ordinal within the range in the place of its position: equal sums mean equal events in
-- equal order, whatever positions they have. {{record}} names the ordinal.
-- database: store
-- $1 bigint: positions above this
-- $2 bigint: up to and including this
-- $3 uuid: tenant
SELECT count(*),
       coalesce(sum(hash_array_extended(bytes, {{seed_1}})), 0),
       coalesce(sum(hash_array_extended(bytes, {{seed_2}})), 0)
FROM (SELECT ARRAY[record_send(ROW({{record}}))] AS bytes
      FROM (SELECT r.*, row_number() OVER (ORDER BY r.{{position}}) AS tenantmv_ordinal
            FROM (SELECT * FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint {{barrier}}) r
            WHERE r.{{tenant}} = $3::uuid) e
      OFFSET 0) hashed
