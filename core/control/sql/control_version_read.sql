-- Version of the control schema.
-- database: control
SELECT version FROM tenantmv.control_version
