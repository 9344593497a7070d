-- The source forgot that the tenant moved: fences it again, under the tenant's exclusive lock, at the epoch that the target
-- has. First what it accepted meanwhile: number of events and their positions.
-- database: source
-- script
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = {{lock_ms}};
SET LOCAL idle_in_transaction_session_timeout = 1000;
DO $$ BEGIN PERFORM pg_advisory_xact_lock({{key}}); END $$;
SELECT count(*), min(e.{{position}}), max(e.{{position}}) FROM {{events}} e
 WHERE e.{{tenant}} = '{{tenant_id}}' AND e.{{position}} > {{watermark}};
SELECT tenantmv.decide({{events_key}}, '{{tenant_id}}', {{migration}}, {{owner_epoch}}, {{from_epoch}}, {{to_epoch}},
                       {{store}});
COMMIT
