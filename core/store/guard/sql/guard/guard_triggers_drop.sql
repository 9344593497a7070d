-- Drops triggers of one tenant whose names match {{pattern}} (LIKE). A tenant that had moved away from here is left to those
-- that all such tenants share. Needs an exclusive lock: only under a lock timeout. Where the tenant's writers were let in, the
-- floor of its events must be passed (55P03 otherwise).
-- database: store
-- script
DO $remove$
DECLARE
    v_name text;
BEGIN
    PERFORM tenantmv.guard_floor_passed(f.events) FROM tenantmv.fence f
      WHERE f.tenant_id = '{{tenant_id}}' AND f.events = {{events_key}} AND f.state = 'off';
    PERFORM tenantmv.share_triggers({{events_literal}}::regclass)
       FROM tenantmv.departed d WHERE d.tenant_id = '{{tenant_id}}' AND d.events = {{events_key}};
    FOR v_name IN SELECT tgname FROM pg_trigger
                   WHERE tgrelid = {{events_literal}}::regclass AND tgname LIKE '{{pattern}}' LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', v_name, {{events_literal}}::regclass);
    END LOOP;
END
$remove$
