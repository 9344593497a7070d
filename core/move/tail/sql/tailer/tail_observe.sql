-- One reading for the horizon: V, when the server started, L. See the function.
-- database: source
-- $1 bigint: key of the tenant's lock
-- $2 regclass: position sequence
SELECT o.value, o.server_start, coalesce(o.holders, '') FROM tenantmv.observe($1::bigint, $2::regclass) o
