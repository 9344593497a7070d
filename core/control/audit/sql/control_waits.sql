-- An engine tries again later: why, since when, and when. Since when is kept until it works again (control_report_progress,
-- control_resumed), so that a try does not begin it anew. Figures stay with the time of their measurement; the lag that was
-- last known grows for whoever looks.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: microseconds until the next try
-- $5 bigint: microseconds since it began at least
-- $6 text: why
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok FROM quick),
state AS (
    UPDATE tenantmv.migration_state s
       SET waiting_since = coalesce(s.waiting_since, clock_timestamp() - $5::bigint * interval '1 microsecond'),
           next_try_at = clock_timestamp() + $4::bigint * interval '1 microsecond',
           step = 'waiting to try again', note = $6::text, ready = false, throttle = ''
      FROM mine WHERE mine.ok AND s.migration_id = $1::uuid
)
SELECT ok FROM mine
