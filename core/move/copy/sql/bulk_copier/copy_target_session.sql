-- What a copy writes goes to the disk while it writes. Otherwise the system writes tens of megabytes at once some time
-- later, and every commit of the server waits behind them. (bufmgr.c and postgres's page on backend_flush_after: 0 is the
-- only value where the system cannot do it.)
-- database: target
SELECT set_config('backend_flush_after', least(64, max_val::integer)::text, false)
  FROM pg_settings WHERE name = 'backend_flush_after'
