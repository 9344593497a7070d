-- Where the tenant's events lie on the target.
-- database: target
-- $1 uuid: tenant
SELECT coalesce(min({{position}}), 0), coalesce(max({{position}}), 0) FROM {{events}} WHERE {{tenant}} = $1::uuid
