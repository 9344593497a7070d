-- How long a statement of this session may run.
-- database: store
-- $1 text: milliseconds
SELECT set_config('statement_timeout', $1::text, false)
