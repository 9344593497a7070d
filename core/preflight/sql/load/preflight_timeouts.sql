-- Timeouts of writers that are shorter than the longest pause: a write that is held would fail.
-- database: store
-- $1 bigint: the longest pause in milliseconds
WITH configured AS (
    SELECT coalesce('role ' || r.rolname, 'every role')
               || coalesce(' in ' || d.datname, '') AS whose,
           split_part(setting, '=', 1) AS name, substr(setting, strpos(setting, '=') + 1) AS value
    FROM pg_db_role_setting s
    CROSS JOIN unnest(s.setconfig) AS setting
    LEFT JOIN pg_roles r ON r.oid = s.setrole
    LEFT JOIN pg_database d ON d.oid = s.setdatabase
    WHERE (s.setdatabase = 0 OR d.datname = current_database()) AND r.rolname IS DISTINCT FROM current_user
    UNION ALL
    SELECT 'the server', name, reset_val || coalesce(unit, '') FROM pg_settings
    WHERE source <> 'client'
), parsed AS (
    SELECT whose, name, value, regexp_match(value, '^\s*([0-9]+)\s*(us|ms|s|min|h|d)?\s*$') AS m
    FROM configured
    WHERE name IN ('lock_timeout', 'statement_timeout', 'transaction_timeout')
), short AS (
    SELECT whose, name, value
    FROM parsed
    WHERE m IS NOT NULL AND m[1]::numeric > 0
      AND m[1]::numeric * CASE coalesce(m[2], 'ms')
                              WHEN 'us' THEN 0.001 WHEN 'ms' THEN 1 WHEN 's' THEN 1000 WHEN 'min' THEN 60000
                              WHEN 'h' THEN 3600000 ELSE 86400000 END < $1::bigint
    LIMIT 10
)
SELECT format('shorter than the pause of up to %s ms: %s', $1::bigint,
              string_agg(format('%s: %s = %s', whose, name, value), ', ')),
       'a write that is held during the cutover would fail: raise them above the pause until the tenant has '
           'moved, or lower cutover_timeout_ms'
FROM short
HAVING count(*) > 0
