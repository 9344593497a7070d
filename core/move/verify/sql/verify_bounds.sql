-- The lowest and the highest position in the table; no row's position is outside.
-- database: store
SELECT coalesce(min({{position}}), 0), coalesce(max({{position}}), 0) FROM {{events}}
