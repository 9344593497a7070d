-- Prints the position of the tenant's last event in a store, 0 without one.
-- database: store
-- script
SELECT coalesce(max(global_position), 0) FROM public.events WHERE tenant_id = :'tenant'::uuid;
