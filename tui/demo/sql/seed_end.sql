-- After history is filled in: the indexes that seed_begin.sql dropped, statistics for the planner.
-- database: store
-- script
SET maintenance_work_mem = '256MB';
SELECT definition FROM public.demo_index \gexec
DROP TABLE public.demo_index;
VACUUM (ANALYZE) public.events;
CHECKPOINT;
