-- An event of the tenant that has no value in a column where the target insists on one.
-- database: source
-- $1 uuid: the tenant
SELECT {{event_id}} FROM {{events}} WHERE {{tenant}} = $1::uuid AND num_nulls({{columns}}) > 0 LIMIT 1
