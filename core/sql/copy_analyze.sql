-- Statistics for whoever reads the copied events first: rough ones, because a tenth of the default's sample takes a tenth
-- of its time; autovacuum soon makes better ones.
-- database: target
-- script
BEGIN;
SET LOCAL default_statistics_target = 10;
ANALYZE {{events}};
COMMIT
