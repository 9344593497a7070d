-- Creates a migration in phase pending, with its routing, command and audit rows.
-- database: control
-- $1 uuid: id of the new migration
-- $2 uuid: tenant
-- $3 text: source store, null for where routing says that the tenant lives
-- $4 text: target store
-- $5 jsonb: settings
-- $6 text: who asks
-- $7 text: from where
SELECT outcome, which, place
  FROM tenantmv.start_migration($1::uuid, $2::uuid, $3::text, $4::text, $5::jsonb, $6::text, $7::text)
