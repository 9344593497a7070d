-- Asks the guard about a tenant as an insert would, without one: the guard looks at the row before the missing event type
-- is noticed. Fails with TM001 or TM002 when the tenant's writes do not belong here.
-- database: store
-- script
DO $ask$
BEGIN
    PERFORM set_config('tenantmv.epoch', {{epoch}}, true);
    INSERT INTO {{events}} ({{event_id}}, {{stream}}, {{stream_type}}, {{event_type}}, {{tenant}}, {{version}}, {{timestamp}},
                            {{payload}})
    VALUES (gen_random_uuid(), gen_random_uuid(), '-', NULL, '{{tenant_id}}', 1, clock_timestamp(), '{}');
EXCEPTION WHEN not_null_violation THEN
    NULL;
END
$ask$
