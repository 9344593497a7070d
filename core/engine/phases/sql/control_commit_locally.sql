-- From now on the commits of this session wait for no standby: one has stopped to answer, and what happened must be said.
-- database: control
-- script
SET synchronous_commit = local
