-- One cutover at a time per source database: a session lock of ours, and the lock of eventsource-py's own cutover
-- (the first 8 bytes of SHA-256 of 'cutover:<tenant>', top bit cleared). False when somebody else holds it.
-- database: any
-- $1 text: what is locked, as text to be hashed
SELECT pg_try_advisory_lock(('x' || encode(substr(sha256(convert_to($1, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
                            & 9223372036854775807)
