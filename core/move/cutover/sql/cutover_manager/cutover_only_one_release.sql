-- Gives a lock of cutover_only_one_source back.
-- database: any
-- $1 text: what was locked
SELECT pg_advisory_unlock(('x' || encode(substr(sha256(convert_to($1, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
                          & 9223372036854775807)
