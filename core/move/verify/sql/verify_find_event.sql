-- Where an event of the tenant stands.
-- database: store
-- $1 uuid: event id
-- $2 uuid: tenant
SELECT min(position)
FROM (SELECT e.{{position}} AS position FROM {{events}} e WHERE e.{{event_id}} = $1::uuid AND e.{{tenant}} = $2::uuid
      OFFSET 0) AS found
