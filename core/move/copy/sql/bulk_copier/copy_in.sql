-- A chunk of history, straight into the table.
-- database: target
-- script
COPY {{events}} ({{columns}}) FROM STDIN (FORMAT binary)
