-- The position sequence's value: the highest position that was ever handed out (one less while it was never used).
-- database: store
SELECT last_value - (NOT is_called)::int FROM {{sequence}}
