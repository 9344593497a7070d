-- Adds or replaces a store.
-- database: control
-- $1 text: id
-- $2 text: connection string without a password
-- $3 text: schema of the events table
-- $4 text: events table
INSERT INTO tenantmv.store (id, conninfo, events_schema, events_table) VALUES ($1::text, $2::text, $3::text, $4::text)
    ON CONFLICT (id) DO UPDATE SET conninfo = excluded.conninfo, events_schema = excluded.events_schema,
                                   events_table = excluded.events_table, changed_at = clock_timestamp()
