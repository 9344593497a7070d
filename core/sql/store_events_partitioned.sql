-- The partitioned form of the same table: by range of the event's time, one partition a year and a default one.
-- database: store
-- script
CREATE SEQUENCE {{schema}}.events_global_position_seq;
CREATE TABLE {{events}} (
    global_position bigint NOT NULL DEFAULT nextval('{{schema}}.events_global_position_seq'),
    event_id uuid NOT NULL,
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
    PRIMARY KEY (global_position, "timestamp"),
    CONSTRAINT events_event_id_key UNIQUE (event_id, "timestamp"),
    CONSTRAINT uq_events_aggregate_version UNIQUE (aggregate_id, aggregate_type, version, "timestamp")
) PARTITION BY RANGE ("timestamp");
ALTER SEQUENCE {{schema}}.events_global_position_seq OWNED BY {{events}}.global_position;
CREATE TABLE {{schema}}.events_2025 PARTITION OF {{events}} FOR VALUES FROM ('2025-01-01Z') TO ('2026-01-01Z');
CREATE TABLE {{schema}}.events_2026 PARTITION OF {{events}} FOR VALUES FROM ('2026-01-01Z') TO ('2027-01-01Z');
CREATE TABLE {{schema}}.events_other PARTITION OF {{events}} DEFAULT;
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
