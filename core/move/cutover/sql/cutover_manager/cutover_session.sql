-- The session that decides: what it runs was rehearsed a moment before, and is not planned again while writers wait.
-- database: source
-- script
SET plan_cache_mode = force_generic_plan
