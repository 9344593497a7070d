-- Subscribes to changes of tenant_routing; each notification carries the tenant's id.
-- database: control
-- script
LISTEN tenantmv_routing
