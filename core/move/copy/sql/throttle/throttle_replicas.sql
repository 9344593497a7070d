-- How far the standbys of a server are: how far its log goes now, and for each standby its name, how far it has replayed
-- that log, the lag it tells itself in microseconds, and whether our role may not see it.
-- database: source
SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint, coalesce(r.application_name, ''),
       pg_wal_lsn_diff(r.replay_lsn, '0/0')::bigint, (extract(epoch FROM r.replay_lag) * 1000000)::bigint,
       r.state IS NULL
  FROM pg_stat_replication r
 WHERE r.state IS NULL OR (r.state IN ('catchup', 'streaming') AND r.replay_lsn IS NOT NULL)
