-- What a session of an engine does from now on, for those who look at the server's sessions.
-- database: store
-- script
SET application_name = {{name}}
