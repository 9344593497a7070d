-- Whether any event of the tenant has a value in a column. A composite of NULLs is a value.
-- database: source
-- $1 uuid: tenant
SELECT EXISTS (SELECT FROM {{events}} e WHERE e.{{tenant}} = $1::uuid AND num_nulls(e.{{column}}) = 0)
