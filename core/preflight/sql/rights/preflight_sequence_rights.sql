-- Privileges on the position's sequence that the role lacks.
-- database: store
-- $1 text: the sequence, quoted and qualified
-- $2 text: privileges needed, separated by commas
SELECT format('%s lacks %s on sequence %s', current_user, string_agg(p, ', '), $1::text),
       format('GRANT %s ON SEQUENCE %s TO %I;', string_agg(p, ', '), $1::text, current_user)
FROM unnest(string_to_array($2::text, ',')) p
WHERE NOT has_sequence_privilege(to_regclass($1::text)::oid, p)
HAVING count(*) > 0
