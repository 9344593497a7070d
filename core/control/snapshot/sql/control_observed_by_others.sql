-- How long ago another engine measured each store, in microseconds; no row when none did.
-- database: control
-- $1 uuid: this engine
-- $2 bigint: what is further in the future than so many microseconds was written under another clock
SELECT o.store_id, greatest(0, (extract(epoch FROM clock_timestamp() - max(o.measured_at)) * 1000000)::bigint)
  FROM tenantmv.store_observation o JOIN tenantmv.store s ON s.id = o.store_id AND s.changed_at = o.entry_at
 WHERE o.engine <> $1::uuid AND o.measured_at < clock_timestamp() + make_interval(secs => $2::bigint / 1e6)
 GROUP BY o.store_id
