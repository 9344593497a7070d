-- Rewrite rules on the events table: they replace inserts by something that no trigger sees.
-- database: store
-- $1 oid: the events table
SELECT format('rules on %s: %s', $1::oid::regclass, string_agg(quote_ident(r.rulename), ', ')),
       string_agg(format('DROP RULE %I ON %s;', r.rulename, r.ev_class::regclass), ' ')
FROM (SELECT $1::oid AS oid UNION SELECT relid FROM pg_partition_tree($1::oid::regclass)) tree
JOIN pg_rewrite r ON r.ev_class = tree.oid
WHERE r.rulename <> '_RETURN'
HAVING count(*) > 0
