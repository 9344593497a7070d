-- What an earlier engine has proven equal, and under which facts of the guards.
-- database: control
-- $1 uuid: migration
SELECT proven_to, guards FROM tenantmv.proof WHERE migration_id = $1::uuid
