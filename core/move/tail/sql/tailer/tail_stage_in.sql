-- Events into the session's stage.
-- database: target
-- script
COPY pg_temp.tenantmv_stage ({{columns}}) FROM STDIN (FORMAT binary)
