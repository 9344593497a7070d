-- Whether an event is stored.
-- database: store
-- $1 uuid: event
-- $2 uuid: tenant; NULL: any
SELECT EXISTS (
    SELECT FROM {{events}} e WHERE e.{{event_id}} = $1::uuid AND ($2::uuid IS NULL OR e.{{tenant}} = $2::uuid)
)
