INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version, "timestamp",
                           payload)
SELECT e.event_id, s.aggregate_id, 'Order', 'OrderChanged', $1::uuid, 'test', v.version,
       timestamptz '2026-03-01 00:00:00+00' + v.version * interval '1 minute',
       jsonb_build_object('event_id', e.event_id, 'event_type', 'OrderChanged', 'aggregate_id', s.aggregate_id,
                          'aggregate_version', v.version, 'tenant_id', $1::uuid, 'amount', v.version * 1.50)
FROM (SELECT gen_random_uuid() AS aggregate_id, n FROM generate_series(1, $2::integer) AS n OFFSET 0) AS s
CROSS JOIN generate_series(1, $3::integer) AS v (version)
CROSS JOIN LATERAL (SELECT gen_random_uuid() AS event_id WHERE s.n > 0 AND v.version > 0) AS e
ORDER BY v.version, s.n
