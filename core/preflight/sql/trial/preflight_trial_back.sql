-- Takes back what the last writer tried; its rights end with it.
-- database: target
-- script
ROLLBACK TO SAVEPOINT writer
