-- The control database: the four tables that eventsource-py's processes use too (names and meanings are theirs), and
-- the schema tenantmv with what only this program needs. Tables that exist already are left as they are.
-- database: control
-- script
DO $shared$
BEGIN
    IF to_regclass('public.tenant_migrations') IS NULL THEN
        CREATE TABLE public.tenant_migrations (
            id uuid PRIMARY KEY,
            tenant_id uuid NOT NULL,
            source_store_id varchar(255) NOT NULL,
            target_store_id varchar(255) NOT NULL,
            phase varchar(50) NOT NULL DEFAULT 'pending' CHECK (phase IN
                ('pending', 'bulk_copy', 'dual_write', 'cutover', 'completed', 'aborted', 'failed')),
            events_total bigint DEFAULT 0,
            events_copied bigint DEFAULT 0,
            last_source_position bigint DEFAULT 0,  -- this and the next: legacy, neither read nor written
            last_target_position bigint DEFAULT 0,
            started_at timestamptz,
            bulk_copy_started_at timestamptz,
            bulk_copy_completed_at timestamptz,
            dual_write_started_at timestamptz,
            cutover_started_at timestamptz,
            completed_at timestamptz,
            config jsonb NOT NULL DEFAULT '{}',
            error_count integer DEFAULT 0,
            last_error text,
            last_error_at timestamptz,
            is_paused boolean DEFAULT false,
            paused_at timestamptz,
            pause_reason text,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now(),
            created_by varchar(255),
            last_source_position_token text,
            last_target_position_token text
        );
        CREATE INDEX idx_tenant_migrations_tenant_id ON public.tenant_migrations (tenant_id);
        CREATE INDEX idx_tenant_migrations_phase ON public.tenant_migrations (phase)
            WHERE phase NOT IN ('completed', 'aborted', 'failed');
        CREATE UNIQUE INDEX idx_tenant_migrations_active_unique ON public.tenant_migrations (tenant_id)
            WHERE phase NOT IN ('completed', 'aborted', 'failed');
        CREATE INDEX idx_tenant_migrations_completed_at ON public.tenant_migrations (completed_at)
            WHERE completed_at IS NOT NULL;
    END IF;

    IF to_regclass('public.tenant_routing') IS NULL THEN
        CREATE TABLE public.tenant_routing (
            tenant_id uuid PRIMARY KEY,
            store_id varchar(255) NOT NULL,
            migration_state varchar(50) NOT NULL DEFAULT 'normal' CHECK (migration_state IN
                ('normal', 'bulk_copy', 'dual_write', 'cutover_paused', 'migrated')),
            active_migration_id uuid REFERENCES public.tenant_migrations (id) ON DELETE SET NULL,
            created_at timestamptz NOT NULL DEFAULT now(),
            updated_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX idx_tenant_routing_store_id ON public.tenant_routing (store_id);
        CREATE INDEX idx_tenant_routing_migration_state ON public.tenant_routing (migration_state)
            WHERE migration_state <> 'normal';
    END IF;

    IF to_regclass('public.migration_position_mappings') IS NULL THEN
        CREATE TABLE public.migration_position_mappings (
            id bigserial PRIMARY KEY,
            migration_id uuid NOT NULL REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
            source_position bigint,
            target_position bigint,
            source_position_token text,
            target_position_token text,
            event_id uuid NOT NULL,
            mapped_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE UNIQUE INDEX uq_position_mappings_source_token
            ON public.migration_position_mappings (migration_id, source_position_token)
            WHERE source_position_token IS NOT NULL;
        CREATE INDEX idx_position_mappings_source_token
            ON public.migration_position_mappings (migration_id, source_position_token);
        CREATE INDEX idx_position_mappings_target_token
            ON public.migration_position_mappings (migration_id, target_position_token);
        CREATE INDEX idx_position_mappings_event_id ON public.migration_position_mappings (event_id);
    END IF;

    IF to_regclass('public.migration_audit_log') IS NULL THEN
        CREATE TABLE public.migration_audit_log (
            id bigserial PRIMARY KEY,
            migration_id uuid NOT NULL REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
            event_type varchar(100) NOT NULL CHECK (event_type IN
                ('migration_started', 'phase_changed', 'migration_paused', 'migration_resumed', 'migration_aborted',
                 'migration_completed', 'migration_failed', 'error_occurred', 'cutover_initiated',
                 'cutover_completed', 'cutover_rolled_back', 'verification_started', 'verification_completed',
                 'verification_failed', 'progress_checkpoint')),
            old_phase varchar(50),
            new_phase varchar(50),
            details jsonb,
            operator varchar(255),
            occurred_at timestamptz NOT NULL DEFAULT now()
        );
        CREATE INDEX idx_migration_audit_migration_id ON public.migration_audit_log (migration_id);
        CREATE INDEX idx_migration_audit_occurred_at ON public.migration_audit_log (occurred_at);
        CREATE INDEX idx_migration_audit_event_type ON public.migration_audit_log (event_type);
        CREATE INDEX idx_migration_audit_migration_time
            ON public.migration_audit_log (migration_id, occurred_at);
    END IF;
END
$shared$;

CREATE SCHEMA IF NOT EXISTS tenantmv;

CREATE TABLE IF NOT EXISTS tenantmv.control_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL
);

-- Stores by name. A connection string never holds a password.
CREATE TABLE IF NOT EXISTS tenantmv.store (
    id varchar(255) PRIMARY KEY,
    conninfo text NOT NULL,
    events_schema text NOT NULL DEFAULT 'public',
    events_table text NOT NULL DEFAULT 'events',
    system_identifier text,  -- these three: which database it was, known since it was added or first reached; NULL: not yet
    database_oid bigint,
    events_oid bigint,
    moving_limit integer NOT NULL DEFAULT 20 CHECK (moving_limit BETWEEN 1 AND 20), -- tenants that move from or to it at a time
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
ALTER TABLE tenantmv.store ADD COLUMN IF NOT EXISTS moving_limit integer NOT NULL DEFAULT 20
    CHECK (moving_limit BETWEEN 1 AND 20);
ALTER TABLE tenantmv.store ADD COLUMN IF NOT EXISTS system_identifier text;
ALTER TABLE tenantmv.store ADD COLUMN IF NOT EXISTS database_oid bigint;
ALTER TABLE tenantmv.store ADD COLUMN IF NOT EXISTS events_oid bigint;

-- What engines last saw of each store, for those who watch: they connect to no store. A row for each engine, which may see
-- what others do not. No step of a migration reads it, but an engine starts only with the rights to write it (control_rights).
-- It holds no connection string.
CREATE TABLE IF NOT EXISTS tenantmv.store_observation (
    store_id varchar(255) NOT NULL REFERENCES tenantmv.store (id) ON DELETE CASCADE,
    engine uuid NOT NULL,
    engine_name text NOT NULL CHECK (length(engine_name) <= 255),
    entry_at timestamptz NOT NULL, -- store.changed_at of what was looked at: after a replacement this tells of another place
    measured_at timestamptz,       -- when the facts were true; NULL: never reached
    facts jsonb CHECK (length(facts::text) <= 8000),
    failed_at timestamptz,         -- the last look failed then; NULL: it did not
    failing_since timestamptz,
    cause text NOT NULL DEFAULT '' CHECK (length(cause) <= 400),
    hint text NOT NULL DEFAULT '' CHECK (length(hint) <= 400),
    PRIMARY KEY (store_id, engine),
    CHECK ((measured_at IS NULL) = (facts IS NULL) AND (failed_at IS NULL) = (failing_since IS NULL))
) WITH (fillfactor = 60);

-- What was done to the registry of stores and to the routes of tenants, by whom. It belongs to no migration.
CREATE TABLE IF NOT EXISTS tenantmv.registry_audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    action text NOT NULL CHECK (action IN
        ('store_added', 'store_replaced', 'store_removed', 'store_identified', 'tenant_registered')),
    subject text NOT NULL,   -- the store, or the tenant
    operator text NOT NULL,
    came_from text NOT NULL,
    details jsonb NOT NULL
);

-- Who may act for a tenant. One row per tenant for ever, because its epoch is never used twice. The unique index over
-- migration_id makes a change of owner a change of key, which a FOR KEY SHARE of a running decision holds off, while a
-- heartbeat passes it.
CREATE TABLE IF NOT EXISTS tenantmv.lease (
    tenant_id uuid PRIMARY KEY,
    migration_id uuid UNIQUE,
    engine uuid,                    -- NULL: given back
    engine_name text NOT NULL DEFAULT '',
    owner_epoch bigint NOT NULL DEFAULT 0,
    heartbeat_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    sessions jsonb NOT NULL DEFAULT '[]'  -- [pid of the session that sends the heartbeat]: when it is gone, so is the engine
);
CREATE INDEX IF NOT EXISTS lease_engine ON tenantmv.lease (engine) WHERE engine IS NOT NULL;

-- What this program knows of a migration beyond the shared row. A migration without a row here is another program's.
CREATE TABLE IF NOT EXISTS tenantmv.migration_state (
    migration_id uuid PRIMARY KEY REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
    generation bigint NOT NULL DEFAULT 1,  -- grows when the phase, the pause or a command's outcome changes
    rate bigint NOT NULL DEFAULT 0,
    lag_us bigint NOT NULL DEFAULT -1,
    lag_events bigint NOT NULL DEFAULT -1,
    verified_to bigint NOT NULL DEFAULT 0,
    watermark bigint NOT NULL DEFAULT 0,
    eta_us bigint NOT NULL DEFAULT -1,
    predicted_pause_us bigint NOT NULL DEFAULT -1,
    ready boolean NOT NULL DEFAULT false,
    step text NOT NULL DEFAULT '',
    note text NOT NULL DEFAULT '',
    gates jsonb NOT NULL DEFAULT '[]',     -- [{"name": …, "green": …, "seen": …, "at": microseconds since 1970}]
    measured jsonb NOT NULL DEFAULT '{}',  -- when each figure above was measured, in microseconds since 1970
    unsettled boolean NOT NULL DEFAULT false, -- decided, and what follows the decision is not all done yet
    retired boolean NOT NULL DEFAULT false, -- completed, and the tenant has no triggers of its own any more
    placement_epoch bigint NOT NULL DEFAULT 0, -- completed: what opens the target to whoever names it; 0: not known
    reported_at timestamptz,
    throttle text NOT NULL DEFAULT '',     -- what holds the copy now
    throttled_us bigint NOT NULL DEFAULT 0, -- how long it was held in all
    waiting_since timestamptz,             -- its engine tries again since then; NULL: it does not wait
    next_try_at timestamptz,
    ending text NOT NULL DEFAULT '' CHECK (ending IN ('', 'hold', 'finalizing', 'finalized')),  -- of a completed one
    hold_until timestamptz                 -- until then its old store is meant to be kept current; nothing ends by itself
) WITH (fillfactor = 60);
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS measured jsonb NOT NULL DEFAULT '{}';
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS unsettled boolean NOT NULL DEFAULT false;
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS retired boolean NOT NULL DEFAULT false;
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS placement_epoch bigint NOT NULL DEFAULT 0;
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS throttle text NOT NULL DEFAULT '';
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS throttled_us bigint NOT NULL DEFAULT 0;
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS waiting_since timestamptz;
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS next_try_at timestamptz;
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS ending text NOT NULL DEFAULT ''
    CHECK (ending IN ('', 'hold', 'finalizing', 'finalized'));
ALTER TABLE tenantmv.migration_state ADD COLUMN IF NOT EXISTS hold_until timestamptz;

CREATE TABLE IF NOT EXISTS tenantmv.sample (
    migration_id uuid NOT NULL REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
    at timestamptz NOT NULL,
    events_copied bigint NOT NULL,
    rate bigint NOT NULL,
    lag_us bigint NOT NULL,
    lag_events bigint NOT NULL,
    PRIMARY KEY (migration_id, at)
);

-- What people asked for. The owner of the migration carries it out and writes the outcome.
CREATE TABLE IF NOT EXISTS tenantmv.command (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    migration_id uuid NOT NULL REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
    operation text NOT NULL CHECK (operation IN
        ('start', 'pause', 'resume', 'cutover', 'rehearse', 'abort', 'verify', 'finalize')),
    state text NOT NULL DEFAULT 'requested',
    generation bigint NOT NULL DEFAULT 0,  -- of the picture that the person saw; 0: any
    reason text,
    keep_copied_events boolean NOT NULL DEFAULT false,
    forced boolean NOT NULL DEFAULT false,
    repair boolean NOT NULL DEFAULT false, -- verify: mend the target first
    requested_by text NOT NULL,
    requested_from text NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at timestamptz,
    finished_at timestamptz,
    owner_epoch bigint,                    -- of the engine that took it
    outcome text NOT NULL DEFAULT '',
    expires_at timestamptz                 -- nobody begins with it from then on; NULL: it waits for as long as it takes
);
ALTER TABLE tenantmv.command ADD COLUMN IF NOT EXISTS repair boolean NOT NULL DEFAULT false;
ALTER TABLE tenantmv.command ADD COLUMN IF NOT EXISTS expires_at timestamptz;
ALTER TABLE tenantmv.command DROP CONSTRAINT IF EXISTS command_operation_check;
ALTER TABLE tenantmv.command ADD CONSTRAINT command_operation_check CHECK (operation IN
    ('start', 'pause', 'resume', 'cutover', 'rehearse', 'abort', 'verify', 'finalize'));
ALTER TABLE tenantmv.command DROP CONSTRAINT IF EXISTS command_state_check;
ALTER TABLE tenantmv.command ADD CONSTRAINT command_state_check CHECK (state IN
    ('requested', 'running', 'done', 'refused', 'failed', 'expired', 'withdrawn'));
-- Asked for before requests had a lifetime, and still waiting: they are as old as any that expired.
UPDATE tenantmv.command SET expires_at = requested_at + interval '60 s'
 WHERE state = 'requested' AND expires_at IS NULL AND operation IN ('cutover', 'rehearse', 'abort') AND started_at IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS command_one_of_a_kind ON tenantmv.command (migration_id, operation)
    WHERE state IN ('requested', 'running');
CREATE INDEX IF NOT EXISTS command_migration ON tenantmv.command (migration_id, number);

CREATE TABLE IF NOT EXISTS tenantmv.cutover_attempt (
    migration_id uuid NOT NULL REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
    number bigint NOT NULL,
    owner_epoch bigint NOT NULL,
    rehearsal boolean NOT NULL,
    outcome text NOT NULL DEFAULT 'running' CHECK (outcome IN
        ('running', 'completed', 'rolled_back', 'refused', 'rehearsed')),
    reason text NOT NULL DEFAULT '',
    requested_by text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    lock_us bigint NOT NULL DEFAULT 0,
    drain_us bigint NOT NULL DEFAULT 0,
    decide_us bigint NOT NULL DEFAULT 0,
    pause_us bigint NOT NULL DEFAULT 0,
    drained_events bigint NOT NULL DEFAULT 0,
    held_writers bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (migration_id, number)
);
CREATE INDEX IF NOT EXISTS cutover_attempt_started ON tenantmv.cutover_attempt (started_at);

-- Dialogs before an operation that people have open in their consoles. No reference to the migration: it would take a
-- lock on its row.
CREATE TABLE IF NOT EXISTS tenantmv.dialog (
    id uuid PRIMARY KEY,
    migration_id uuid NOT NULL,
    operation text NOT NULL,
    operator text NOT NULL,
    came_from text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE IF NOT EXISTS tenantmv.verification (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id uuid NOT NULL REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
    level text NOT NULL,
    consistent boolean NOT NULL,
    report jsonb NOT NULL,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS verification_migration ON tenantmv.verification (migration_id, id);

-- How far source and target are proven equal. The proof is void once the guards' facts differ from these.
CREATE TABLE IF NOT EXISTS tenantmv.proof (
    migration_id uuid PRIMARY KEY REFERENCES public.tenant_migrations (id) ON DELETE CASCADE,
    proven_to bigint NOT NULL,
    guards text NOT NULL
) WITH (fillfactor = 60);

-- Every object that a migration creates in a store, written before it is created. It does not go with the migration's
-- row: what stands in a store must stay known until it is gone.
CREATE TABLE IF NOT EXISTS tenantmv.ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration_id uuid NOT NULL,
    owner_epoch bigint NOT NULL,
    store text NOT NULL CHECK (store IN ('source', 'target')),
    kind text NOT NULL,
    name text NOT NULL,
    remove_when text NOT NULL CHECK (remove_when IN ('always', 'abort', 'finalize')),
    undo text NOT NULL,
    facts jsonb,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at timestamptz
);
CREATE UNIQUE INDEX IF NOT EXISTS ledger_open ON tenantmv.ledger (migration_id, store, kind, name)
    WHERE done_at IS NULL;

-- The chain of hashes over a migration's audit rows, and its end. They stay when audit rows are deleted: that is what
-- they are for.
CREATE TABLE IF NOT EXISTS tenantmv.audit_chain (
    migration_id uuid NOT NULL,
    number bigint NOT NULL,
    audit_id bigint NOT NULL UNIQUE,
    by_others boolean NOT NULL,  -- written by another program, taken in later
    hash bytea NOT NULL,
    PRIMARY KEY (migration_id, number)
);
CREATE TABLE IF NOT EXISTS tenantmv.audit_head (
    migration_id uuid PRIMARY KEY,
    number bigint NOT NULL DEFAULT 0,
    audit_id bigint NOT NULL DEFAULT 0,
    hash bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 60);
