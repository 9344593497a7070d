-- Functions and triggers of the control schema. The cutover calls change_phase, complete_cutover and audit_append in a
-- transaction of its own, so each is complete in itself: ownership, compare-and-set, routing, audit.
-- Locks are taken in one order everywhere: lease, tenantmv.store (by id), tenant_migrations, migration_state, tenant_routing,
-- audit_head. A cutover holds its stores before its lease: only the owner of a pending migration locks a store after its own.
-- database: control
-- script

-- Whether an engine still owns a migration; holds off a change of owner until the transaction ends. KEY SHARE, so that
-- neither a heartbeat waits for a decision nor a decision for a heartbeat.
CREATE OR REPLACE FUNCTION tenantmv.owns(p_migration uuid, p_owner_epoch bigint, p_engine uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM 1 FROM tenantmv.lease
     WHERE migration_id = p_migration AND engine = p_engine AND owner_epoch = p_owner_epoch
       FOR KEY SHARE;
    RETURN FOUND;
END $$;

-- The text of an audit row that is hashed; independent of every setting of the session.
CREATE OR REPLACE FUNCTION tenantmv.audit_canonical(entry public.migration_audit_log, by_others boolean) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT convert_to(jsonb_build_array(entry.id, entry.migration_id, entry.event_type, entry.old_phase,
                                        entry.new_phase, entry.details, entry.operator,
                                        (extract(epoch FROM entry.occurred_at) * 1000000)::bigint,
                                        by_others)::text, 'UTF8')
$$;

-- Writes an audit row and links it into the migration's chain; rows that other programs wrote since are linked first.
-- Only the migration's own head row is locked. Returns the row's id.
CREATE OR REPLACE FUNCTION tenantmv.audit_append(
    migration_id uuid, event_type text, old_phase text, new_phase text, details jsonb, operator text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    p_migration ALIAS FOR $1;
    head tenantmv.audit_head;
    entry public.migration_audit_log;
BEGIN
    INSERT INTO tenantmv.audit_head (migration_id) VALUES (p_migration) ON CONFLICT DO NOTHING;
    SELECT h.* INTO STRICT head FROM tenantmv.audit_head h WHERE h.migration_id = p_migration FOR UPDATE;
    FOR entry IN
        SELECT l.* FROM public.migration_audit_log l
         WHERE l.migration_id = p_migration
           AND NOT EXISTS (SELECT FROM tenantmv.audit_chain c WHERE c.audit_id = l.id)
         ORDER BY l.id
    LOOP
        head.number := head.number + 1;
        head.audit_id := entry.id;
        head.hash := sha256(head.hash || tenantmv.audit_canonical(entry, true));
        INSERT INTO tenantmv.audit_chain VALUES (p_migration, head.number, entry.id, true, head.hash);
    END LOOP;
    INSERT INTO public.migration_audit_log
        (migration_id, event_type, old_phase, new_phase, details, operator, occurred_at)
    VALUES (p_migration, $2, $3, $4, $5, left($6, 255), clock_timestamp()) RETURNING * INTO entry;
    head.number := head.number + 1;
    head.audit_id := entry.id;
    head.hash := sha256(head.hash || tenantmv.audit_canonical(entry, false));
    INSERT INTO tenantmv.audit_chain VALUES (p_migration, head.number, entry.id, false, head.hash);
    UPDATE tenantmv.audit_head h SET number = head.number, audit_id = head.audit_id, hash = head.hash
     WHERE h.migration_id = p_migration;
    RETURN entry.id;
END $$;

-- The first audit row of a migration that does not fit its chain (changed, deleted, relinked), or 0.
CREATE OR REPLACE FUNCTION tenantmv.audit_verify(p_migration uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    link tenantmv.audit_chain;
    entry public.migration_audit_log;
    head tenantmv.audit_head;
    running bytea := '';
    expected bigint := 0;
BEGIN
    FOR link IN SELECT c.* FROM tenantmv.audit_chain c WHERE c.migration_id = p_migration ORDER BY c.number LOOP
        expected := expected + 1;
        SELECT l.* INTO entry FROM public.migration_audit_log l
         WHERE l.id = link.audit_id AND l.migration_id = p_migration;
        IF NOT FOUND THEN
            RETURN link.audit_id;
        END IF;
        running := sha256(running || tenantmv.audit_canonical(entry, link.by_others));
        IF running <> link.hash THEN
            RETURN link.audit_id;
        END IF;
    END LOOP;
    SELECT h.* INTO head FROM tenantmv.audit_head h WHERE h.migration_id = p_migration;
    IF NOT FOUND AND expected = 0 THEN
        RETURN 0;
    END IF;
    IF head.number IS DISTINCT FROM expected OR head.hash IS DISTINCT FROM running THEN
        RETURN coalesce(nullif(head.audit_id, 0), link.audit_id);
    END IF;
    RETURN 0;
END $$;

-- What became of a cutover attempt that an earlier owner left running, once the fences have said it; with the request that
-- it was made for. The reason that is known already is kept; one that completed needs none.
CREATE OR REPLACE FUNCTION tenantmv.close_attempt(p_migration uuid, p_owner_epoch bigint, p_outcome text, p_reason text)
RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE tenantmv.cutover_attempt a
       SET outcome = p_outcome,
           reason = CASE WHEN p_outcome = 'completed' THEN '' ELSE coalesce(nullif(a.reason, ''), p_reason) END
     WHERE a.migration_id = p_migration AND a.outcome = 'running' AND a.owner_epoch < p_owner_epoch;
    IF FOUND AND p_outcome = 'rolled_back' THEN
        UPDATE tenantmv.command c
           SET state = 'failed', finished_at = clock_timestamp(),
               outcome = (SELECT a.reason FROM tenantmv.cutover_attempt a WHERE a.migration_id = p_migration
                           ORDER BY a.number DESC LIMIT 1)
         WHERE c.migration_id = p_migration AND c.operation = 'cutover' AND c.state = 'running'
           AND c.owner_epoch < p_owner_epoch;
    END IF;
END $$;
DROP FUNCTION IF EXISTS tenantmv.close_lost_attempts(uuid, bigint, text);

-- How many migrations stand before a pending one at its two stores: 0 means that it may begin. Those that have begun count
-- against the store's limit; of those that wait, earlier ones that could begin now come first. One that is paused or in
-- trouble is in nobody's way.
CREATE OR REPLACE FUNCTION tenantmv.queue_place(p_migration uuid) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(max(greatest(0, at.begun + at.earlier + 1 - at.moving_limit)), 0)
      FROM (SELECT s.moving_limit,
                   count(*) FILTER (WHERE o.phase IN ('bulk_copy', 'dual_write', 'cutover')) AS begun,
                   count(*) FILTER (WHERE o.phase = 'pending' AND NOT coalesce(o.is_paused, false)
                                      AND t.waiting_since IS NULL AND (o.created_at, o.id) < (m.created_at, m.id)) AS earlier
              FROM public.tenant_migrations m
              JOIN tenantmv.store s ON s.id IN (m.source_store_id, m.target_store_id)
              LEFT JOIN (public.tenant_migrations o JOIN tenantmv.migration_state t ON t.migration_id = o.id)
                ON o.id <> m.id AND s.id IN (o.source_store_id, o.target_store_id)
               AND o.phase IN ('pending', 'bulk_copy', 'dual_write', 'cutover')
             WHERE m.id = p_migration
             GROUP BY s.id, s.moving_limit) at
$$;

-- Compare-and-set of a migration's phase with all that belongs to it, for an engine that owns it.
-- Returns ok, conflict (the phase is no longer from_phase, or a cutover meets a pause), queue (too many tenants move from or
-- to one of its stores) or ownership. `completed` is
-- not reached here: complete_cutover passes routing and phase together.
CREATE OR REPLACE FUNCTION tenantmv.change_phase(
    migration uuid, owner_epoch bigint, engine uuid, from_phase text, to_phase text, event_type text, details jsonb,
    operator text, last_error text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    p_error ALIAS FOR $9;
    moment timestamptz := clock_timestamp();
    tenant uuid;
    routing text := CASE $5 WHEN 'bulk_copy' THEN 'bulk_copy' WHEN 'dual_write' THEN 'dual_write'
                            WHEN 'cutover' THEN 'dual_write' END;
BEGIN
    IF to_phase = 'completed' THEN
        RAISE EXCEPTION 'change_phase does not complete a migration' USING HINT = 'call complete_cutover';
    END IF;
    IF NOT tenantmv.owns(migration, $2, $3) THEN
        RETURN 'ownership';
    END IF;
    IF from_phase = 'pending' AND to_phase = 'bulk_copy' THEN
        -- One after the other at each store: who counts has seen whoever was let in before.
        PERFORM 1 FROM tenantmv.store s
          JOIN public.tenant_migrations n ON s.id IN (n.source_store_id, n.target_store_id)
         WHERE n.id = migration ORDER BY s.id FOR UPDATE OF s;
        IF tenantmv.queue_place(migration) > 0 THEN
            RETURN 'queue';
        END IF;
    END IF;
    UPDATE public.tenant_migrations m
       SET phase = to_phase,
           started_at = CASE to_phase WHEN 'bulk_copy' THEN moment ELSE started_at END,
           bulk_copy_started_at = CASE to_phase WHEN 'bulk_copy' THEN moment ELSE bulk_copy_started_at END,
           bulk_copy_completed_at = CASE WHEN from_phase = 'bulk_copy' AND to_phase = 'dual_write'
                                         THEN coalesce(bulk_copy_completed_at, moment)
                                         ELSE bulk_copy_completed_at END,
           dual_write_started_at = CASE WHEN from_phase = 'bulk_copy' AND to_phase = 'dual_write' THEN moment
                                        ELSE dual_write_started_at END,
           cutover_started_at = CASE to_phase WHEN 'cutover' THEN moment ELSE cutover_started_at END,
           completed_at = CASE WHEN to_phase IN ('aborted', 'failed') THEN moment ELSE completed_at END,
           error_count = coalesce(error_count, 0) + CASE WHEN p_error IS NULL THEN 0 ELSE 1 END,
           last_error = coalesce(left(p_error, 1000), m.last_error),
           last_error_at = CASE WHEN p_error IS NULL THEN last_error_at ELSE moment END
     WHERE m.id = migration AND m.phase = from_phase
       AND NOT (to_phase = 'cutover' AND coalesce(m.is_paused, false))
    RETURNING m.tenant_id INTO tenant;
    IF NOT FOUND THEN
        RETURN 'conflict';
    END IF;
    IF routing IS NOT NULL THEN
        UPDATE public.tenant_routing r SET migration_state = routing, active_migration_id = migration
         WHERE r.tenant_id = tenant
           AND (r.migration_state, r.active_migration_id) IS DISTINCT FROM (routing, migration);
    END IF;
    IF from_phase = 'cutover' THEN
        PERFORM tenantmv.close_attempt(migration, $2, 'rolled_back', coalesce($7 ->> 'reason', ''));
        -- An engine that dies before it has recorded the attempt's times does not take the reason with it.
        UPDATE tenantmv.cutover_attempt a SET reason = coalesce($7 ->> 'reason', '')
         WHERE a.migration_id = migration AND a.outcome = 'running' AND a.reason = '';
    END IF;
    PERFORM tenantmv.audit_append(migration, $6, from_phase, to_phase, $7, $8);
    RETURN 'ok';
END $$;

-- The part that complete_cutover and follow_decision share: the phase is already locked and checked.
CREATE OR REPLACE FUNCTION tenantmv.record_completion(
    p_migration uuid, p_owner_epoch bigint, p_target text, p_details jsonb, p_operator text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant uuid;
    old_phase text;
    hold bigint;
    moment timestamptz := clock_timestamp();
BEGIN
    SELECT m.tenant_id, m.phase, CASE WHEN jsonb_typeof(m.config -> 'hold_s') = 'number' THEN (m.config ->> 'hold_s')::bigint END
      INTO STRICT tenant, old_phase, hold FROM public.tenant_migrations m
     WHERE m.id = p_migration FOR NO KEY UPDATE;
    UPDATE public.tenant_migrations m
       SET phase = 'completed', completed_at = moment, is_paused = false
     WHERE m.id = p_migration;
    -- Whoever reads that it is completed reads too that the target may still have to be opened.
    UPDATE tenantmv.migration_state s
       SET unsettled = true, placement_epoch = coalesce((p_details ->> 'placement_epoch')::bigint, 0),
           ending = CASE WHEN hold > 0 THEN 'hold' ELSE '' END,
           hold_until = CASE WHEN hold > 0 THEN moment + hold * interval '1 s' END
     WHERE s.migration_id = p_migration;
    INSERT INTO public.tenant_routing AS r (tenant_id, store_id, migration_state, active_migration_id)
    VALUES (tenant, p_target, 'migrated', NULL)
        ON CONFLICT (tenant_id) DO UPDATE
       SET store_id = p_target, migration_state = 'migrated', active_migration_id = NULL;
    UPDATE tenantmv.command c SET state = 'done', outcome = 'completed', finished_at = moment
     WHERE c.migration_id = p_migration AND c.operation = 'cutover' AND c.state = 'running';
    PERFORM tenantmv.close_attempt(p_migration, p_owner_epoch, 'completed', '');
    PERFORM tenantmv.audit_append(p_migration, 'cutover_completed', NULL, NULL, p_details, p_operator);
    PERFORM tenantmv.audit_append(p_migration, 'migration_completed', old_phase, 'completed', p_details, p_operator);
END $$;

-- The control database's part of a cutover's decision, in the transaction that decides: phase cutover → completed, and
-- the tenant's store and routing state in one update. Returns ok, conflict (the phase changed, the migration was paused,
-- or routing no longer names the source) or ownership; then the caller rolls back.
CREATE OR REPLACE FUNCTION tenantmv.complete_cutover(
    migration uuid, owner_epoch bigint, engine uuid, target_store text, details jsonb, operator text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tenant uuid;
    source text;
BEGIN
    IF NOT tenantmv.owns(migration, owner_epoch, engine) THEN
        RETURN 'ownership';
    END IF;
    SELECT m.tenant_id, m.source_store_id INTO tenant, source FROM public.tenant_migrations m
     WHERE m.id = migration AND m.phase = 'cutover' AND NOT coalesce(m.is_paused, false)
       AND m.target_store_id = target_store
       FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN 'conflict';
    END IF;
    PERFORM 1 FROM public.tenant_routing r
      WHERE r.tenant_id = tenant AND r.store_id <> source FOR NO KEY UPDATE;
    IF FOUND THEN
        RETURN 'conflict';
    END IF;
    PERFORM tenantmv.record_completion(migration, owner_epoch, target_store, details, operator);
    RETURN 'ok';
END $$;

-- The same for a decision that was made already (the source's fence says so) and that this database does not show yet,
-- because it is elsewhere or another program changed the phase meanwhile: the fence outranks the phase. Idempotent.
CREATE OR REPLACE FUNCTION tenantmv.follow_decision(
    migration uuid, owner_epoch bigint, engine uuid, target_store text, details jsonb, operator text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT tenantmv.owns(migration, owner_epoch, engine) THEN
        RETURN 'ownership';
    END IF;
    PERFORM 1 FROM public.tenant_migrations m WHERE m.id = migration AND m.phase <> 'completed' FOR NO KEY UPDATE;
    IF FOUND THEN
        PERFORM tenantmv.record_completion(migration, owner_epoch, target_store, details, operator);
    END IF;
    RETURN 'ok';
END $$;

-- Creates a migration in phase pending. `outcome`: ok (which = the new id), active (which = the tenant's running
-- migration), held (which = the migration whose old store is still kept current), elsewhere (place = where the tenant lives),
-- unrouted, no_store (place = the unknown one), same.
CREATE OR REPLACE FUNCTION tenantmv.start_migration(
    p_id uuid, p_tenant uuid, p_source text, p_target text, p_config jsonb, p_operator text, p_from text,
    OUT outcome text, OUT which uuid, OUT place text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    source text;
BEGIN
    SELECT r.store_id INTO place FROM public.tenant_routing r WHERE r.tenant_id = p_tenant FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        outcome := 'unrouted';
        RETURN;
    END IF;
    SELECT m.id INTO which FROM public.tenant_migrations m
     WHERE m.tenant_id = p_tenant AND m.phase NOT IN ('completed', 'aborted', 'failed');
    IF FOUND THEN
        outcome := 'active';
        RETURN;
    END IF;
    SELECT s.migration_id INTO which FROM tenantmv.migration_state s
      JOIN public.tenant_migrations m ON m.id = s.migration_id
     WHERE m.tenant_id = p_tenant AND s.ending IN ('hold', 'finalizing');
    IF FOUND THEN
        outcome := 'held';
        RETURN;
    END IF;
    source := coalesce(p_source, place);
    IF source = p_target THEN
        outcome := 'same';
        RETURN;
    END IF;
    IF source <> place THEN
        outcome := 'elsewhere';
        RETURN;
    END IF;
    SELECT name INTO place FROM unnest(ARRAY[source, p_target]) AS name
     WHERE NOT EXISTS (SELECT FROM tenantmv.store s WHERE s.id = name) LIMIT 1;
    IF FOUND THEN
        outcome := 'no_store';
        RETURN;
    END IF;
    INSERT INTO public.tenant_migrations (id, tenant_id, source_store_id, target_store_id, config, created_by)
    VALUES (p_id, p_tenant, source, p_target, p_config, left(p_operator, 255));
    INSERT INTO tenantmv.migration_state (migration_id) VALUES (p_id);
    UPDATE public.tenant_routing r SET migration_state = 'normal', active_migration_id = p_id
     WHERE r.tenant_id = p_tenant;
    INSERT INTO tenantmv.command
        (id, migration_id, operation, state, requested_by, requested_from, started_at, finished_at, outcome)
    VALUES (gen_random_uuid(), p_id, 'start', 'done', p_operator, p_from, clock_timestamp(), clock_timestamp(),
            'created');
    PERFORM tenantmv.audit_append(p_id, 'migration_started', NULL, 'pending',
                                  jsonb_build_object('source', source, 'target', p_target, 'from', p_from), p_operator);
    outcome := 'ok';
    which := p_id;
END $$;

-- Microseconds until a lease runs out if its engine says nothing more; negative when it has. A process that was killed
-- takes its session with it: half the silence will do then. A session that is there proves nothing (a stopped process keeps
-- it), and the pid may be another's; then the whole silence counts.
CREATE OR REPLACE FUNCTION tenantmv.lease_left(held tenantmv.lease, p_ttl_us bigint) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN held.sessions = '[]' OR EXISTS (SELECT FROM pg_stat_activity a
                                                      WHERE a.pid = (held.sessions ->> 0)::integer)
                THEN p_ttl_us ELSE p_ttl_us / 2 END
           - (extract(epoch FROM clock_timestamp() - held.heartbeat_at) * 1000000)::bigint
$$;

-- When the gates were looked at last, in microseconds since 1970; NULL: not known. An engine of an older version writes no
-- times: its gates are as old as its last sign of life.
CREATE OR REPLACE FUNCTION tenantmv.gates_at(p_measured jsonb, p_gates jsonb, p_alive timestamptz) RETURNS bigint
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN p_measured <> '{}' THEN (p_measured ->> 'gates')::bigint
                WHEN p_gates <> '[]' THEN (extract(epoch FROM least(p_alive, clock_timestamp())) * 1000000)::bigint END
$$;

-- When the program that runs a migration last left a sign in the shared tables: in its row, in its audit, or among the newest
-- position mappings (only the last thousand are searched, so that a long table does not slow a screen).
CREATE OR REPLACE FUNCTION tenantmv.last_sign(moving public.tenant_migrations) RETURNS timestamptz
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT greatest(moving.created_at, moving.updated_at,
                    (SELECT max(a.occurred_at) FROM public.migration_audit_log a WHERE a.migration_id = moving.id),
                    (SELECT max(p.mapped_at) FROM public.migration_position_mappings p
                      WHERE p.migration_id = moving.id
                        AND p.id > (SELECT max(newest.id) - 1000 FROM public.migration_position_mappings newest)))
$$;

-- Ends another program's migration, by compare-and-set on what a person saw of it: its phase and its program's last sign.
-- Nothing is taken back in the stores, where nothing of ours is. The lock of eventsource-py's own cutover is tried, so that
-- none can begin meanwhile; each statement here sees what was committed before it, so routing is read as it is under that lock.
-- From cutover the only legal end is failed. `outcome`: ok; ours; ended; cutting (its program holds the lock); moved (routing
-- says that the tenant lives elsewhere already); changed; NULL: no such migration. `phase_now` and `place`: as they are then.
CREATE OR REPLACE FUNCTION tenantmv.abort_foreign(
    p_migration uuid, p_phase text, p_sign_us bigint, p_reason text, p_operator text, p_from text,
    OUT outcome text, OUT phase_now text, OUT place text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    moving public.tenant_migrations;
BEGIN
    SELECT m.* INTO moving FROM public.tenant_migrations m WHERE m.id = p_migration FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    phase_now := moving.phase;
    IF EXISTS (SELECT FROM tenantmv.migration_state s WHERE s.migration_id = moving.id AND s.generation <> 0) THEN
        outcome := 'ours';
        RETURN;
    ELSIF moving.phase IN ('completed', 'aborted', 'failed') THEN
        outcome := 'ended';
        RETURN;
    ELSIF NOT pg_try_advisory_xact_lock(('x' || encode(substr(sha256(convert_to('cutover:' || moving.tenant_id, 'UTF8')), 1, 8),
                                                       'hex'))::bit(64)::bigint & 9223372036854775807) THEN
        outcome := 'cutting';
        RETURN;
    END IF;
    SELECT r.store_id INTO place FROM public.tenant_routing r WHERE r.tenant_id = moving.tenant_id FOR NO KEY UPDATE;
    IF place <> moving.source_store_id THEN
        outcome := 'moved';
        RETURN;
    ELSIF moving.phase <> p_phase OR (extract(epoch FROM tenantmv.last_sign(moving)) * 1000000)::bigint <> p_sign_us THEN
        outcome := 'changed';
        RETURN;
    END IF;
    UPDATE public.tenant_migrations m
       SET phase = CASE m.phase WHEN 'cutover' THEN 'failed' ELSE 'aborted' END,
           last_error = CASE m.phase WHEN 'cutover' THEN left(p_reason, 1000) ELSE m.last_error END,
           completed_at = clock_timestamp(), is_paused = false
     WHERE m.id = moving.id
    RETURNING m.phase INTO phase_now;
    UPDATE public.tenant_routing r SET migration_state = 'normal', active_migration_id = NULL
     WHERE r.tenant_id = moving.tenant_id
       AND (r.active_migration_id = moving.id
            OR (r.active_migration_id IS NULL AND r.migration_state NOT IN ('normal', 'migrated')));
    PERFORM tenantmv.audit_append(
        moving.id, 'migration_' || phase_now, moving.phase, phase_now,
        jsonb_build_object('reason', p_reason, 'foreign', true, 'created_by', moving.created_by,
                           'last_sign_at', to_timestamp(p_sign_us / 1e6), 'from', p_from), p_operator);
    outcome := 'ok';
END $$;

-- Whether nobody may begin with a request any more, whoever marks it so.
CREATE OR REPLACE FUNCTION tenantmv.has_expired(asked tenantmv.command) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT asked.state = 'requested' AND asked.expires_at IS NOT NULL AND asked.expires_at <= clock_timestamp()
$$;

-- The outcome of a request whose time was over before an engine began with it.
CREATE OR REPLACE FUNCTION tenantmv.expiry_told(asked tenantmv.command, moment timestamptz) RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT format('expired: no engine began with it within %s s; nothing was done',
                  round(extract(epoch FROM asked.expires_at - asked.requested_at)))
$$;

-- What an earlier owner had in hand, when the next one takes over. What can be done again waits again. What cannot is answered
-- by what is known: by its attempt's end, or, where nothing was tried, by why it was not. A cutover whose phase was not changed
-- back stays open: only the fences say what became of it, and close_attempt writes it down. Returns why the attempt that was
-- left running did not come to its end, or p_why where none was.
CREATE OR REPLACE FUNCTION tenantmv.take_back(p_migration uuid, p_why text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    phase text;
    tried tenantmv.cutover_attempt;
    unfinished text := p_why;
BEGIN
    SELECT m.phase INTO STRICT phase FROM public.tenant_migrations m WHERE m.id = p_migration;
    SELECT a.* INTO tried FROM tenantmv.cutover_attempt a
     WHERE a.migration_id = p_migration ORDER BY a.number DESC LIMIT 1;
    IF tried.outcome = 'running' THEN
        unfinished := coalesce(nullif(tried.reason, ''), p_why);
        UPDATE tenantmv.cutover_attempt a
           SET reason = CASE WHEN phase = 'completed' AND NOT a.rehearsal THEN '' ELSE unfinished END,
               outcome = CASE WHEN a.rehearsal OR phase IN ('bulk_copy', 'dual_write') THEN 'rolled_back'
                              WHEN phase = 'completed' THEN 'completed' ELSE 'running' END
         WHERE a.migration_id = p_migration AND a.number = tried.number
        RETURNING a.* INTO tried;
    END IF;
    UPDATE tenantmv.command c
       SET expires_at = NULL, -- it was begun in time; half of it may be done
           state = CASE WHEN asked.again THEN 'requested'
                        WHEN asked.was_tried AND tried.outcome IN ('completed', 'rehearsed') THEN 'done' ELSE 'failed' END,
           finished_at = CASE WHEN NOT asked.again THEN clock_timestamp() END,
           outcome = CASE WHEN asked.again THEN ''
                          WHEN asked.was_tried AND tried.outcome IN ('completed', 'rehearsed') THEN tried.outcome
                          WHEN asked.was_tried THEN tried.reason
                          WHEN c.operation = 'verify' THEN 'not finished, ask again: ' || p_why
                          ELSE 'not tried, ask again: ' || p_why END
      FROM (SELECT r.id, r.operation NOT IN ('cutover', 'rehearse', 'verify') AS again,
                   (tried.started_at >= r.started_at AND r.operation IN ('cutover', 'rehearse')
                    AND tried.rehearsal = (r.operation = 'rehearse')) IS TRUE AS was_tried
              FROM tenantmv.command r WHERE r.migration_id = p_migration AND r.state = 'running') AS asked
     WHERE c.id = asked.id AND NOT (asked.was_tried AND tried.outcome = 'running');
    RETURN unfinished;
END $$;

-- Takes a tenant's lease for an engine unless another one is alive; the epoch is one higher than ever before, also when
-- the engine had it already (and lost the connection over which it would have given it back). What the earlier owner had in
-- hand is taken back; p_cause is what an engine that tries again knows of why. `unfinished`: why the latest attempt to cut
-- over did not come to its end, should the fences say that it did not. What an engine of an older version saw without writing
-- when is forgotten: nothing but that engine's last sign of life tells how old it is, and the heartbeat is another's from now on.
CREATE OR REPLACE FUNCTION tenantmv.take_lease(
    p_tenant uuid, p_migration uuid, p_engine uuid, p_name text, p_ttl_us bigint, p_cause text DEFAULT NULL,
    OUT taken boolean, OUT epoch bigint, OUT earlier jsonb, OUT unfinished text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    held tenantmv.lease;
BEGIN
    taken := false;
    INSERT INTO tenantmv.lease (tenant_id) VALUES (p_tenant) ON CONFLICT DO NOTHING;
    SELECT l.* INTO STRICT held FROM tenantmv.lease l WHERE l.tenant_id = p_tenant FOR UPDATE;
    IF held.engine <> p_engine AND tenantmv.lease_left(held, p_ttl_us) >= 0 THEN
        RETURN;
    END IF;
    UPDATE tenantmv.lease l
       SET migration_id = p_migration, engine = p_engine, engine_name = p_name, owner_epoch = held.owner_epoch + 1,
           heartbeat_at = clock_timestamp(), sessions = '[]'
     WHERE l.tenant_id = p_tenant;
    UPDATE tenantmv.migration_state s
       SET gates = '[]', ready = false, rate = -1, lag_us = -1, lag_events = -1, eta_us = -1, predicted_pause_us = -1
     WHERE s.migration_id = p_migration AND s.measured = '{}';
    unfinished := tenantmv.take_back(
        p_migration, CASE WHEN held.engine = p_engine THEN coalesce(nullif(p_cause, ''), 'the engine that ran it restarted')
                          WHEN held.engine IS NULL THEN 'the engine that ran it stopped'
                          ELSE 'the engine that ran it was lost' END);
    PERFORM pg_notify('tenantmv', p_migration::text);
    taken := true;
    epoch := held.owner_epoch + 1;
    earlier := held.sessions;
END $$;
DROP FUNCTION IF EXISTS tenantmv.take_lease(uuid, uuid, uuid, text, bigint);

CREATE OR REPLACE FUNCTION tenantmv.control_touch() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    RETURN NEW;
END $$;

-- The two that follow act with their owner's rights, on what the row says: on a table of somebody else the row could say
-- anything. That no other role may execute them is not enough: a right is granted in a moment.

-- After any program created a migration or changed its phase or pause: announces it and raises the generation. A
-- migration that ended keeps no command waiting, and, unless it moved the tenant, no hold on its routing row.
CREATE OR REPLACE FUNCTION tenantmv.control_migration_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID <> 'public.tenant_migrations'::regclass THEN
        RAISE 'tenantmv: this table is not public.tenant_migrations'
            USING ERRCODE = '42501', HINT = 'Only tenantmv puts its triggers on a table.';
    END IF;
    UPDATE tenantmv.migration_state s SET generation = s.generation + 1 WHERE s.migration_id = NEW.id;
    IF NEW.phase IN ('completed', 'aborted', 'failed') THEN
        UPDATE tenantmv.command c
           SET state = 'refused', finished_at = clock_timestamp(), outcome = 'the migration is ' || NEW.phase
         WHERE c.migration_id = NEW.id AND c.state = 'requested'
           AND NOT EXISTS (SELECT FROM tenantmv.migration_state s
                            WHERE s.migration_id = NEW.id AND s.ending IN ('hold', 'finalizing'));
    END IF;
    -- A verification goes on beside the phases; the end of the migration overtakes it.
    IF TG_OP = 'UPDATE' AND OLD.phase <> NEW.phase AND NEW.phase IN ('completed', 'aborted', 'failed') THEN
        UPDATE tenantmv.command c
           SET state = 'failed', finished_at = clock_timestamp(),
               outcome = 'not finished: the migration is ' || NEW.phase || '; ask again'
         WHERE c.migration_id = NEW.id AND c.operation = 'verify' AND c.state = 'running';
    END IF;
    -- Together with the phase: an engine that dies right after it would leave nobody to answer.
    IF NEW.phase = 'aborted' THEN
        UPDATE tenantmv.command c SET state = 'done', finished_at = clock_timestamp(), outcome = 'aborted'
         WHERE c.migration_id = NEW.id AND c.operation = 'abort' AND c.state = 'running';
    END IF;
    IF NEW.phase IN ('aborted', 'failed') THEN
        UPDATE public.tenant_routing r SET migration_state = 'normal', active_migration_id = NULL
         WHERE r.tenant_id = NEW.tenant_id AND r.active_migration_id = NEW.id;
    END IF;
    PERFORM pg_notify('tenantmv', NEW.id::text);
    RETURN NULL;
END $$;

-- After any program changed where a tenant's calls go.
CREATE OR REPLACE FUNCTION tenantmv.control_routing_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_RELID <> 'public.tenant_routing'::regclass THEN
        RAISE 'tenantmv: this table is not public.tenant_routing'
            USING ERRCODE = '42501', HINT = 'Only tenantmv puts its triggers on a table.';
    END IF;
    PERFORM pg_notify('tenantmv_routing', coalesce(NEW.tenant_id, OLD.tenant_id)::text);
    RETURN NULL;
END $$;

DO $triggers$
BEGIN
    -- eventsource-py's own schema brings triggers of these names that do the same.
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.tenant_migrations'::regclass
                   AND tgname = 'tenant_migrations_updated') THEN
        CREATE TRIGGER tenant_migrations_updated BEFORE UPDATE ON public.tenant_migrations
            FOR EACH ROW EXECUTE FUNCTION tenantmv.control_touch();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.tenant_routing'::regclass
                   AND tgname = 'tenant_routing_updated') THEN
        CREATE TRIGGER tenant_routing_updated BEFORE UPDATE ON public.tenant_routing
            FOR EACH ROW EXECUTE FUNCTION tenantmv.control_touch();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.tenant_migrations'::regclass
                   AND tgname = 'tenantmv_created') THEN
        CREATE TRIGGER tenantmv_created AFTER INSERT ON public.tenant_migrations
            FOR EACH ROW EXECUTE FUNCTION tenantmv.control_migration_changed();
        CREATE TRIGGER tenantmv_changed AFTER UPDATE ON public.tenant_migrations
            FOR EACH ROW WHEN ((OLD.phase, OLD.is_paused, OLD.pause_reason)
                               IS DISTINCT FROM (NEW.phase, NEW.is_paused, NEW.pause_reason))
            EXECUTE FUNCTION tenantmv.control_migration_changed();
    END IF;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.tenant_routing'::regclass
                   AND tgname = 'tenantmv_changed') THEN
        CREATE TRIGGER tenantmv_changed AFTER INSERT OR UPDATE OR DELETE ON public.tenant_routing
            FOR EACH ROW EXECUTE FUNCTION tenantmv.control_routing_changed();
    END IF;
END
$triggers$;

-- A function that acts with its owner's rights is a way in for every role that may put it on a table of its own; firing a
-- trigger needs no right. The guard's functions may be in the same schema: guard_functions.sql does the same with them.
DO $revoke$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN SELECT p.oid FROM pg_proc p
                       WHERE p.pronamespace = 'tenantmv'::regnamespace AND p.prosecdef AND p.proname LIKE 'control\_%'
                         AND pg_has_role(p.proowner, 'MEMBER')
                         AND has_function_privilege('public', p.oid, 'EXECUTE') LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', v_function);
    END LOOP;
END
$revoke$;
