-- What screens show. Not waited for on disk: a crash that loses it loses nothing. A figure that is not named stays as it is,
-- with the time of its measurement: who cannot look does not know, and does not say zero.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 jsonb: figures that are known, by the names of their columns: [value, age in microseconds]
-- $5 boolean: every gate is green
-- $6 text: step, null leaves it
-- $7 text: note, null leaves it
-- $8 jsonb: gates with their ages in microseconds, null leaves them
-- $9 boolean: keep a sample too
-- $10 text: what holds the copy now
-- $11 bigint: how long it was held since the last report, in microseconds
-- $12 boolean: it works: what it waited for is over
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok FROM quick),
clock AS MATERIALIZED (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now_us),
given AS MATERIALIZED (
    SELECT max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'events_total') AS events_total,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'events_copied') AS events_copied,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'rate') AS rate,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'lag_us') AS lag_us,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'lag_events') AS lag_events,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'verified_to') AS verified_to,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'watermark') AS watermark,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'eta_us') AS eta_us,
           max((f.value ->> 0)::bigint) FILTER (WHERE f.key = 'predicted_pause_us') AS predicted_pause_us,
           coalesce(jsonb_object_agg(f.key, clock.now_us - (f.value ->> 1)::bigint) FILTER (WHERE f.key IS NOT NULL), '{}')
               AS measured
      FROM clock LEFT JOIN LATERAL jsonb_each($4::jsonb) f ON true
),
gates AS MATERIALIZED (
    SELECT jsonb_agg(g.gate - 'age_us' || jsonb_build_object('at', clock.now_us - (g.gate ->> 'age_us')::bigint)
                     ORDER BY g.place) AS list,
           min(clock.now_us - (g.gate ->> 'age_us')::bigint) AS looked_at
      FROM clock, jsonb_array_elements($8::jsonb) WITH ORDINALITY g (gate, place)
),
totals AS (
    UPDATE public.tenant_migrations m
       SET events_total = coalesce(given.events_total, m.events_total),
           events_copied = coalesce(given.events_copied, m.events_copied)
      FROM mine, given
     WHERE mine.ok AND m.id = $1::uuid
       AND (coalesce(given.events_total, m.events_total), coalesce(given.events_copied, m.events_copied))
           IS DISTINCT FROM (m.events_total, m.events_copied)
    RETURNING m.id
),
state AS (
    UPDATE tenantmv.migration_state s
       SET rate = coalesce(given.rate, s.rate), lag_us = coalesce(given.lag_us, s.lag_us),
           lag_events = coalesce(given.lag_events, s.lag_events), verified_to = coalesce(given.verified_to, s.verified_to),
           watermark = coalesce(given.watermark, s.watermark), eta_us = coalesce(given.eta_us, s.eta_us),
           predicted_pause_us = coalesce(given.predicted_pause_us, s.predicted_pause_us), ready = $5::boolean,
           measured = s.measured || given.measured
                      || CASE WHEN gates.looked_at IS NULL THEN '{}' ELSE jsonb_build_object('gates', gates.looked_at) END,
           step = coalesce($6::text, s.step),
           -- a try is no news of what it is tried for
           note = CASE WHEN $7::text = '' AND NOT $12::boolean AND s.waiting_since IS NOT NULL THEN s.note
                       ELSE coalesce($7::text, s.note) END,
           gates = CASE WHEN $8::jsonb IS NULL THEN s.gates ELSE coalesce(gates.list, '[]') END,
           reported_at = clock_timestamp(),
           waiting_since = CASE WHEN NOT $12::boolean THEN s.waiting_since END,
           next_try_at = CASE WHEN NOT $12::boolean THEN s.next_try_at END,
           throttle = $10::text, throttled_us = s.throttled_us + $11::bigint
      FROM gates, given, mine LEFT JOIN totals ON true
     WHERE mine.ok AND s.migration_id = $1::uuid
),
old AS (
    DELETE FROM tenantmv.sample d USING mine
     WHERE mine.ok AND $9::boolean AND d.migration_id = $1::uuid AND d.at < clock_timestamp() - interval '1 hour'
       AND NOT EXISTS (SELECT FROM (SELECT a.started_at FROM tenantmv.cutover_attempt a WHERE a.migration_id = $1::uuid
                                     ORDER BY a.number DESC LIMIT 20) latest
                        WHERE d.at BETWEEN latest.started_at - interval '1 minute' AND latest.started_at + interval '1 minute')
),
kept AS (
    INSERT INTO tenantmv.sample (migration_id, at, events_copied, rate, lag_us, lag_events)
    SELECT $1::uuid, clock_timestamp(), coalesce(given.events_copied, m.events_copied, 0), coalesce(given.rate, -1),
           coalesce(given.lag_us, -1), coalesce(given.lag_events, -1)
      FROM mine, given, public.tenant_migrations m
     WHERE mine.ok AND $9::boolean AND m.id = $1::uuid
    ON CONFLICT DO NOTHING
)
SELECT ok FROM mine
