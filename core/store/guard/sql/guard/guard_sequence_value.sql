-- The position sequence's value: the highest position that was ever handed out (one less while it was never used).
-- database: store
-- $1 regclass: the sequence
SELECT tenantmv.guard_value($1::regclass)
