-- Sets or clears the pause of a migration that runs, with its audit row; nothing when it is so already. The trigger
-- that raises the generation fires when the statement ends, so migration_state is locked after audit_head here: under the lock
-- on the migration's row, without which nothing takes both.
-- database: control
-- $1 uuid: migration
-- $2 bigint: owner epoch
-- $3 uuid: engine
-- $4 boolean: paused
-- $5 text: reason, may be null
-- $6 text: operator, may be null
WITH mine AS MATERIALIZED (SELECT tenantmv.owns($1::uuid, $2::bigint, $3::uuid) AS ok),
changed AS (
    UPDATE public.tenant_migrations m
       SET is_paused = $4::boolean,
           paused_at = CASE WHEN $4::boolean THEN clock_timestamp() END,
           pause_reason = CASE WHEN $4::boolean THEN $5::text END
      FROM mine
     WHERE mine.ok AND m.id = $1::uuid AND coalesce(m.is_paused, false) <> $4::boolean
       AND m.phase NOT IN ('completed', 'aborted', 'failed')
    RETURNING m.id
)
SELECT mine.ok,
       (SELECT tenantmv.audit_append(changed.id, CASE WHEN $4::boolean THEN 'migration_paused' ELSE 'migration_resumed' END,
                                     NULL, NULL, jsonb_build_object('reason', $5::text), $6::text) FROM changed)
  FROM mine
