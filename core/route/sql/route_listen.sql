-- Subscribes to changes of tenant_routing, where each notification carries the tenant's id, and of the registry of stores.
-- database: control
-- script
LISTEN tenantmv_routing;
LISTEN tenantmv_store
