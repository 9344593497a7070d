-- The latest samples of a migration, oldest first.
-- database: control
-- $1 uuid: migration
-- $2 bigint: at most so many
SELECT * FROM (
    SELECT (extract(epoch FROM s.at) * 1000000)::bigint, s.events_copied, s.rate, s.lag_us, s.lag_events
      FROM tenantmv.sample s
     WHERE s.migration_id = $1::uuid
     ORDER BY s.at DESC LIMIT $2::bigint
) latest ORDER BY 1
