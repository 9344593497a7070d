-- Settings that would end the engine's own sessions, or make its locks misbehave.
-- database: store
-- $1 bigint: the lock budget in milliseconds
WITH wrong AS (
    SELECT format('transaction_timeout = %s ms ends a long copy', reset_val) AS what,
           format('ALTER ROLE %I SET transaction_timeout = 0;', current_user) AS fix
    FROM pg_settings WHERE name = 'transaction_timeout' AND reset_val <> '0'
    UNION ALL
    SELECT format('old_snapshot_threshold = %s min ends a long read', setting),
           'set old_snapshot_threshold = -1 and restart the server'
    FROM pg_settings WHERE name = 'old_snapshot_threshold' AND setting <> '-1'
    UNION ALL
    SELECT format('deadlock_timeout = %s ms is not above the lock budget', setting),
           format('lower lock_budget_ms, or ALTER ROLE %I SET deadlock_timeout = ''1s''; as a superuser', current_user)
    FROM pg_settings WHERE name = 'deadlock_timeout' AND setting::bigint <= $1::bigint
    UNION ALL
    SELECT format('the password of %s ends at %s', current_user, rolvaliduntil),
           format('ALTER ROLE %I VALID UNTIL ''infinity'';', current_user)
    FROM pg_roles WHERE rolname = current_user AND rolvaliduntil < now() + interval '7 days'
)
SELECT string_agg(what, '; '), string_agg(fix, ' ')
FROM wrong
HAVING count(*) > 0
