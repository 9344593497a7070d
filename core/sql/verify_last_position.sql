-- The highest position in the table.
-- database: store
SELECT coalesce(max({{position}}), 0) FROM {{events}}
