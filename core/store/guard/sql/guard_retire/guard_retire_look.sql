-- Whether a tenant's own triggers may be dropped here: the fence's state, how many triggers stand, whether this role sees
-- every session's snapshot, how many snapshots are as old as the fence's last change, and whether a cutover runs in this
-- database. Nothing when the fence row is not this migration's. A sender of the log counts too: one that makes a slot may
-- hand its snapshot to a session.
-- database: store
-- $1 uuid: tenant
-- $2 uuid: migration
-- $3 regclass: events table
-- $4 text: mark in the trigger names
-- $5 text: what a cutover locks, as text to be hashed (cutover_only_one_source)
SELECT f.state,
       (SELECT count(*) FROM pg_trigger t
         WHERE t.tgrelid = $3::regclass AND t.tgname LIKE '~tenantmv\_' || $4 || '\_%'),
       pg_has_role(current_user, 'pg_read_all_stats', 'USAGE'),
       (SELECT count(*) FROM pg_stat_activity a
         WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_xmin IS NOT NULL
           AND a.backend_type <> 'autovacuum worker'
           AND age(a.backend_xmin) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint - f.changed_xid::text::bigint),
       EXISTS (SELECT FROM pg_locks l
                WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
                  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                  AND l.classid::bigint << 32 | l.objid::bigint
                      = ('x' || encode(substr(sha256(convert_to($5, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
                        & 9223372036854775807)
  FROM tenantmv.fence f
 WHERE f.tenant_id = $1::uuid AND f.events = $3::regclass AND f.migration_id = $2::uuid
