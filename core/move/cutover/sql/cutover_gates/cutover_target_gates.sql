-- What must be true of the target right before a cutover: whether the server takes writes, and the transaction of others with
-- the oldest id on the whole server, whatever its database, prepared ones included: until it ends, feed readers see no event
-- that is written after it began. Gives: read only; what it is, NULL without one; its id; its age in ms, NULL where this role
-- may not see it; whether a repair of the tenant's events has not come to its end.
-- database: target
-- $1 uuid: migration
SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean, o.who, o.xid, o.age_ms,
       EXISTS (SELECT FROM tenantmv.repair r WHERE r.migration_id = $1::uuid)
  FROM (SELECT) AS always
  LEFT JOIN LATERAL (
       SELECT h.who, h.xid::text, (extract(epoch FROM clock_timestamp() - h.since) * 1000)::bigint AS age_ms
         FROM (SELECT format('pid %s in database %s', a.pid, coalesce(a.datname, '-')) AS who, a.backend_xid AS xid,
                      a.xact_start AS since
                 FROM pg_stat_activity a
                WHERE a.pid <> pg_backend_pid() AND a.backend_xid IS NOT NULL
               UNION ALL
               SELECT format('prepared transaction %L in database %s', p.gid, p.database), p.transaction, p.prepared
                 FROM pg_prepared_xacts p) AS h
        ORDER BY age(h.xid) DESC LIMIT 1) AS o ON true
