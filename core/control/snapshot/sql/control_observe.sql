-- Keeps what an engine saw of a store; nothing when the store was replaced or removed meanwhile. Not waited for on disk: a
-- crash that loses it loses nothing. Rows of engines that fell silent go, except facts that are not replaced by newer ones and
-- rows that another session has locked: an engine never waits for another one here.
-- database: control
-- $1 text: store
-- $2 text: the connection string that led there
-- $3 text: schema of the events table
-- $4 text: the events table
-- $5 uuid: engine
-- $6 text: its name
-- $7 bigint: how long ago, in microseconds
-- $8 jsonb: facts, null when the look failed
-- $9 text: why it failed, "" when it did not
-- $10 text: what to do
-- $11 bigint: microseconds after which an engine that wrote nothing counts as gone
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),
seen AS MATERIALIZED (
    SELECT s.id, s.changed_at AS entry_at, clock_timestamp() - make_interval(secs => $7::bigint / 1e6) AS at
      FROM quick, tenantmv.store s
     WHERE s.id = $1::text AND s.conninfo = $2::text AND s.events_schema = $3::text AND s.events_table = $4::text
),
silent AS (
    DELETE FROM tenantmv.store_observation WHERE (store_id, engine) IN (
        SELECT o.store_id, o.engine FROM tenantmv.store_observation o JOIN seen ON o.store_id = seen.id
         WHERE o.engine <> $5::uuid
           AND greatest(o.measured_at, o.failed_at)
               NOT BETWEEN seen.at - make_interval(secs => $11::bigint / 1e6) AND seen.at + make_interval(secs => $11::bigint / 1e6)
           AND ($8::jsonb IS NOT NULL OR o.measured_at IS NULL OR o.entry_at <> seen.entry_at)
           FOR UPDATE OF o SKIP LOCKED)
)
INSERT INTO tenantmv.store_observation AS o
    (store_id, engine, engine_name, entry_at, measured_at, facts, failed_at, failing_since, cause, hint)
SELECT seen.id, $5::uuid, $6::text, seen.entry_at, CASE WHEN $8::jsonb IS NOT NULL THEN seen.at END, $8::jsonb,
       CASE WHEN $8::jsonb IS NULL THEN seen.at END, CASE WHEN $8::jsonb IS NULL THEN seen.at END, $9::text, $10::text
  FROM seen
ON CONFLICT (store_id, engine) DO UPDATE
   SET engine_name = excluded.engine_name, entry_at = excluded.entry_at,
       measured_at = CASE WHEN excluded.facts IS NOT NULL THEN excluded.measured_at
                          WHEN o.entry_at = excluded.entry_at THEN o.measured_at END,
       facts = CASE WHEN excluded.facts IS NOT NULL THEN excluded.facts WHEN o.entry_at = excluded.entry_at THEN o.facts END,
       failed_at = excluded.failed_at,
       failing_since = CASE WHEN excluded.failed_at IS NULL THEN NULL
                            WHEN o.entry_at = excluded.entry_at THEN coalesce(o.failing_since, excluded.failing_since)
                            ELSE excluded.failing_since END,
       cause = excluded.cause, hint = excluded.hint
