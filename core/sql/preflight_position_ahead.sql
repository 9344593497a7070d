-- The highest position against the sequence: a row ahead of it would meet a later one with the same position.
-- database: source
SELECT (SELECT max({{position}}) FROM {{events}}), CASE WHEN is_called THEN last_value ELSE last_value - 1 END
FROM {{sequence}}
