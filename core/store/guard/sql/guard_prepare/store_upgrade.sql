-- Brings what an older version left in a store's schema tenantmv to this one: every row belongs to an events table, as the
-- primary keys say. Runs in a savepoint, under a short lock timeout, before the functions are replaced: no writer is inside
-- one of them meanwhile. In a store that is up to date, or was made just now, it finds nothing to do and locks nothing.
-- A row belongs to the tables on which its tenant has triggers of its own. Without any, it belongs to every table whose
-- shared triggers looked it up so far: the older version did not tell them apart.
-- database: store
-- script
DO $upgrade$
DECLARE
    v_tables oid[];
    v_first text;
    v_name text;
    v_table record;
BEGIN
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'tenantmv.fence'::regclass AND a.attname = 'events') THEN
        RETURN;
    END IF;
    SELECT array_agg(c.oid ORDER BY c.oid) INTO v_tables
      FROM pg_class c
     WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND pg_has_role(c.relowner, 'USAGE')
       AND c.oid IN (SELECT coalesce(pg_partition_root(t.tgrelid), t.tgrelid)
                       FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                      WHERE t.tgname LIKE '~tenantmv\_%' AND p.pronamespace = 'tenantmv'::regnamespace);
    FOR v_table IN SELECT t.oid::regclass AS name FROM unnest(v_tables) AS t (oid) LOOP
        EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', v_table.name);
    END LOOP;
    LOCK TABLE tenantmv.fence, tenantmv.owner, tenantmv.departed, tenantmv.applied IN ACCESS EXCLUSIVE MODE;
    INSERT INTO tenantmv.upgraded_guard (events, mark, digest, from_version)
    SELECT own.relid, own.mark, digest.digest, (SELECT version FROM tenantmv.store_version)
      FROM (SELECT DISTINCT t.tgrelid AS relid, substring(t.tgname FROM '^~tenantmv_([0-9a-f]{16})_') AS mark
              FROM pg_trigger t WHERE t.tgrelid = ANY (v_tables) AND t.tgname ~ '^~tenantmv_[0-9a-f]{16}_') AS own
     CROSS JOIN LATERAL (
           WITH RECURSIVE tree AS (SELECT own.relid AS relid
                                   UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON tree.relid = i.inhparent)
           SELECT encode(sha256(convert_to(string_agg(fact, ';' ORDER BY fact), 'UTF8')), 'hex') AS digest
             FROM (SELECT format('t %s %s %s %s %s %s', t.tgrelid, t.tgname, t.oid, t.xmin, t.tgenabled, t.tgfoid) AS fact
                     FROM pg_trigger t JOIN tree ON tree.relid = t.tgrelid
                    WHERE t.tgname LIKE '~tenantmv\_' || own.mark || '\_%' OR t.tgname = '~tenantmv_truncate'
                       OR (t.tgname > '~tenantmv_' AND t.tgname !~ '^~tenantmv_([0-9a-f]{16}_|truncate$)'
                           AND NOT t.tgisinternal
                           AND t.tgfoid NOT IN (SELECT p.oid FROM pg_proc p
                                                 WHERE p.pronamespace = 'tenantmv'::regnamespace
                                                   AND p.proname LIKE 'guard\_retired\_%'))
                   UNION ALL
                   SELECT format('f %s %s %s', p.oid, p.xmin, p.proname) FROM pg_proc p
                    WHERE p.pronamespace = 'tenantmv'::regnamespace AND p.proname LIKE 'guard\_%'
                   UNION ALL
                   SELECT format('r %s', relid) FROM tree) AS facts) AS digest
    ON CONFLICT DO NOTHING;
    v_first := coalesce(v_tables[1], {{events_key}}::oid)::text;
    -- With a constant default no row is written: a writer's old snapshot may still see it unchanged.
    EXECUTE format('ALTER TABLE tenantmv.applied ADD COLUMN events_table regclass NOT NULL DEFAULT %L::regclass;
                    ALTER TABLE tenantmv.applied ALTER COLUMN events_table DROP DEFAULT', v_first);
    FOR v_name IN SELECT c.relname FROM pg_class c
                   WHERE c.relnamespace = 'tenantmv'::regnamespace AND c.relname IN ('fence', 'owner', 'departed')
                     AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'events') LOOP
        EXECUTE format('ALTER TABLE tenantmv.%1$I ADD COLUMN events regclass NOT NULL DEFAULT %2$L::regclass;
                        ALTER TABLE tenantmv.%1$I ALTER COLUMN events DROP DEFAULT;
                        ALTER TABLE tenantmv.%1$I DROP CONSTRAINT %3$I;
                        ALTER TABLE tenantmv.%1$I ADD PRIMARY KEY (tenant_id, events)', v_name, v_first,
                       (SELECT k.conname FROM pg_constraint k
                         WHERE k.conrelid = ('tenantmv.' || v_name)::regclass AND k.contype = 'p'));
    END LOOP;
    IF cardinality(v_tables) > 1 THEN
        CREATE FUNCTION tenantmv.upgrade_tables(p_tenant uuid, p_tables oid[], p_moved boolean) RETURNS SETOF oid
            LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $tables$
            WITH own AS (
                SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.oid = ANY (p_tables)
                   AND EXISTS (SELECT FROM pg_trigger t
                                WHERE t.tgrelid = c.oid
                                  AND t.tgname LIKE '~tenantmv\_' || encode(substr(sha256(convert_to(
                                      format('tenantmv:%s.%s:%s', n.nspname, c.relname, p_tenant), 'UTF8')), 9, 8), 'hex')
                                      || '\_%')),
            shared AS (
                SELECT t.tgrelid AS oid FROM pg_trigger t
                 WHERE p_moved AND t.tgrelid = ANY (p_tables) AND t.tgname = '~tenantmv_retired_insert')
            SELECT oid FROM own
            UNION SELECT oid FROM shared
            UNION SELECT oid FROM unnest(p_tables) AS every (oid)
                   WHERE NOT EXISTS (SELECT FROM own) AND NOT EXISTS (SELECT FROM shared);
            $tables$;
        INSERT INTO tenantmv.fence (tenant_id, state, placement_epoch, store_id, migration_id, wait_ms, changed_at,
                                    changed_xid, events)
        SELECT f.tenant_id, f.state, f.placement_epoch, f.store_id, f.migration_id, f.wait_ms, f.changed_at, f.changed_xid, t
          FROM tenantmv.fence f, tenantmv.upgrade_tables(f.tenant_id, v_tables, f.state = 'moved') t
         WHERE t <> v_first::oid;
        INSERT INTO tenantmv.owner (tenant_id, migration_id, owner_epoch, events)
        SELECT o.tenant_id, o.migration_id, o.owner_epoch, t
          FROM tenantmv.owner o, tenantmv.upgrade_tables(o.tenant_id, v_tables, false) t WHERE t <> v_first::oid;
        INSERT INTO tenantmv.departed (tenant_id, store_id, migration_id, events)
        SELECT d.tenant_id, d.store_id, d.migration_id, t
          FROM tenantmv.departed d, tenantmv.upgrade_tables(d.tenant_id, v_tables, true) t WHERE t <> v_first::oid;
        DELETE FROM tenantmv.departed d WHERE d.events = v_first::oid
           AND NOT d.events = ANY (SELECT tenantmv.upgrade_tables(d.tenant_id, v_tables, true));
        UPDATE tenantmv.applied a SET events_table = (SELECT min(t) FROM tenantmv.upgrade_tables(a.tenant_id, v_tables, false) t);
        DELETE FROM tenantmv.owner o WHERE o.events = v_first::oid
           AND NOT o.events = ANY (SELECT tenantmv.upgrade_tables(o.tenant_id, v_tables, false));
        DELETE FROM tenantmv.fence f WHERE f.events = v_first::oid
           AND NOT f.events = ANY (SELECT tenantmv.upgrade_tables(f.tenant_id, v_tables, f.state = 'moved'));
        DROP FUNCTION tenantmv.upgrade_tables(uuid, oid[], boolean);
    END IF;
    -- The counter of rejected writes is the first table's; others begin at none.
    INSERT INTO tenantmv.guarded (events, rejected) VALUES (v_first::oid, 'tenantmv.rejected_writes');
    FOR v_table IN SELECT t.oid, t.n FROM unnest(v_tables) WITH ORDINALITY AS t (oid, n) WHERE t.n > 1 LOOP
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS tenantmv.%I', 'rejected_writes_' || v_table.n);
        INSERT INTO tenantmv.guarded (events, rejected)
        VALUES (v_table.oid, ('tenantmv.rejected_writes_' || v_table.n)::regclass);
    END LOOP;
    -- Whoever could read the older tables can read the new one.
    FOR v_table IN SELECT DISTINCT r.rolname FROM pg_class c, aclexplode(c.relacl) x JOIN pg_roles r ON r.oid = x.grantee
                    WHERE c.oid = 'tenantmv.fence'::regclass AND x.privilege_type = 'SELECT' AND x.grantee <> c.relowner LOOP
        EXECUTE format('GRANT SELECT ON tenantmv.guarded TO %I', v_table.rolname);
    END LOOP;
    DROP FUNCTION IF EXISTS tenantmv.guard_pass(uuid), tenantmv.guard_wait(uuid, bigint), tenantmv.guard_admit(uuid),
        tenantmv.guard_retired_refuse(uuid), tenantmv.observe(bigint),
        tenantmv.arm(uuid, uuid, bigint, bigint, bigint), tenantmv.decide(uuid, uuid, bigint, bigint, bigint, text);
END
$upgrade$;
-- A leg has a row of its own; what is there was written by the first.
DO $legs$
BEGIN
    IF EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'tenantmv.applied'::regclass AND a.attname = 'leg') THEN
        RETURN;
    END IF;
    EXECUTE format('ALTER TABLE tenantmv.applied
        ADD COLUMN leg smallint NOT NULL DEFAULT 1,
        ADD COLUMN mode text NOT NULL DEFAULT ''preserve'' CHECK (mode IN (''preserve'', ''append'')),
        ADD COLUMN base_from bigint NOT NULL DEFAULT 0,
        ADD COLUMN high bigint NOT NULL DEFAULT 0,
        DROP CONSTRAINT %I,
        ADD PRIMARY KEY (migration_id, leg)',
        (SELECT k.conname FROM pg_constraint k WHERE k.conrelid = 'tenantmv.applied'::regclass AND k.contype = 'p'));
    DROP FUNCTION IF EXISTS tenantmv.advance(uuid, bigint, bigint),
        tenantmv.guard_number(regclass, regclass, regclass, bigint),
        tenantmv.decide(regclass, uuid, uuid, bigint, bigint, bigint, text);
END
$legs$
