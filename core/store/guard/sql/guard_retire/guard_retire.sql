-- Drops a resting tenant's own triggers. Where it has moved away, the ones that all such tenants share stand from the same
-- moment on. A migration that begins meanwhile changes the fence row first, and installs the tenant's own triggers after
-- that under the same table lock. Where it writes, the floor of its events must be passed (55P03 otherwise).
-- database: store
-- script
DO $retire$
DECLARE
    v_trigger record;
BEGIN
    PERFORM FROM tenantmv.fence f
      WHERE f.tenant_id = '{{tenant_id}}' AND f.events = {{events_key}} AND f.migration_id = {{migration}}
        AND f.state = {{state}} FOR SHARE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    LOCK TABLE {{events}} IN ACCESS EXCLUSIVE MODE;
    IF {{state}} = 'moved' THEN
        PERFORM tenantmv.share_triggers({{events_literal}}::regclass);
    ELSE
        PERFORM tenantmv.guard_floor_passed({{events_literal}}::regclass);
    END IF;
    FOR v_trigger IN SELECT t.tgname FROM pg_trigger t
                      WHERE t.tgrelid = {{events_literal}}::regclass AND t.tgname LIKE '~tenantmv\_{{mark}}\_%' LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', v_trigger.tgname, {{events_literal}}::regclass);
    END LOOP;
END
$retire$
