-- Ends a message that is a whole transaction, so that an engine that stops in the middle holds no lock.
-- database: any
-- script
COMMIT
