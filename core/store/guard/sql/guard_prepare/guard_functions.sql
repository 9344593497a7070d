-- The guard's functions (design §6). Created once per database, and again by a program that knows newer ones; migrations
-- and events tables share them. What is said of a tenant is said for one events table: the fence, the owner, the position
-- sequence and the counter of rejected writes are looked up for the table that fired the trigger, or its root.
-- The trigger arguments are: 0 the tenant, 1 the key of its advisory lock; for inserts also 2 the oid of the (root) events
-- table, 3 the oid of the position sequence, 4 that of the floor of transaction ids, 0 where rows carry none. These three
-- only save a look-up: triggers of an older release have none, and a restored database has other oids.
-- database: store
-- script
-- Whether the engine that owns this tenant's migration writes.
CREATE OR REPLACE FUNCTION tenantmv.guard_pass(p_tenant uuid, p_events regclass) RETURNS boolean
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    -- Any role can set a setting; so it counts only in sessions of the engine's own role (the functions' owner).
    RETURN pg_has_role(session_user, current_user, 'MEMBER')
       AND EXISTS (SELECT 1 FROM tenantmv.owner o
                    WHERE o.tenant_id = p_tenant AND o.events = p_events
                      AND o.migration_id || '/' || o.owner_epoch = current_setting('tenantmv.pass', true));
END
$guard$;

-- The position sequence of an events table: the one in the position's default.
CREATE OR REPLACE FUNCTION tenantmv.guard_sequence(p_events regclass) RETURNS regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $guard$
    SELECT s.oid::regclass
      FROM pg_attribute a
      JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
      JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
      JOIN pg_class s ON s.oid = p.refobjid AND s.relkind = 'S'
     WHERE a.attrelid = p_events AND a.attname = {{position_literal}}
     ORDER BY s.oid LIMIT 1
$guard$;

-- A sequence's value: the highest position handed out; one less than its start while it was never used.
CREATE OR REPLACE FUNCTION tenantmv.guard_value(p_sequence regclass) RETURNS bigint
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_value bigint := pg_sequence_last_value(p_sequence);
BEGIN
    IF v_value IS NULL THEN
        EXECUTE format('SELECT last_value - (NOT is_called)::int FROM %s', p_sequence) INTO v_value;
    END IF;
    RETURN v_value;
END
$guard$;

-- Where rows carry the id of their writer's transaction (a column's type and default say so, not its name alone), feed readers
-- hide those whose id is not below their horizon, and go on by position: a row with a lower position that becomes readable
-- later is skipped. The default takes the id before the guard takes the position, and a writer may have had its id for long.
-- So the guard gives a row the floor: the highest id of all transactions that got a position of this table before it, its own
-- included. It is a sequence's value, which survives every rollback.
-- The floor of an events table; NULL where rows carry no such id.
CREATE OR REPLACE FUNCTION tenantmv.guard_floor(p_events regclass) RETURNS regclass
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $guard$
    WITH RECURSIVE resolved (type, expression) AS (
        SELECT a.atttypid, pg_get_expr(d.adbin, d.adrelid)
          FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         WHERE a.attrelid = p_events AND a.attname = {{transaction_literal}} AND a.attgenerated = ''
        UNION ALL
        SELECT t.typbasetype, r.expression FROM resolved r JOIN pg_type t ON t.oid = r.type WHERE t.typtype = 'd')
    SELECT g.floor FROM tenantmv.guarded g, resolved r
     WHERE g.events = p_events AND r.type = 'xid8'::regtype AND r.expression = 'pg_current_xact_id()'
$guard$;

-- Takes positions (NULL where the sequence is), and the floor that goes with them, after raising it to an id: an array of these.
-- Its callers have set the search_path; doing it here, or handing out a row, would cost as much as the rest. In a section
-- that one session at a time is in: the floor rises first, so that whoever has a higher position finds it risen. The lock ends
-- with the subtransaction that took it, which is always rolled back: no error, cancel or end of a session in between leaves
-- it behind, and what sequences were told stays. A session that is stopped inside turns the others away after a second.
CREATE OR REPLACE FUNCTION tenantmv.guard_number(p_events regclass, p_sequence regclass, p_floor regclass, p_least bigint,
                                                  p_count integer DEFAULT 1)
    RETURNS bigint[] LANGUAGE plpgsql VOLATILE AS $guard$
DECLARE
    v_floor bigint;
    v_positions bigint[];
    v_who text;
BEGIN
    BEGIN
        IF NOT pg_try_advisory_xact_lock(1414354502, p_floor::oid::integer) THEN
            PERFORM set_config('lock_timeout', '1s', true);
            PERFORM pg_advisory_xact_lock(1414354502, p_floor::oid::integer);
        END IF;
        v_floor := pg_sequence_last_value(p_floor);
        IF v_floor IS NULL OR v_floor < p_least THEN
            v_floor := setval(p_floor, p_least);
        END IF;
        IF p_count = 1 THEN
            v_positions := ARRAY[nextval(p_sequence)];
        ELSE
            v_positions := ARRAY(SELECT nextval(p_sequence) FROM generate_series(1, p_count));
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'TM000';
    EXCEPTION
        WHEN SQLSTATE 'TM000' THEN
            RETURN v_positions || v_floor;
        WHEN lock_not_available THEN
            NULL;
    END;
    SELECT string_agg(format('pid %s', l.pid), ', ') INTO v_who FROM pg_locks l
     WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
       AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
       AND l.classid = 1414354502 AND l.objid = p_floor::oid;
    PERFORM tenantmv.guard_reject(p_events);
    RAISE EXCEPTION 'a session that is taking a position in % does not continue: %', p_events, coalesce(v_who, 'it has ended')
        USING ERRCODE = 'TM002', HINT = 'Repeat the transaction; if it fails again, end the session that is named.';
