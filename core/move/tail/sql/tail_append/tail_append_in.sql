-- Events with positions of this store; their transaction id is the column's default.
-- database: target
-- script
COPY {{events}} ({{columns}}) FROM STDIN (FORMAT binary)
