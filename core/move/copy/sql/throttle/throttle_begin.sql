-- An operator's own query runs with the role's search path, changes nothing, and not for long.
-- database: source
-- script
BEGIN READ ONLY;
SET LOCAL search_path TO DEFAULT;
SET LOCAL statement_timeout = {{milliseconds}}
