-- Whether the role may take positions: nextval needs one of two privileges.
-- database: source
-- $1 text: the sequence, quoted and qualified
SELECT format('%s may not take positions from sequence %s', current_user, $1::text),
       format('GRANT USAGE ON SEQUENCE %s TO %I;', $1::text, current_user)
WHERE NOT has_sequence_privilege(to_regclass($1::text)::oid, 'USAGE, UPDATE')
