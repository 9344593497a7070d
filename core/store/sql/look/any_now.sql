-- The time of the database's clock, in microseconds since 1970.
-- database: any
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
