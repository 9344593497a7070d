-- Asks for the announcements of changes.
-- database: control
-- script
LISTEN tenantmv;
LISTEN tenantmv_routing;
