-- A server as an operator looks at it. What the role may not see is null.
-- database: store
-- $1 text: schema of the events table
-- $2 text: the events table
WITH events AS (
    SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1::text AND c.relname = $2::text AND c.relkind IN ('r', 'p')
),
clients AS (
    SELECT count(*) AS all_of_them, count(*) FILTER (WHERE a.application_name LIKE 'tenantmv/%') AS ours
      FROM pg_stat_activity a WHERE a.backend_type = 'client backend'
),
oldest AS (
    SELECT a.pid, a.usename || coalesce(' ' || nullif(a.application_name, ''), '') AS who,
           (extract(epoch FROM clock_timestamp() - a.xact_start) * 1000000)::bigint AS age
      FROM pg_stat_activity a
     WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL
       AND a.backend_type = 'client backend'
     ORDER BY a.xact_start LIMIT 1
),
standbys AS (
    SELECT count(*) AS n, bool_or(r.sync_state IN ('sync', 'quorum')) AS synchronous,
           max((extract(epoch FROM r.replay_lag) * 1000000)::bigint) AS lag,
           max(CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) END)::bigint
               AS behind
      FROM pg_stat_replication r
)
SELECT current_setting('server_version_num')::integer, pg_is_in_recovery(),
       current_setting('default_transaction_read_only')::boolean,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'tenantmv' AND c.relname = 'store_version'),
       (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
       clients.all_of_them, current_setting('max_connections')::integer, clients.ours,
       oldest.age, oldest.pid, oldest.who,
       standbys.n, coalesce(standbys.synchronous, false),
       CASE WHEN pg_is_in_recovery() THEN
           CASE WHEN pg_last_wal_receive_lsn() IS NOT DISTINCT FROM pg_last_wal_replay_lsn() THEN 0
                ELSE (extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000000)::bigint END
            ELSE standbys.lag END,
       standbys.behind, pg_database_size(current_database()),
       (SELECT sum(pg_total_relation_size(t.oid))::bigint
          FROM (SELECT e.oid FROM events e
                UNION SELECT p.relid FROM events e, pg_partition_tree(e.oid::regclass) p) t),
       CASE WHEN inet_server_addr() IS NULL THEN (SELECT s.setting FROM pg_settings s WHERE s.name = 'data_directory') END,
       (SELECT d.xact_commit FROM pg_stat_database d WHERE d.datname = current_database()),
       coalesce((SELECT e.oid FROM events e), 0)
  FROM clients CROSS JOIN standbys LEFT JOIN oldest ON true
