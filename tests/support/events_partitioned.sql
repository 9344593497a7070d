CREATE SEQUENCE public.events_global_position_seq;
CREATE TABLE public.events (
    global_position bigint NOT NULL DEFAULT nextval('public.events_global_position_seq'),
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
    CONSTRAINT events_pkey PRIMARY KEY (global_position, "timestamp"),
    CONSTRAINT events_event_id_key UNIQUE (event_id, "timestamp"),
    CONSTRAINT uq_events_aggregate_version UNIQUE (aggregate_id, aggregate_type, version, "timestamp")
) PARTITION BY RANGE ("timestamp");
ALTER SEQUENCE public.events_global_position_seq OWNED BY public.events.global_position;
CREATE TABLE public.events_old PARTITION OF public.events FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
CREATE TABLE public.events_new PARTITION OF public.events FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
