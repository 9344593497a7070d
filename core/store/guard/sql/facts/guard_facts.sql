-- The facts of a store on which a guard relies, and their digest: the events table with its partitions or children, its
-- columns, the default and the sequence of the position, the guard's triggers with their clones, triggers of others that
-- fire after it (they could give a row its tenant), rules, the functions of the schema tenantmv and its version. xmin tells what
-- was changed and changed back. Nothing here depends on settings of the session.
-- database: store
-- $1 regclass: events table
-- $2 text: mark in the trigger names
-- $3 text: the position's column
-- $4 text: a digest: the facts are left out when they still have it; null for always
-- $5 oid: the position sequence, for the glance (see guard_glance), which belongs to just these facts
WITH RECURSIVE tree AS (
    SELECT $1::regclass::oid AS relid, NULL::oid AS parent, NULL::xid AS attached
    UNION ALL
    SELECT i.inhrelid, i.inhparent, i.xmin FROM pg_inherits i JOIN tree ON tree.relid = i.inhparent
), named AS MATERIALIZED (
    SELECT tree.relid, tree.parent, tree.attached, format('%I.%I', n.nspname, c.relname) AS name, c.relpersistence,
           c.relrowsecurity, c.relforcerowsecurity, c.relowner
      FROM tree JOIN pg_class c ON c.oid = tree.relid JOIN pg_namespace n ON n.oid = c.relnamespace
), position AS MATERIALIZED (
    SELECT d.oid, d.adrelid, d.adbin FROM pg_attrdef d
     WHERE d.adrelid = $1::regclass
       AND d.adnum = (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attname = $3::name)
), facts (kind, id, fact) AS (
    SELECT 'table', t.relid::text, jsonb_build_object(
               'name', t.name, 'parent', coalesce(t.parent::text, ''), 'attached', coalesce(t.attached::text, ''),
               'persistence', CASE t.relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE 'temporary' END,
               'row_security', CASE WHEN t.relrowsecurity THEN 'on' ELSE 'off' END,
               'forced', CASE WHEN t.relforcerowsecurity THEN 'on' ELSE 'off' END, 'owner', t.relowner::text)
      FROM named t
    UNION ALL
    SELECT 'column', a.attnum::text, jsonb_build_object(
               'name', CASE WHEN a.attisdropped THEN '' ELSE a.attname END, 'table', t.name,
               'dropped', a.attisdropped::text, 'type', coalesce(CASE WHEN n.nspname <> 'pg_catalog' THEN n.nspname || '.' END
                                                                 || y.typname, y.typname, ''),
               'type_oid', a.atttypid::text, 'modifier', a.atttypmod::text, 'generated', a.attgenerated::text,
               'identity', a.attidentity::text, 'not_null', CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END)
      FROM named t JOIN pg_attribute a ON a.attrelid = t.relid
      LEFT JOIN pg_type y ON y.oid = a.atttypid LEFT JOIN pg_namespace n ON n.oid = y.typnamespace
     WHERE t.parent IS NULL AND a.attnum > 0
    UNION ALL
    SELECT 'default', $3::text, jsonb_build_object(
               'name', $3::text, 'table', t.name, 'expression', left(encode(sha256(convert_to(p.adbin::text, 'UTF8')), 'hex'), 16))
      FROM position p JOIN named t ON t.relid = p.adrelid AND t.parent IS NULL
    UNION ALL
    SELECT 'sequence', q.seqrelid::text, jsonb_build_object(
               'name', format('%I.%I', n.nspname, c.relname), 'increment', q.seqincrement::text, 'cache', q.seqcache::text,
               'cycle', CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END, 'minimum', q.seqmin::text,
               'maximum', q.seqmax::text, 'type', q.seqtypid::text, 'start', q.seqstart::text, 'owner', c.relowner::text,
               'persistence', CASE c.relpersistence WHEN 'p' THEN 'permanent' ELSE 'unlogged' END, 'altered', q.xmin::text)
      FROM position p
      JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass
      JOIN pg_sequence q ON q.seqrelid = d.refobjid JOIN pg_class c ON c.oid = q.seqrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    UNION ALL
    SELECT CASE WHEN g.ours THEN 'trigger' ELSE 'late trigger' END, format('%s/%s', t.relid, g.tgname), jsonb_build_object(
               'name', g.tgname, 'table', t.name, 'relation', t.relid::text, 'made', g.oid::text, 'altered', g.xmin::text,
               'enabled', CASE g.tgenabled WHEN 'A' THEN 'enabled always' WHEN 'O' THEN 'enabled'
                                             WHEN 'R' THEN 'enabled for replicas only' ELSE 'disabled' END,
               'function', g.tgfoid::text, 'row', (g.tgtype & 1)::text)
      FROM named t
      JOIN (SELECT g.*, g.xmin, g.tgname LIKE '~tenantmv\_' || $2::text || '\_%' OR g.tgname = '~tenantmv_truncate' AS ours
              FROM pg_trigger g) g ON g.tgrelid = t.relid
     WHERE g.ours
        OR (g.tgname > '~tenantmv_' AND g.tgname !~ '^~tenantmv_([0-9a-f]{16}_|truncate$)' AND NOT g.tgisinternal
            AND g.tgfoid NOT IN (SELECT p.oid FROM pg_proc p
                                  WHERE p.pronamespace = to_regnamespace('tenantmv') AND p.proname LIKE 'guard\_retired\_%'))
    UNION ALL
    SELECT 'rule', format('%s/%s', t.relid, w.rulename), jsonb_build_object(
               'name', w.rulename, 'table', t.name, 'enabled', w.ev_enabled::text, 'altered', w.xmin::text)
      FROM named t JOIN pg_rewrite w ON w.ev_class = t.relid
    UNION ALL
    SELECT 'function', p.oid::text, jsonb_build_object(
               'name', p.proname, 'owner', p.proowner::text, 'altered', p.xmin::text,
               'text', left(encode(sha256(convert_to(concat_ws(' ', p.prosrc, p.prolang, p.prosecdef, p.provolatile,
                                                               p.proconfig, p.proisstrict, p.proargtypes), 'UTF8')), 'hex'), 16))
      FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
     WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace('tenantmv')
       AND d.classid = 'pg_proc'::regclass
    UNION ALL
    SELECT 'version', '', jsonb_build_object('name', 'tenantmv', 'number', v.version::text) FROM tenantmv.store_version v
), listed AS (
    SELECT jsonb_agg(jsonb_build_object('kind', kind, 'id', id) || fact ORDER BY kind COLLATE "C", id COLLATE "C")::text AS list
      FROM facts
), digested AS (
    SELECT list, encode(sha256(convert_to(list, 'UTF8')), 'hex') AS digest FROM listed
)
SELECT digest, CASE WHEN digest IS DISTINCT FROM $4::text THEN list END,
       tenantmv.guard_glance($1::regclass, $5::oid, $2::text)
  FROM digested
