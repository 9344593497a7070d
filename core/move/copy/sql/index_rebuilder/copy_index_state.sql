-- Whether an index stands on the table, and a constraint of that name.
-- database: target
-- $1 oid: the table
-- $2 text: name
SELECT EXISTS (SELECT FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
               WHERE x.indrelid = $1::oid AND i.relname = $2::text AND x.indisvalid),
       EXISTS (SELECT FROM pg_constraint c WHERE c.conrelid = $1::oid AND c.conname = $2::text)
