-- No range holds a snapshot of the source for longer than this: what took so long is cut in two. Over TCP it ends a range
-- whose engine stands still, too; on a unix socket the server waits for its client without an end.
-- database: source
-- script
SET statement_timeout = {{milliseconds}}
