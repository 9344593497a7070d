-- Statistics for whoever reads the copied events first: rough ones, because a tenth of the default's sample takes a tenth
-- of its time; autovacuum soon makes better ones. It computes the expressions of indexes, which find their names as in the
-- applications' sessions.
-- database: target
-- script
BEGIN;
SET LOCAL default_statistics_target = 10;
SET LOCAL search_path = {{write_path}};
ANALYZE {{events}};
COMMIT