END
$guard$;

-- Raises the floor to every id that is over by now, and to this transaction's own.
CREATE OR REPLACE FUNCTION tenantmv.guard_floor_raise(p_events regclass, p_floor regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_own bigint := pg_current_xact_id()::text::bigint;
    v_over bigint := pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1;
BEGIN
    PERFORM tenantmv.guard_number(p_events, NULL, p_floor, greatest(v_own, v_over));
END
$guard$;

-- Raises the floor to every id that a row of the table can carry by now, under a lock that keeps writers out. One that was
-- restored from another cluster may be beyond all ids of this one: it begins again.
CREATE OR REPLACE FUNCTION tenantmv.guard_floor_begin(p_events regclass, p_floor regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    BEGIN
        PERFORM pg_xact_status(pg_sequence_last_value(p_floor)::text::xid8);
    EXCEPTION WHEN invalid_parameter_value THEN
        PERFORM setval(p_floor, 1);
    END;
    PERFORM tenantmv.guard_floor_raise(p_events, p_floor);
END
$guard$;

-- Refuses (55P03) while a transaction with an id up to the floor is under way, other than this one. Its rows would carry that
-- id once the guard is gone: a reader could read them, pass over earlier ones that have the floor, and never see those. Asked
-- under a lock that keeps writers out.
CREATE OR REPLACE FUNCTION tenantmv.guard_floor_passed(p_events regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_floor bigint;
    v_who text;
BEGIN
    SELECT pg_sequence_last_value(g.floor) INTO v_floor FROM tenantmv.guarded g WHERE g.events = p_events;
    SELECT CASE WHEN a.pid IS NOT NULL THEN format('pid %s (%s)', a.pid, coalesce(nullif(a.application_name, ''), a.usename))
                WHEN p.gid IS NOT NULL THEN format('prepared transaction ''%s''', p.gid)
                ELSE 'it has just ended' END
      INTO v_who
      FROM pg_snapshot_xip(pg_current_snapshot()) AS r (id)
      LEFT JOIN pg_stat_activity a ON a.backend_xid::text::bigint = r.id::text::bigint & 4294967295
      LEFT JOIN pg_prepared_xacts p ON p.transaction::text::bigint = r.id::text::bigint & 4294967295
     WHERE r.id::text::bigint <= v_floor AND r.id IS DISTINCT FROM pg_current_xact_id_if_assigned()
     ORDER BY r.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'a transaction is older than the newest guarded event: %', v_who USING ERRCODE = '55P03';
    END IF;
END
$guard$;

-- Counts a write that the guard of a table turned away. By a sequence: it survives the write's rollback.
CREATE OR REPLACE FUNCTION tenantmv.guard_reject(p_events regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    PERFORM nextval(g.rejected) FROM tenantmv.guarded g WHERE g.events = p_events;
END
$guard$;

-- The slow path: an exclusive request is queued or granted. Waits for longer than any pause may last; when that passes,
-- the session that holds the exclusive lock is stuck, and is ended, unless it waits for a synchronous standby:
-- ending that one would commit it. Whoever cannot be ended, or only queues, holds writers for five seconds more at most:
-- anybody can ask for an advisory lock.
CREATE OR REPLACE FUNCTION tenantmv.guard_wait(p_tenant uuid, p_events regclass, p_key bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '600ms' AS $guard$
DECLARE
    v_wait integer;
    v_known boolean;
    v_until timestamptz;
    v_who text;
BEGIN
    SELECT f.wait_ms INTO v_wait FROM tenantmv.fence f WHERE f.tenant_id = p_tenant AND f.events = p_events;
    v_known := FOUND; -- no session is ended for a table that has no fence
    v_wait := coalesce(v_wait, 600);
    v_until := clock_timestamp() + (v_wait + 5000) * interval '1 ms';
    PERFORM set_config('lock_timeout', v_wait::text, true);
    LOOP
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(p_key);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            NULL;
        END;
        EXIT WHEN clock_timestamp() >= v_until;
        BEGIN
            PERFORM pg_terminate_backend(l.pid)
               FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
              WHERE v_known AND l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND l.granted
                AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
                AND l.classid = ((p_key >> 32) & 4294967295)::oid AND l.objid = (p_key & 4294967295)::oid
                AND l.objsubid = 1
                AND a.wait_event IS DISTINCT FROM 'SyncRep';
        EXCEPTION WHEN insufficient_privilege THEN
            NULL; -- a session of another role: it is named below
        END;
    END LOOP;
    SELECT string_agg(format('%s %s it', CASE WHEN l.pid IS NULL THEN 'a prepared transaction'
                                              ELSE format('pid %s (role %s, application "%s")', l.pid, a.usename,
                                                          a.application_name) END,
                             CASE WHEN l.granted THEN 'holds' ELSE 'waits for' END), ', ' ORDER BY l.granted DESC, l.pid)
      INTO v_who
      FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
     WHERE l.locktype = 'advisory' AND l.mode = 'ExclusiveLock' AND l.objsubid = 1
       AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
       AND l.classid = ((p_key >> 32) & 4294967295)::oid AND l.objid = (p_key & 4294967295)::oid;
    PERFORM tenantmv.guard_reject(p_events);
    RAISE EXCEPTION 'the lock of tenant % could not be taken: %', p_tenant, coalesce(v_who, 'it is free again')
        USING ERRCODE = 'TM002', HINT = 'Repeat the transaction; if it fails again, end the session that is named.';
END
$guard$;

-- Reads the fence so that it is current under every isolation level, and admits, waits, or raises.
CREATE OR REPLACE FUNCTION tenantmv.guard_admit(p_tenant uuid, p_events regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_fence record;
    v_fresh boolean := current_setting('transaction_isolation') IN ('read committed', 'read uncommitted');
    v_until timestamptz;
BEGIN
    LOOP
        IF v_fresh THEN
            SELECT f.state, f.placement_epoch, f.store_id, f.wait_ms INTO v_fence
              FROM tenantmv.fence f WHERE f.tenant_id = p_tenant AND f.events = p_events;
        ELSE
            -- An old snapshot would still see the old state; locking the row makes the server notice (40001).
            SELECT f.state, f.placement_epoch, f.store_id, f.wait_ms INTO v_fence
              FROM tenantmv.fence f WHERE f.tenant_id = p_tenant AND f.events = p_events FOR SHARE;
        END IF;
        IF NOT FOUND THEN
            IF v_fresh THEN
                RAISE EXCEPTION 'the guard of tenant % does not belong to the table %', p_tenant, p_events
                    USING ERRCODE = '42501', HINT = 'Only tenantmv puts its triggers on a table.';
            END IF;
            -- The row was committed before this trigger existed, so the snapshot is older than the row.
            RAISE EXCEPTION 'the snapshot of this transaction is older than the fence of tenant %', p_tenant
                USING ERRCODE = '40001', HINT = 'Repeat the transaction.';
        END IF;
        IF v_fence.state IN ('open', 'off') THEN
            RETURN;
        END IF;
        IF v_fence.state = 'armed' AND current_setting('tenantmv.epoch', true) = v_fence.placement_epoch::text THEN
            RETURN;
        END IF;
        EXIT WHEN v_fence.state <> 'armed' OR NOT v_fresh;
        v_until := coalesce(v_until, clock_timestamp() + v_fence.wait_ms * interval '1 ms');
        EXIT WHEN clock_timestamp() >= v_until;
        PERFORM pg_sleep(0.002);
    END LOOP;
    -- A session that only warms itself up was not turned away.
    IF coalesce(current_setting('tenantmv.warm', true), '') = '' THEN
        PERFORM tenantmv.guard_reject(p_events);
    END IF;
    IF v_fence.state = 'moved' THEN
        RAISE EXCEPTION 'tenant % has moved to store %', p_tenant, v_fence.store_id
            USING ERRCODE = 'TM001',
                  DETAIL = json_build_object('store_id', v_fence.store_id,
                                             'placement_epoch', v_fence.placement_epoch)::text,
                  HINT = 'Write to the store that is named in the detail.';
    END IF;
    RAISE EXCEPTION 'writes for tenant % are not accepted on this store at the moment', p_tenant
        USING ERRCODE = 'TM002', HINT = 'The tenant is being moved; look up its store and repeat the transaction.';
END
$guard$;

-- What a cutover asks of a held writer stands here, not in the functions above: they would be compiled and planned by every
-- held session for the first time, all at once, in the few milliseconds that matter.
CREATE OR REPLACE FUNCTION tenantmv.guard_insert() RETURNS trigger
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_events regclass := TG_RELID;
    v_sequence regclass;
    v_floor regclass;
    v_own bigint;
    v_txid bigint;
    v_position bigint;
    v_numbers bigint[];
    v_state text;
    v_epoch bigint;
    v_store text;
    v_timeout text;
    v_ignored text;
BEGIN
    -- The table itself says whose guard this is; the arguments do not, because they can be written by others.
    IF TG_NARGS < 4 OR TG_RELID <> TG_ARGV[2]::oid THEN
        v_events := coalesce(pg_partition_root(TG_RELID), TG_RELID);
    END IF;
    IF current_setting('tenantmv.pass', true) <> '' THEN
        IF tenantmv.guard_pass(TG_ARGV[0]::uuid, v_events) THEN
            RETURN NEW;
        END IF;
    END IF;
    -- 1. Be countable: whoever takes the exclusive lock waits for every writer that got this far.
    IF NOT pg_try_advisory_xact_lock_shared(TG_ARGV[1]::bigint) THEN
        v_timeout := current_setting('lock_timeout');
        BEGIN
            v_ignored := set_config('lock_timeout', '100ms', true);
            PERFORM pg_advisory_xact_lock_shared(TG_ARGV[1]::bigint);
            v_ignored := set_config('lock_timeout', v_timeout, true);
        EXCEPTION WHEN lock_not_available THEN
            PERFORM tenantmv.guard_wait(TG_ARGV[0]::uuid, v_events, TG_ARGV[1]::bigint);
        END;
    END IF;
    -- 2. and 3. The fence, in a statement of its own after the lock.
    IF current_setting('transaction_isolation') = 'read committed' THEN
        SELECT f.state, f.placement_epoch, f.store_id INTO v_state, v_epoch, v_store
          FROM tenantmv.fence f WHERE f.tenant_id = TG_ARGV[0]::uuid AND f.events = v_events;
    END IF;
    IF v_state IS DISTINCT FROM 'open'
       AND NOT coalesce(v_state = 'armed' AND current_setting('tenantmv.epoch', true) = v_epoch::text, false) THEN
        IF v_state = 'moved' AND coalesce(current_setting('tenantmv.warm', true), '') = '' THEN
            PERFORM tenantmv.guard_reject(v_events);
            RAISE EXCEPTION 'tenant % has moved to store %', TG_ARGV[0], v_store
                USING ERRCODE = 'TM001',
                      DETAIL = json_build_object('store_id', v_store, 'placement_epoch', v_epoch)::text,
                      HINT = 'Write to the store that is named in the detail.';
        END IF;
        PERFORM tenantmv.guard_admit(TG_ARGV[0]::uuid, v_events);
    END IF;
    -- 4. The position, after the lock: this is what makes the tail's horizon exact.
    IF TG_NARGS >= 5 AND v_events = TG_ARGV[2]::oid THEN
        v_sequence := TG_ARGV[3]::oid;
        v_floor := nullif(TG_ARGV[4]::oid, 0);
    ELSE
        v_sequence := tenantmv.guard_sequence(v_events);
        v_floor := tenantmv.guard_floor(v_events);
    END IF;
    IF v_floor IS NULL THEN
        NEW.{{position}} := nextval(v_sequence);
        RETURN NEW;
    END IF;
    -- Rows carry a transaction id, which rises with the position (guard_floor). Without the section, where this transaction's
    -- id need not raise the floor, and it was the same before and after the position was taken: then nobody raised it in
    -- between, and whoever takes a higher position finds at least that floor.
    v_own := pg_current_xact_id()::text::bigint;
    v_txid := pg_sequence_last_value(v_floor);
    IF v_txid >= v_own THEN
        v_position := nextval(v_sequence);
        IF pg_sequence_last_value(v_floor) <> v_txid THEN
            v_position := NULL;
        END IF;
    END IF;
    IF v_position IS NULL THEN
        v_numbers := tenantmv.guard_number(v_events, v_sequence, v_floor, v_own);
        v_position := v_numbers[1];
        v_txid := v_numbers[2];
    END IF;
    NEW.{{position}} := v_position;
    NEW.{{transaction}} := v_txid::text::xid8;
    RETURN NEW;
END
$guard$;

-- UPDATE and DELETE of a tenant's events: history does not change while it is moved.
CREATE OR REPLACE FUNCTION tenantmv.guard_change() RETURNS trigger
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_events regclass := coalesce(pg_partition_root(TG_RELID), TG_RELID);
    v_state text;
BEGIN
    IF current_setting('tenantmv.pass', true) <> '' THEN
        IF tenantmv.guard_pass(TG_ARGV[0]::uuid, v_events) THEN
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END IF;
    END IF;
    SELECT f.state INTO v_state FROM tenantmv.fence f WHERE f.tenant_id = TG_ARGV[0]::uuid AND f.events = v_events FOR SHARE;
    IF v_state = 'off' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    PERFORM tenantmv.guard_reject(v_events);
    RAISE EXCEPTION '% of an event of tenant % is refused: the tenant is being moved or has moved', TG_OP, TG_ARGV[0]
        USING ERRCODE = 'TM003', HINT = 'Abort the migration, or repeat this on the tenant''s store after it.';
END
$guard$;

-- Every statement that inserts, while the row guard would only slow the bulk copy down (empty dedicated target).
CREATE OR REPLACE FUNCTION tenantmv.guard_closed() RETURNS trigger
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_events regclass := coalesce(pg_partition_root(TG_RELID), TG_RELID);
BEGIN
    IF current_setting('tenantmv.pass', true) <> '' THEN
        IF tenantmv.guard_pass(TG_ARGV[0]::uuid, v_events) THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM tenantmv.guard_reject(v_events);
    RAISE EXCEPTION 'this store takes no writes: the history of tenant % is being copied into it', TG_ARGV[0]
        USING ERRCODE = 'TM002', HINT = 'Wait for the migration, or abort it.';
END
$guard$;

-- Tenants that have moved away have no triggers of their own any more: these two look every row's tenant up in the fence.
-- Nobody's snapshot is older than what the fence says of a tenant without triggers (guard_retire_look): what they read is
-- so now, and a row that is not found means a tenant that never moved. Whoever moves now is judged by triggers of its own.
-- A tenant that was found there may have moved away from another events table of this database: only now it is asked
-- which table this is.
CREATE OR REPLACE FUNCTION tenantmv.guard_retired_refuse(p_tenant uuid, p_relation regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_events regclass := coalesce(pg_partition_root(p_relation), p_relation);
BEGIN
    IF EXISTS (SELECT FROM tenantmv.fence f WHERE f.tenant_id = p_tenant AND f.events = v_events)
       AND NOT tenantmv.guard_pass(p_tenant, v_events) THEN
        PERFORM tenantmv.guard_admit(p_tenant, v_events);
    END IF;
END
$guard$;

-- Every row of every tenant comes through here. Setting a search_path would cost more than all the rest: instead every
-- name is qualified, the operators too.
CREATE OR REPLACE FUNCTION tenantmv.guard_retired_insert() RETURNS trigger
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER AS $guard$
BEGIN
    PERFORM FROM tenantmv.fence f
      WHERE f.tenant_id OPERATOR(pg_catalog.=) NEW.{{tenant}}
        AND f.state OPERATOR(pg_catalog.<>) ALL ('{open,off}'::pg_catalog.text[]);
    IF FOUND THEN
        PERFORM tenantmv.guard_retired_refuse(NEW.{{tenant}}, TG_RELID);
    END IF;
    RETURN NEW;
END
$guard$;

-- What a tenant left behind is a copy that nobody writes any more: the engine's role may remove it (preflight advises that
-- before the tenant moves back), nobody else. A tenant that still has triggers of its own is refused by these.
CREATE OR REPLACE FUNCTION tenantmv.guard_retired_change() RETURNS trigger
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_events regclass;
    v_fence record;
BEGIN
    FOR v_fence IN SELECT f.tenant_id, f.events, f.state FROM tenantmv.fence f
                    WHERE f.tenant_id IN (OLD.{{tenant}}, NEW.{{tenant}}) AND f.state <> ALL ('{open,off}') LOOP
        v_events := coalesce(v_events, pg_partition_root(TG_RELID), TG_RELID);
        IF v_fence.events = v_events AND NOT tenantmv.guard_pass(v_fence.tenant_id, v_events)
           AND NOT (TG_OP = 'DELETE' AND v_fence.state = 'moved' AND pg_has_role(session_user, current_user, 'MEMBER')) THEN
            PERFORM tenantmv.guard_reject(v_events);
            RAISE EXCEPTION '% of an event of tenant % is refused: the tenant has moved', TG_OP, v_fence.tenant_id
                USING ERRCODE = 'TM003', HINT = 'Repeat this on the tenant''s store.';
        END IF;
    END LOOP;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$guard$;

-- Makes the triggers that all tenants share who have moved away, unless they stand. Needs the table's exclusive lock.
CREATE OR REPLACE FUNCTION tenantmv.share_triggers(p_events regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $share$
DECLARE
    v_trigger record;
BEGIN
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = p_events AND tgname = '~tenantmv_retired_insert') THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TRIGGER "~tenantmv_retired_insert" BEFORE INSERT ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenantmv.guard_retired_insert()', p_events);
    EXECUTE format('CREATE TRIGGER "~tenantmv_retired_update" BEFORE UPDATE ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenantmv.guard_retired_change()', p_events);
    EXECUTE format('CREATE TRIGGER "~tenantmv_retired_delete" BEFORE DELETE ON %s FOR EACH ROW
                    EXECUTE FUNCTION tenantmv.guard_retired_change()', p_events);
    FOR v_trigger IN SELECT t.tgrelid::regclass AS relation, t.tgname
                       FROM pg_trigger t
                      WHERE t.tgrelid IN (SELECT relid FROM pg_partition_tree(p_events) UNION SELECT p_events)
                        AND t.tgname LIKE '~tenantmv\_retired\_%' LOOP
        EXECUTE format('ALTER TABLE ONLY %s ENABLE ALWAYS TRIGGER %I', v_trigger.relation, v_trigger.tgname);
    END LOOP;
END
$share$;

CREATE OR REPLACE FUNCTION tenantmv.guard_truncate() RETURNS trigger
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_tenant uuid;
BEGIN
    SELECT f.tenant_id INTO v_tenant FROM tenantmv.fence f
     WHERE f.state <> 'off' AND f.events = coalesce(pg_partition_root(TG_RELID), TG_RELID) LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'TRUNCATE is refused: tenant % is being moved or has moved', v_tenant
            USING ERRCODE = 'TM003', HINT = 'Abort the migration first.';
    END IF;
    RETURN NULL;
END
$guard$;

-- One reading for the horizon: first V, then L (design §7); the order of the statements matters. As a function its plans
-- are kept, and it costs one round trip. L by virtualtransaction: a pid is NULL after PREPARE.
CREATE OR REPLACE FUNCTION tenantmv.observe(p_key bigint, p_sequence regclass, OUT value bigint, OUT server_start text,
                                             OUT holders text)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    value := tenantmv.guard_value(p_sequence);
    SELECT string_agg(DISTINCT l.virtualtransaction, ',') INTO holders FROM pg_locks l
     WHERE l.locktype = 'advisory' AND l.mode = 'ShareLock' AND l.granted
       AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
       AND l.classid = ((p_key >> 32) & 4294967295)::oid AND l.objid = (p_key & 4294967295)::oid AND l.objsubid = 1;
    server_start := pg_postmaster_start_time()::text;
END
$guard$;

-- A digest of the versions of the catalogue's rows from which the facts of guard_facts.sql are read: while it is the same,
-- the facts are the same. It costs a tenth of reading them, because nothing is written out and its plan, by indexes, is
-- kept: it can be asked for every second, and while writers are held. Another digest need not mean other facts: they are
-- read then. STABLE: it sees what the statement sees that asks for it.
CREATE OR REPLACE FUNCTION tenantmv.guard_glance(p_events oid, p_sequence oid, p_mark text) RETURNS text
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $guard$
BEGIN
    RETURN (
        WITH RECURSIVE tree AS (SELECT p_events AS relid, NULL::xid AS attached
                                UNION ALL
                                SELECT i.inhrelid, i.xmin FROM pg_inherits i JOIN tree ON tree.relid = i.inhparent),
        seen (version) AS (
            SELECT 'r' || c.oid || ' ' || c.xmin || ' ' || n.xmin || ' ' || coalesce(t.attached::text, '')
              FROM tree t JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
            UNION ALL
            SELECT 'a' || a.attnum || ' ' || a.xmin || ' ' || coalesce(y.xmin || ' ' || n.xmin, '')
              FROM pg_attribute a LEFT JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_namespace n ON n.oid = y.typnamespace
             WHERE a.attrelid = p_events AND a.attnum > 0
            UNION ALL
            SELECT 'd' || d.oid || ' ' || d.xmin FROM pg_attrdef d WHERE d.adrelid = p_events
            UNION ALL
            SELECT 's' || q.seqrelid || ' ' || q.xmin || ' ' || c.xmin || ' ' || n.xmin
              FROM pg_sequence q JOIN pg_class c ON c.oid = q.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE q.seqrelid = p_sequence
            UNION ALL
            SELECT 't' || g.oid || ' ' || g.xmin FROM tree t JOIN pg_trigger g ON g.tgrelid = t.relid
             WHERE g.tgname LIKE '~tenantmv\_' || p_mark || '\_%' OR g.tgname !~ '^~tenantmv_[0-9a-f]{16}_'
            UNION ALL
            SELECT 'w' || w.oid || ' ' || w.xmin FROM tree t JOIN pg_rewrite w ON w.ev_class = t.relid
            UNION ALL
            SELECT 'f' || p.oid || ' ' || p.xmin FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
             WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace('tenantmv')
               AND d.classid = 'pg_proc'::regclass
            UNION ALL
            SELECT 'v' || v.xmin FROM tenantmv.store_version v)
        SELECT encode(sha256(convert_to(string_agg(version, ',' ORDER BY version COLLATE "C"), 'UTF8')), 'hex') FROM seen);
END
$guard$;

-- Ends the transaction it is sent in when that digest is another one: for the decision and for the end of the drain.
CREATE OR REPLACE FUNCTION tenantmv.guard_must_hold(p_events oid, p_sequence oid, p_mark text, p_glance text) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    IF tenantmv.guard_glance(p_events, p_sequence, p_mark) IS DISTINCT FROM p_glance THEN
        RAISE EXCEPTION 'the sequence, a partition or a function of the guard was changed at this moment'
            USING ERRCODE = 'TM012', HINT = 'Ask for the cutover again: it says what was changed.';
    END IF;
END
$guard$;

-- Begins a batch of a leg in append mode. Positions rise with transaction ids, or a reader that waits for a horizon skips
-- events: so our id comes before the positions, all positions come in one statement, and the answer says whether they are in
-- a row and nobody has got an id since ours, who could have taken one that is lower than they are.
CREATE OR REPLACE FUNCTION tenantmv.append_take(p_events regclass, p_sequence regclass, p_tenant uuid, p_migration uuid,
                                                 p_leg integer, p_owner_epoch bigint, p_count integer,
                                                 OUT positions bigint[], OUT alone boolean)
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_high bigint;
    v_floor regclass;
    v_own bigint;
BEGIN
    SELECT g.floor INTO v_floor FROM tenantmv.guarded g WHERE g.events = p_events;
    SELECT a.high INTO v_high FROM tenantmv.applied a
     WHERE a.migration_id = p_migration AND a.leg = p_leg AND a.owner_epoch = p_owner_epoch AND a.state = 'mirroring'
       AND a.mode = 'append' AND a.events_table = p_events FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the applied row is not ours, or takes no events any more' USING ERRCODE = 'TM010';
    END IF;
    PERFORM 1 FROM tenantmv.fence f
      WHERE f.tenant_id = p_tenant AND f.events = p_events AND f.migration_id = p_migration AND f.state = 'moved' FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the tenant does not live elsewhere any more' USING ERRCODE = 'TM010';
    END IF;
    v_own := pg_current_xact_id()::text::bigint;
    IF v_floor IS NULL THEN
        positions := ARRAY(SELECT nextval(p_sequence) FROM generate_series(1, p_count));
    ELSE
        positions := tenantmv.guard_number(p_events, p_sequence, v_floor, v_own, p_count);
        positions := positions[1:p_count];
    END IF;
    IF positions[1] <= v_high THEN
        RAISE EXCEPTION 'the position sequence gives %, and % was given before: it was set back, or it has a CACHE',
            positions[1], v_high
            USING ERRCODE = 'TM160', HINT = format('Set it forward: SELECT setval(%L, %s); and ALTER SEQUENCE %s CACHE 1.',
                                                   p_sequence, v_high, p_sequence);
    END IF;
    alone := positions[p_count] - positions[1] = p_count - 1
             AND pg_snapshot_xmax(pg_current_snapshot())::text::bigint <= v_own + 1
             AND NOT EXISTS (SELECT FROM pg_locks l
                              WHERE l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock'
                                AND (l.transactionid::text::bigint - v_own) & 4294967295 BETWEEN 1 AND 2147483647);
END
$guard$;

-- Moves a leg's watermark (NULL leaves it), in the transaction that wrote the events. In append mode also the highest position
-- that the leg has given, and, when asked, the pair of both for those who look for one by the other.
CREATE OR REPLACE FUNCTION tenantmv.advance(p_migration uuid, p_leg integer, p_watermark bigint, p_events bigint,
                                             p_high bigint DEFAULT NULL, p_anchor boolean DEFAULT false) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    UPDATE tenantmv.applied a
       SET watermark = greatest(a.watermark, coalesce(p_watermark, a.watermark)), events = a.events + p_events,
           high = coalesce(p_high, a.high),
           chain = sha256(a.chain || convert_to(format('%s:%s', coalesce(p_watermark, 0), p_events), 'UTF8'))
     WHERE a.migration_id = p_migration AND a.leg = p_leg;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the applied row of leg % of migration % is gone', p_leg, p_migration USING ERRCODE = 'TM010';
    END IF;
    IF p_anchor THEN
        INSERT INTO tenantmv.anchor (migration_id, leg, from_position, to_position, events)
        SELECT a.migration_id, a.leg, a.watermark, a.high, a.events FROM tenantmv.applied a
         WHERE a.migration_id = p_migration AND a.leg = p_leg
        ON CONFLICT DO NOTHING;
    END IF;
END
$guard$;

-- Sets a position sequence beyond a position; never backwards.
CREATE OR REPLACE FUNCTION tenantmv.guard_beyond(p_sequence regclass, p_position bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    PERFORM setval(p_sequence, greatest(p_position, tenantmv.guard_value(p_sequence), s.seqmin), true)
       FROM pg_sequence s WHERE s.seqrelid = p_sequence;
END
$guard$;

-- The end of the drain, in the target's transaction: the position sequence beyond every position of the source, and the
-- fence armed at an epoch that is new for this attempt. Raises when the fence is not closed, another engine owns it, or a repair
-- of the target did not come to its end.
CREATE OR REPLACE FUNCTION tenantmv.arm(p_events regclass, p_sequence regclass, p_tenant uuid, p_migration uuid,
                                         p_owner_epoch bigint, p_to_epoch bigint, p_position bigint) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    -- The caller's transaction holds the applied row, without which no repair begins or ends.
    IF EXISTS (SELECT FROM tenantmv.repair r WHERE r.migration_id = p_migration) THEN
        RAISE EXCEPTION 'a repair has removed events from the target and has not come to its end' USING ERRCODE = 'TM013',
              HINT = 'Run tenantmv verify --repair again.';
    END IF;
    UPDATE tenantmv.fence f
       SET state = 'armed', placement_epoch = p_to_epoch, changed_at = clock_timestamp(),
           changed_xid = pg_current_xact_id()
     WHERE f.tenant_id = p_tenant AND f.events = p_events AND f.state = 'closed'
       AND EXISTS (SELECT 1 FROM tenantmv.owner o
                    WHERE o.tenant_id = p_tenant AND o.events = p_events AND o.migration_id = p_migration
                      AND o.owner_epoch = p_owner_epoch);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the target''s fence is not closed any more, or another engine owns it' USING ERRCODE = 'TM010';
    END IF;
    -- Last: a rollback does not take it back, and nobody but the owner of a closed fence may turn the sequence.
    PERFORM tenantmv.guard_beyond(p_sequence, p_position);
    -- Where copied events carry the ids of the transactions that brought them, nothing that is written here gets a lower one.
    PERFORM tenantmv.guard_floor_raise(g.events, g.floor) FROM tenantmv.guarded g
      WHERE g.events = p_events AND g.floor IS NOT NULL;
END
$guard$;

-- The point of decision, in the transaction that holds the tenant's exclusive lock. Raises unless this engine still
-- owns the migration and the tenant is open here at the epoch it started from. Where the control tables stand in this
-- database, routing, phase and audit have changed in the same transaction already, before the lock was asked for.
-- With a leg's number it begins that leg, too, which brings back here what is first written to the new home, above p_value in
-- the new home's positions: there is no moment in which the tenant has moved and the way back has not begun.
CREATE OR REPLACE FUNCTION tenantmv.decide(p_events regclass, p_tenant uuid, p_migration uuid, p_owner_epoch bigint,
                                            p_from_epoch bigint, p_to_epoch bigint, p_store text,
                                            p_back_leg integer DEFAULT NULL, p_sequence regclass DEFAULT NULL,
                                            p_value bigint DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
BEGIN
    PERFORM 1 FROM tenantmv.owner o
      WHERE o.tenant_id = p_tenant AND o.events = p_events AND o.migration_id = p_migration
        AND o.owner_epoch = p_owner_epoch FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another engine owns the migration' USING ERRCODE = 'TM010';
    END IF;
    UPDATE tenantmv.fence f
       SET state = 'moved', placement_epoch = p_to_epoch, store_id = p_store, migration_id = p_migration,
           changed_at = clock_timestamp(), changed_xid = pg_current_xact_id()
     WHERE f.tenant_id = p_tenant AND f.events = p_events AND f.state = 'open' AND f.placement_epoch = p_from_epoch;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the fence of the tenant is not open at epoch %', p_from_epoch USING ERRCODE = 'TM011';
    END IF;
    IF p_back_leg IS NULL THEN
        RETURN;
    END IF;
    INSERT INTO tenantmv.applied (migration_id, leg, tenant_id, owner_epoch, state, mode, copy_limit, watermark, base_from, high,
                                  events_table)
    VALUES (p_migration, p_back_leg, p_tenant, p_owner_epoch, 'mirroring', 'append', p_value, p_value, p_value,
            tenantmv.guard_value(p_sequence), p_events);
    INSERT INTO tenantmv.anchor (migration_id, leg, from_position, to_position, events)
    SELECT a.migration_id, a.leg, a.base_from, a.high, 0 FROM tenantmv.applied a
     WHERE a.migration_id = p_migration AND a.leg = p_back_leg;
END
$guard$;

-- Enters an events table whose writes a guard watches. The first one of a database counts what it turns away in
-- rejected_writes. Whoever makes a partition of the table clones its triggers, and needs the right to use their functions
-- for that: the table's owner, where that is another role.
CREATE OR REPLACE FUNCTION tenantmv.guard_register(p_events regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $guard$
DECLARE
    v_tables bigint := (SELECT count(*) FROM tenantmv.guarded);
    v_counter text := 'rejected_writes' || CASE WHEN v_tables > 0 THEN '_' || v_tables + 1 ELSE '' END;
    v_floor text;
    v_grant text;
BEGIN
    FOR v_grant IN SELECT format('GRANT EXECUTE ON FUNCTION %s TO %s', p.oid::regprocedure, c.relowner::regrole)
                     FROM pg_class c, pg_proc p
                    WHERE c.oid = p_events AND p.pronamespace = 'tenantmv'::regnamespace AND p.proname LIKE 'guard\_%'
                      AND p.prorettype = 'trigger'::regtype
                      AND NOT has_function_privilege(c.relowner, p.oid, 'EXECUTE') LOOP
        EXECUTE v_grant;
    END LOOP;
    IF NOT EXISTS (SELECT FROM tenantmv.guarded g WHERE g.events = p_events) THEN
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS tenantmv.%I', v_counter);
        INSERT INTO tenantmv.guarded (events, rejected) VALUES (p_events, format('tenantmv.%I', v_counter)::regclass);
    END IF;
    SELECT replace(c.relname, 'rejected_writes', 'transaction_floor') INTO v_floor
      FROM tenantmv.guarded g JOIN pg_class c ON c.oid = g.rejected WHERE g.events = p_events AND g.floor IS NULL;
    IF FOUND THEN
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS tenantmv.%I', v_floor);
        UPDATE tenantmv.guarded g SET floor = format('tenantmv.%I', v_floor)::regclass WHERE g.events = p_events;
        PERFORM tenantmv.guard_floor_begin(g.events, g.floor) FROM tenantmv.guarded g WHERE g.events = p_events;
    END IF;
END
$guard$;

-- Tables that an older release guards: it kept no floor. Their writers are locked out now (store_upgrade).
SELECT tenantmv.guard_register(g.events) FROM tenantmv.guarded g JOIN pg_class c ON c.oid = g.events WHERE g.floor IS NULL;

-- A function that acts with its owner's rights is a way in for every role that may put it on a table of its own; firing a
-- trigger needs no right.
DO $revoke$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN SELECT p.oid FROM pg_catalog.pg_proc p
                       WHERE p.pronamespace = 'tenantmv'::regnamespace AND pg_has_role(p.proowner, 'MEMBER')
                         AND (p.prosecdef OR p.proname ~ '^(guard_.*|share_triggers|observe|append_take|advance|arm|decide)$')
                         AND has_function_privilege('public', p.oid, 'EXECUTE') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
    END LOOP;
END
$revoke$;

UPDATE tenantmv.store_version SET version = {{store_version}};
