-- Numbers that screens show. Not waited for on disk: a crash that loses them loses nothing.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 bigint: events in all
-- $5 bigint: events copied
-- $6 bigint: events per second
-- $7 bigint: lag in microseconds, -1 unknown
-- $8 bigint: lag in events, -1 unknown
-- $9 bigint: verified up to this position
-- $10 bigint: watermark
-- $11 bigint: microseconds to go, -1 unknown
-- $12 bigint: predicted pause in microseconds, -1 unknown
-- $13 boolean: every gate is green
-- $14 text: step, null leaves it
-- $15 text: note, null leaves it
-- $16 jsonb: gates, null leaves them
-- $17 boolean: keep a sample too
-- $18 text: what holds the copy now
-- $19 bigint: how long it was held since the last report, in microseconds
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok FROM quick),
totals AS (
    UPDATE public.tenant_migrations m SET events_total = $4::bigint, events_copied = $5::bigint
      FROM mine
     WHERE mine.ok AND m.id = $1::uuid AND (m.events_total, m.events_copied) IS DISTINCT FROM ($4::bigint, $5::bigint)
    RETURNING m.id
),
state AS (
    UPDATE tenantmv.migration_state s
       SET rate = $6::bigint, lag_us = $7::bigint, lag_events = $8::bigint, verified_to = $9::bigint,
           watermark = $10::bigint, eta_us = $11::bigint, predicted_pause_us = $12::bigint, ready = $13::boolean,
           step = coalesce($14::text, s.step), note = coalesce($15::text, s.note),
           gates = coalesce($16::jsonb, s.gates), reported_at = clock_timestamp(),
           waiting_since = NULL, next_try_at = NULL,
           throttle = $18::text, throttled_us = s.throttled_us + $19::bigint
      FROM mine LEFT JOIN totals ON true
     WHERE mine.ok AND s.migration_id = $1::uuid
),
old AS (
    DELETE FROM tenantmv.sample d USING mine
     WHERE mine.ok AND $17::boolean AND d.migration_id = $1::uuid AND d.at < clock_timestamp() - interval '1 hour'
       AND NOT EXISTS (SELECT FROM (SELECT a.started_at FROM tenantmv.cutover_attempt a WHERE a.migration_id = $1::uuid
                                     ORDER BY a.number DESC LIMIT 20) latest
                        WHERE d.at BETWEEN latest.started_at - interval '1 minute' AND latest.started_at + interval '1 minute')
),
kept AS (
    INSERT INTO tenantmv.sample (migration_id, at, events_copied, rate, lag_us, lag_events)
    SELECT $1::uuid, clock_timestamp(), $5::bigint, $6::bigint, $7::bigint, $8::bigint FROM mine
     WHERE mine.ok AND $17::boolean
    ON CONFLICT DO NOTHING
)
SELECT ok FROM mine
