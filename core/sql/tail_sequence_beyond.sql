-- Sets the target's position sequence beyond a position; never backwards.
-- database: target
-- $1 bigint: position
SELECT setval({{sequence_literal}}, greatest($1::bigint, last_value), true) FROM {{sequence}}
