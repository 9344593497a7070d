-- The digest of a guard's facts as versions of the schema before 4 noted it: triggers, functions and partitions. Read once,
-- when a migration that such a version began is taken over. Once the schema was upgraded it cannot hold any more.
-- database: store
-- $1 regclass: events table
-- $2 text: mark in the trigger names
SELECT encode(sha256(convert_to(coalesce(string_agg(fact, ';' ORDER BY fact), ''), 'UTF8')), 'hex'),
       (SELECT max(v.version) FROM tenantmv.store_version v)
  FROM (WITH RECURSIVE tree AS (SELECT $1::regclass::oid AS relid
                                UNION SELECT i.inhrelid FROM pg_inherits i JOIN tree ON tree.relid = i.inhparent)
        SELECT format('t %s %s %s %s %s %s', t.tgrelid, t.tgname, t.oid, t.xmin, t.tgenabled, t.tgfoid) AS fact
          FROM pg_trigger t JOIN tree ON tree.relid = t.tgrelid
         WHERE t.tgname LIKE '~tenantmv\_' || $2 || '\_%' OR t.tgname = '~tenantmv_truncate'
            OR (t.tgname > '~tenantmv_' AND t.tgname !~ '^~tenantmv_([0-9a-f]{16}_|truncate$)' AND NOT t.tgisinternal
                AND t.tgfoid NOT IN (SELECT p.oid FROM pg_proc p
                                      WHERE p.pronamespace = to_regnamespace('tenantmv') AND p.proname LIKE 'guard\_retired\_%'))
        UNION ALL
        SELECT format('f %s %s %s', p.oid, p.xmin, p.proname) FROM pg_proc p
         WHERE p.pronamespace = to_regnamespace('tenantmv') AND p.proname LIKE 'guard\_%'
        UNION ALL
        SELECT format('r %s', relid) FROM tree) AS facts
