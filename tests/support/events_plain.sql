CREATE TABLE public.events (
    global_position bigserial PRIMARY KEY,
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
    CONSTRAINT events_event_id_key UNIQUE (event_id),
    CONSTRAINT uq_events_aggregate_version UNIQUE (aggregate_id, aggregate_type, version)
);
