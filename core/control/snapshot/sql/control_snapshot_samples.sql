-- The latest samples of some migrations, oldest first, with the migration's place in the list.
-- database: control
-- $1 uuid[]: migrations
-- $2 bigint: at most so many of each
SELECT w.place - 1, (extract(epoch FROM s.at) * 1000000)::bigint, s.events_copied, s.rate, s.lag_us, s.lag_events
  FROM unnest($1::uuid[]) WITH ORDINALITY AS w (id, place)
 CROSS JOIN LATERAL (SELECT * FROM tenantmv.sample x WHERE x.migration_id = w.id ORDER BY x.at DESC LIMIT $2::bigint) s
 ORDER BY w.place, s.at
