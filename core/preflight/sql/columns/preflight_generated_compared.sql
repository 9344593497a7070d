-- Columns that both sides compute, but not in the same words.
-- database: target
-- $1 oid: the events table
-- $2 text[]: the source's, "column = expression"
-- $3 text[]: names of columns that are left behind on purpose
SELECT format('the target computes another value than the source: %s',
              string_agg(format('%I = %s', a.attname, pg_get_expr(d.adbin, d.adrelid)), ', ')),
       'make the expressions alike; or accept the target''s values: '
           || string_agg(format('--leave-column %s', a.attname), ' ')
FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::oid AND a.attgenerated <> '' AND NOT a.attisdropped AND NOT a.attname = ANY ($3::text[])
  AND NOT format('%I = %s', a.attname, pg_get_expr(d.adbin, d.adrelid)) = ANY ($2::text[])
  AND EXISTS (SELECT FROM unnest($2::text[]) there WHERE starts_with(there, format('%I = ', a.attname)))
HAVING count(*) > 0
