-- Events straight into the target's table.
-- database: target
-- script
COPY {{events}} ({{columns}}) FROM STDIN (FORMAT binary)
