-- The hash of one copied column of one event.
-- database: store
-- $1 bigint: position
-- $2 uuid: tenant
SELECT encode(sha256(record_send(ROW({{record}}))), 'hex')
FROM {{events}} e
WHERE e.{{position}} = $1::bigint AND e.{{tenant}} = $2::uuid
ORDER BY e.{{event_id}}
LIMIT 1
