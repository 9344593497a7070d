-- No range holds a snapshot of the source for longer than this: what took so long is cut in two.
-- database: source
-- script
SET statement_timeout = {{milliseconds}}
