-- No range holds a snapshot of the source for longer than this: what took so long is cut in two. Over TCP it ends a range
-- whose engine stands still, too; on a unix socket the server waits for its client without an end.
-- {{index_scan}} is off for a tenant that is read by bitmaps: of its own index, or of that and the range of the primary key.
-- The planner takes every page for one that must be read from disk, and prefers passing over all tenants' rows of a range.
-- database: source
-- script
SET statement_timeout = {{milliseconds}};
SET enable_indexscan = {{index_scan}}
