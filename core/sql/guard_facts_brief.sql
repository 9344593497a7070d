-- A digest of those facts that can change while the decision holds the events table (ROW EXCLUSIVE keeps triggers and
-- columns as they are): functions, the sequence's settings, attached and detached partitions.
-- database: store
SELECT encode(sha256(convert_to(concat_ws(';',
           (SELECT string_agg(p.oid || ' ' || p.xmin, ',' ORDER BY p.oid)
              FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
             WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = to_regnamespace('tenantmv')
               AND d.classid = 'pg_proc'::regclass),
           (SELECT q.seqrelid || ' ' || q.xmin FROM pg_sequence q WHERE q.seqrelid = {{sequence_oid}}),
           (WITH RECURSIVE tree AS (SELECT i.inhrelid, i.xmin AS attached FROM pg_inherits i
                                     WHERE i.inhparent = {{events_oid}}
                                    UNION ALL
                                    SELECT i.inhrelid, i.xmin FROM pg_inherits i JOIN tree ON tree.inhrelid = i.inhparent)
            SELECT string_agg(inhrelid || ' ' || attached, ',' ORDER BY inhrelid) FROM tree)), 'UTF8')), 'hex')
