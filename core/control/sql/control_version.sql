-- Whether the control schema stands in this database.
-- database: control
SELECT to_regclass('tenantmv.control_version') IS NOT NULL
