-- No range holds a snapshot of the source for longer than this: what took so long is cut in two. A server that waits for
-- its client to take data obeys no statement_timeout, so over TCP an engine that stands still is found by its window, which
-- stays closed for as long (TCP_USER_TIMEOUT, tcp(7)). On a unix socket the server waits without an end.
-- {{index_scan}} is off for a tenant that is read by bitmaps: of its own index, or of that and the range of the primary key.
-- The planner takes every page for one that must be read from disk, and prefers passing over all tenants' rows of a range.
-- database: source
-- script
SET statement_timeout = {{milliseconds}};
SET tcp_user_timeout = {{milliseconds}};
SET enable_indexscan = {{index_scan}}
