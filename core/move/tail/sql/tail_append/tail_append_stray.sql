-- The first event of the tenant that this leg did not write: it stands above what the leg has written.
-- database: target
-- $1 uuid: migration
-- $2 smallint: leg
-- $3 uuid: tenant
SELECT e.{{event_id}}, e.{{position}} FROM {{events}} e, tenantmv.applied a
 WHERE a.migration_id = $1::uuid AND a.leg = $2::smallint AND e.{{tenant}} = $3::uuid AND e.{{position}} > a.high
 ORDER BY e.{{position}} LIMIT 1
