-- Changes limits of a migration that runs, with the audit row that says from what; nothing when it has ended or is
-- another program's. What the new values equal already is no change and not audited.
-- database: control
-- $1 uuid: migration
-- $2 jsonb: object of the keys that are set
-- $3 jsonb: array of the keys that go
-- $4 text: who asks
-- $5 text: from where
WITH before AS MATERIALIZED (
    SELECT m.id, m.config, (m.config || $2::jsonb) - ARRAY(SELECT jsonb_array_elements_text($3::jsonb)) AS wanted
      FROM public.tenant_migrations m
      JOIN tenantmv.migration_state s ON s.migration_id = m.id
     WHERE m.id = $1::uuid AND m.phase NOT IN ('completed', 'aborted', 'failed')
       FOR UPDATE OF m
),
changed AS (
    UPDATE public.tenant_migrations m SET config = b.wanted
      FROM before b
     WHERE m.id = b.id AND m.config <> b.wanted
    RETURNING m.id
),
differs AS (
    SELECT jsonb_object_agg(k.key, b.wanted -> k.key) AS now, jsonb_object_agg(k.key, b.config -> k.key) AS earlier,
           string_agg(format('%s %s (was %s)', translate(k.key, '_', ' '), coalesce(b.wanted ->> k.key, 'none'),
                             coalesce(b.config ->> k.key, 'none')), ', ' ORDER BY k.key) AS words
      FROM before b, LATERAL jsonb_object_keys(b.config || b.wanted) AS k (key)
     WHERE b.config -> k.key IS DISTINCT FROM b.wanted -> k.key
)
SELECT b.wanted::text,
       (SELECT tenantmv.audit_append(c.id, 'progress_checkpoint', NULL, NULL,
                                     jsonb_build_object('limits', d.words, 'now', d.now, 'before', d.earlier, 'from', $5::text),
                                     $4::text)
          FROM changed c, differs d),
       pg_notify('tenantmv', $1::text)
  FROM before b
