-- Keeps the registration of a store as it is until the transaction ends. No row: it is not the given one any more. What is not
-- known of its database, here or there, is not compared.
-- database: control
-- $1 text: id
-- $2 text: connection string
-- $3 text: schema of the events table
-- $4 text: events table
-- $5 text: system identifier of the server, null when it is not known
-- $6 bigint: oid of the database
-- $7 bigint: oid of the events table, null when it is not known
SELECT s.id FROM tenantmv.store s
 WHERE s.id = $1::text AND s.conninfo = $2::text AND s.events_schema = $3::text AND s.events_table = $4::text
   AND (s.system_identifier IS NULL OR $5::text IS NULL
        OR (s.system_identifier = $5::text AND s.database_oid = $6::bigint))
   AND (s.events_oid IS NULL OR $7::bigint IS NULL OR s.events_oid = $7::bigint)
   FOR SHARE
