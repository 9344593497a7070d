-- Whether a partition that was just found holds events of the tenant at or below a position. Those came with it, past the
-- guard: what is inserted after it was attached gets a higher position.
-- database: store
-- $1 uuid: tenant
-- $2 bigint: position
SELECT EXISTS (SELECT FROM ONLY {{leaf}} e WHERE e.{{tenant}} = $1::uuid AND e.{{position}} <= $2::bigint)
