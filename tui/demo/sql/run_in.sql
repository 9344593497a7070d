-- Makes a new server's log as long as that of one that has run for a while: :segments files of WAL, which the checkpoint
-- keeps for use again. A server without them makes one each 16 MB, in the middle of somebody's commit.
-- database: store
-- script
SELECT count(*) FROM (SELECT pg_logical_emit_message(false, 'demo', 'run in'), pg_switch_wal()
                        FROM generate_series(1, :segments) OFFSET 0) AS files;
CHECKPOINT;
