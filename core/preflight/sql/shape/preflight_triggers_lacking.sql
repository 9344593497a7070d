-- Triggers of the source that the target lacks: what they do ends with the move.
-- database: target
-- $1 oid: the events table
-- $2 text[]: names of the source's triggers
SELECT format('triggers of the source that the target lacks: %s', string_agg(name, ', ')),
       'create them on the target too, or make sure that nothing needs them after the move'
FROM unnest($2::text[]) name
WHERE NOT EXISTS (SELECT FROM pg_trigger t
                  WHERE t.tgrelid = $1::oid AND t.tgname = name::name AND NOT t.tgisinternal)
HAVING count(*) > 0
