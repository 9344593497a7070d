CREATE INDEX idx_events_aggregate_id ON public.events (aggregate_id);
CREATE INDEX idx_events_aggregate_type ON public.events (aggregate_type);
CREATE INDEX idx_events_event_type ON public.events (event_type);
CREATE INDEX idx_events_timestamp ON public.events ("timestamp");
CREATE INDEX idx_events_tenant_id ON public.events (tenant_id) WHERE tenant_id IS NOT NULL;
CREATE INDEX idx_events_type_tenant_timestamp ON public.events (aggregate_type, tenant_id, "timestamp");
CREATE INDEX idx_events_type_position ON public.events (aggregate_type, global_position);
CREATE INDEX idx_events_aggregate_version ON public.events (aggregate_id, aggregate_type, version);
CREATE FUNCTION public.eventsource_feed_horizon() RETURNS text LANGUAGE sql
    AS $$ SELECT pg_snapshot_xmin(pg_current_snapshot())::text $$;
