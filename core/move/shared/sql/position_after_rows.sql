-- The position of the n-th row above a position, of any tenant: where a piece of n rows ends, however far apart their
-- positions are. The end of the range when there are fewer rows in it.
-- database: store
-- $1 bigint: above this position
-- $2 bigint: up to this position
-- $3 bigint: n, at least 1
SELECT coalesce((SELECT {{position}} FROM {{events}} WHERE {{position}} > $1::bigint AND {{position}} <= $2::bigint
                 ORDER BY {{position}} LIMIT 1 OFFSET $3::bigint - 1), $2::bigint)
