-- Makes everything that is visible on the source durable: what has been written to the WAL so far is on disk, and on the
-- synchronous standby where there is one, when this returns. A sequence value, or a row of a writer with
-- synchronous_commit=off, is visible before.
-- database: source
SELECT CASE WHEN pg_current_wal_insert_lsn() <= pg_current_wal_flush_lsn()
                 AND current_setting('synchronous_standby_names') = '' THEN NULL
            ELSE pg_logical_emit_message(true, 'tenantmv', '') END
