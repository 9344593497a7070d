-- Records the version that was just installed.
-- database: control
-- $1 integer: version
INSERT INTO tenantmv.control_version (version) VALUES ($1::integer)
    ON CONFLICT (only_row) DO UPDATE SET version = excluded.version
