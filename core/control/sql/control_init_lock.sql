-- One installer at a time, and none that makes others wait for long behind its table locks.
-- database: control
-- script
SET LOCAL lock_timeout = '3s';
SET LOCAL client_min_messages = warning;
SELECT pg_advisory_xact_lock(hashtextextended('tenantmv.control_init', 0));
