-- The schema that tenantmv keeps in every store. Doing it again changes nothing.
-- database: store
-- script
-- One at a time: IF NOT EXISTS does not save two that create the same at once from a duplicate key in the catalogue, and
-- several migrations may start together.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('tenantmv.store_schema', 0)); END $$;
CREATE SCHEMA IF NOT EXISTS tenantmv;

CREATE TABLE IF NOT EXISTS tenantmv.store_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version integer NOT NULL
);
INSERT INTO tenantmv.store_version (version) VALUES (1) ON CONFLICT DO NOTHING;

-- The events tables of this database that a guard watches. All that is said of a tenant below is said for one of them; a
-- regclass is still the same table after a rename and after a dump.
CREATE TABLE IF NOT EXISTS tenantmv.guarded (
    events regclass PRIMARY KEY,   -- the root of a partitioned one
    rejected regclass NOT NULL,    -- counts the writes that its guard turned away; a sequence survives their rollback
    floor regclass                 -- its value: the highest transaction id that a guarded row carries
);

-- Who may write a tenant's events here: one row per tenant and table, read by the guard under every isolation level.
CREATE TABLE IF NOT EXISTS tenantmv.fence (
    tenant_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'moved', 'closed', 'armed', 'off')),
    placement_epoch bigint NOT NULL,
    store_id text,                 -- moved: the tenant's new home
    migration_id uuid,
    wait_ms integer NOT NULL DEFAULT 600,  -- how long a writer may wait here before it is told to come again
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    events regclass NOT NULL,
    PRIMARY KEY (tenant_id, events)
);

-- Tenants that had moved away from here and that a migration brings back: what their fence said before it. A table of its
-- own, because a new column of the fence would lock every writer out for a moment.
CREATE TABLE IF NOT EXISTS tenantmv.departed (
    tenant_id uuid NOT NULL,
    store_id text,                 -- where it lives
    migration_id uuid,             -- that moved it there
    events regclass NOT NULL,
    PRIMARY KEY (tenant_id, events)
);

-- Which engine may act for a tenant on this server; changes only upwards.
CREATE TABLE IF NOT EXISTS tenantmv.owner (
    tenant_id uuid NOT NULL,
    migration_id uuid NOT NULL,
    owner_epoch bigint NOT NULL,
    events regclass NOT NULL,
    PRIMARY KEY (tenant_id, events)
);

-- What a leg of a migration has written here, in the transaction that writes the events. Leg 1 is the move; leg 2 carries
-- back what is first written to the new home. A row for each, made by the transaction that begins the leg and never used
-- again: what an earlier leg left here says nothing about a later one.
CREATE TABLE IF NOT EXISTS tenantmv.applied (
    migration_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    owner_epoch bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('copying', 'mirroring', 'undoing', 'done')),
    copy_limit bigint NOT NULL DEFAULT 0,  -- V0: the bulk copy ends here, the tail begins
    watermark bigint NOT NULL DEFAULT 0,   -- every event of the tenant up to here, in the other store's positions, is here
    events bigint NOT NULL DEFAULT 0,
    chain bytea NOT NULL DEFAULT '',
    events_table regclass NOT NULL,        -- that they were written to
    leg smallint NOT NULL DEFAULT 1,
    mode text NOT NULL DEFAULT 'preserve' CHECK (mode IN ('preserve', 'append')),  -- whose positions the events have here
    base_from bigint NOT NULL DEFAULT 0,   -- the leg carries what lies above, in the other store's positions
    high bigint NOT NULL DEFAULT 0,        -- append: no position up to here is the leg's to give, in this store's positions
    PRIMARY KEY (migration_id, leg)
);

-- Where positions differ: some pairs of the last event of a batch, in the order of both. The bounds of verification.
CREATE TABLE IF NOT EXISTS tenantmv.anchor (
    migration_id uuid NOT NULL,
    leg smallint NOT NULL,
    from_position bigint NOT NULL,
    to_position bigint NOT NULL,
    events bigint NOT NULL,                -- that the leg has written up to here
    PRIMARY KEY (migration_id, leg, from_position)
);

-- Repairs of the target that have begun, until the target is known to hold everything again: the repair came to its end, or a
-- verification found both stores equal. No fence is armed while a row is here, and a repair writes only while its row is here;
-- both lock the applied row first, so one of them waits for the other.
CREATE TABLE IF NOT EXISTS tenantmv.repair (
    migration_id uuid PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The facts of the tenants' own triggers right before an older version's functions were replaced, as that version took
-- their digest: what had been changed before is told apart from the upgrade.
CREATE TABLE IF NOT EXISTS tenantmv.upgraded_guard (
    events regclass NOT NULL,
    mark text NOT NULL,            -- in the trigger names
    digest text NOT NULL,
    from_version integer NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (events, mark)
);

-- Chunks of the bulk copy that are done: (low, high].
CREATE TABLE IF NOT EXISTS tenantmv.copied_range (
    migration_id uuid NOT NULL,
    low bigint NOT NULL,
    high bigint NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (migration_id, low)
);

-- Writes that the guard of the first events table turned away; further tables have sequences of their own (guarded).
CREATE SEQUENCE IF NOT EXISTS tenantmv.rejected_writes;
