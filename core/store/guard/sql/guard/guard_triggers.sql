-- Creates and enables the guard's triggers of one tenant. Runs in a savepoint, under a short lock timeout; triggers that
-- stand already are kept. {{insert_level}} is ROW, or STATEMENT while history is copied into an empty target.
-- database: store
-- script
DO $install$
DECLARE
    v_relation regclass;
    v_trigger record;
BEGIN
    LOCK TABLE {{events}} IN SHARE ROW EXCLUSIVE MODE;
    PERFORM tenantmv.guard_floor_begin(g.events, g.floor) FROM tenantmv.guarded g
      WHERE g.events = {{events_literal}}::regclass;
    IF '{{insert_level}}' = 'ROW' AND NOT EXISTS (SELECT 1 FROM pg_trigger
            WHERE tgrelid = {{events_literal}}::regclass AND tgname = '~tenantmv_{{mark}}_insert') THEN
        EXECUTE format($create$
            CREATE TRIGGER "~tenantmv_{{mark}}_insert" BEFORE INSERT ON %s FOR EACH ROW
                WHEN (NEW.{{tenant}} = '{{tenant_id}}')
                EXECUTE FUNCTION tenantmv.guard_insert('{{tenant_id}}', '{{key}}', '{{events_oid}}', '{{sequence_oid}}', %L)
            $create$, {{events_literal}}::regclass, coalesce(tenantmv.guard_floor({{events_literal}}::regclass)::oid, 0));
    END IF;
    IF '{{insert_level}}' = 'STATEMENT' AND NOT EXISTS (SELECT 1 FROM pg_trigger
            WHERE tgrelid = {{events_literal}}::regclass AND tgname = '~tenantmv_{{mark}}_closed') THEN
        CREATE TRIGGER "~tenantmv_{{mark}}_closed" BEFORE INSERT ON {{events}} FOR EACH STATEMENT
            EXECUTE FUNCTION tenantmv.guard_closed('{{tenant_id}}', '{{key}}');
    END IF;
    IF NOT EXISTS (SELECT 1 FROM pg_trigger
            WHERE tgrelid = {{events_literal}}::regclass AND tgname = '~tenantmv_{{mark}}_update') THEN
        CREATE TRIGGER "~tenantmv_{{mark}}_update" BEFORE UPDATE ON {{events}} FOR EACH ROW
            WHEN (OLD.{{tenant}} = '{{tenant_id}}' OR NEW.{{tenant}} = '{{tenant_id}}')
            EXECUTE FUNCTION tenantmv.guard_change('{{tenant_id}}', '{{key}}');
        CREATE TRIGGER "~tenantmv_{{mark}}_delete" BEFORE DELETE ON {{events}} FOR EACH ROW
            WHEN (OLD.{{tenant}} = '{{tenant_id}}')
            EXECUTE FUNCTION tenantmv.guard_change('{{tenant_id}}', '{{key}}');
    END IF;
    -- TRUNCATE triggers are not cloned to partitions.
    FOR v_relation IN SELECT relid FROM pg_partition_tree({{events_literal}}::regclass)
                       UNION SELECT {{events_literal}}::regclass LOOP
        IF NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = v_relation AND tgname = '~tenantmv_truncate') THEN
            EXECUTE format('CREATE TRIGGER "~tenantmv_truncate" BEFORE TRUNCATE ON %s FOR EACH STATEMENT '
                           'EXECUTE FUNCTION tenantmv.guard_truncate()', v_relation);
        END IF;
    END LOOP;
    -- ALWAYS: session_replication_role must not turn the guard off. Clones have a flag of their own.
    FOR v_trigger IN SELECT t.tgrelid::regclass AS relation, t.tgname
                       FROM pg_trigger t
                      WHERE t.tgrelid IN (SELECT relid FROM pg_partition_tree({{events_literal}}::regclass)
                                           UNION SELECT {{events_literal}}::regclass)
                        AND (t.tgname LIKE '~tenantmv\_{{mark}}\_%' OR t.tgname = '~tenantmv_truncate')
                        AND t.tgenabled <> 'A' LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', v_trigger.relation, v_trigger.tgname);
    END LOOP;
END
$install$
