-- From now on the table's own code finds its names in this session as in the application's own sessions.
-- database: store
-- script
SET search_path = {{write_path}}
