-- Bounds each statement of this transaction.
-- database: any
-- script
SET LOCAL statement_timeout = {{milliseconds}}
