-- Records a decision that the source's fence shows already: ok or ownership.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 text: target store
-- $5 jsonb: details of the audit rows, may be null
-- $6 text: operator, null for the engine itself
SELECT tenantmv.follow_decision($1::uuid, $2::bigint, $3::uuid, $4::text, $5::jsonb, $6::text)
