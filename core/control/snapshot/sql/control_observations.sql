-- All stores, with the newest facts that an engine measured there and the newest failure that no later look of the same engine
-- made up for. Ages in microseconds, null when there is nothing. What another clock dated into the future is left out.
-- database: control
-- $1 bigint: what is further in the future than so many microseconds was written under another clock
-- $2 bigint: an engine that wrote nothing for so many microseconds is not known to run
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now, clock_timestamp() + make_interval(secs => $1::bigint / 1e6) AS latest)
SELECT s.id,
       (extract(epoch FROM clock.now - good.measured_at) * 1000000)::bigint, good.facts::text, good.engine_name,
       (extract(epoch FROM clock.now - bad.failed_at) * 1000000)::bigint,
       (extract(epoch FROM clock.now - bad.failing_since) * 1000000)::bigint, bad.cause, bad.hint, bad.engine_name,
       EXISTS (SELECT FROM tenantmv.lease l WHERE l.engine IS NOT NULL AND l.heartbeat_at > clock.now - interval '2 s')
       OR EXISTS (SELECT FROM tenantmv.store_observation o
                   WHERE greatest(o.measured_at, o.failed_at)
                         BETWEEN clock.now - make_interval(secs => $2::bigint / 1e6) AND clock.latest)
  FROM clock CROSS JOIN tenantmv.store s
  LEFT JOIN LATERAL (SELECT o.measured_at, o.facts, o.engine_name FROM tenantmv.store_observation o
                      WHERE o.store_id = s.id AND o.entry_at = s.changed_at AND o.measured_at <= clock.latest
                      ORDER BY o.measured_at DESC LIMIT 1) good ON true
  LEFT JOIN LATERAL (SELECT o.failed_at, o.failing_since, o.cause, o.hint, o.engine_name FROM tenantmv.store_observation o
                      WHERE o.store_id = s.id AND o.entry_at = s.changed_at AND o.failed_at <= clock.latest
                      ORDER BY o.failed_at DESC LIMIT 1) bad ON true
 ORDER BY s.id
