-- The next position in the table, of any tenant: how the tail passes over a gap in the sequence, however wide, with one look
-- at the primary key. NULL: there is none.
-- database: source
-- $1 bigint: above this position
SELECT min({{position}}) FROM {{events}} WHERE {{position}} > $1::bigint
