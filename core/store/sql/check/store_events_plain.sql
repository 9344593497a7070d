-- The plain events table of eventsource-py, with the function that its feed reads use.
-- database: store
-- script
CREATE TABLE {{events}} (
    global_position bigserial PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    aggregate_id uuid NOT NULL,
    aggregate_type varchar(255) NOT NULL,
    event_type varchar(255) NOT NULL,
    tenant_id uuid,
    actor_id varchar(255),
    version integer NOT NULL,
    "timestamp" timestamptz NOT NULL,
    payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    txid xid8 DEFAULT pg_current_xact_id(),
    CONSTRAINT uq_events_aggregate_version UNIQUE (aggregate_id, aggregate_type, version)
);
CREATE INDEX idx_events_aggregate_id ON {{events}} (aggregate_id);
CREATE INDEX idx_events_aggregate_type ON {{events}} (aggregate_type);
CREATE INDEX idx_events_event_type ON {{events}} (event_type);
CREATE INDEX idx_events_timestamp ON {{events}} ("timestamp");
CREATE INDEX idx_events_tenant_id ON {{events}} (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX idx_events_type_tenant_timestamp ON {{events}} (aggregate_type, tenant_id, "timestamp");
CREATE INDEX idx_events_type_position ON {{events}} (aggregate_type, global_position);
CREATE INDEX idx_events_aggregate_version ON {{events}} (aggregate_id, aggregate_type, version);
CREATE OR REPLACE FUNCTION {{schema}}.eventsource_feed_horizon() RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog
    AS 'SELECT pg_snapshot_xmin(pg_current_snapshot())::text';
