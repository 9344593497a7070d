-- The tail's statements have one plan, the range of positions by the primary key, whatever the values and the statistics
-- say; planned once, because they run many times in a second and inside the pause.
-- database: any
-- script
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off
