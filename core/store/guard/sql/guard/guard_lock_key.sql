-- Key of the tenant's advisory lock in this store, and the mark that the guard's trigger names carry.
-- database: store
-- $1 text: schema of the events table
-- $2 text: name of the events table
-- $3 uuid: tenant
SELECT ('x' || encode(substr(h, 1, 8), 'hex'))::bit(64)::bigint, encode(substr(h, 9, 8), 'hex')
  FROM (SELECT sha256(convert_to('tenantmv:' || $1 || '.' || $2 || ':' || $3::uuid, 'UTF8')) AS h) AS hashed
