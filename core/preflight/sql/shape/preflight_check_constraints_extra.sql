-- CHECK constraints of the target that the source does not have in the same words.
-- database: target
-- $1 oid: the events table
-- $2 text[]: the source's definitions
SELECT format('CHECK constraints that the source does not have: %s',
              string_agg(quote_ident(conname) || ' ' || pg_get_constraintdef(oid), ', ')),
       'make sure that every event of the tenant keeps them; one that does not stops the copy. Or: '
           || string_agg(format('ALTER TABLE %s DROP CONSTRAINT %I;', conrelid::regclass, conname), ' ')
FROM pg_constraint
WHERE conrelid = $1::oid AND contype = 'c' AND NOT pg_get_constraintdef(oid) = ANY ($2::text[])
HAVING count(*) > 0
