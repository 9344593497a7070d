-- Sets the target's position sequence beyond a position; never backwards.
-- database: target
-- $1 bigint: position
-- $2 regclass: the sequence
SELECT tenantmv.guard_beyond($2::regclass, $1::bigint)
