-- Parts of the source's types that the target's lack: an event that holds such a value could not arrive, or would arrive as
-- something else.
-- database: target
-- $1 text[]: parts on the source
-- $2 text[]: parts on the target
SELECT format('not so on the target: %s', string_agg(part, '; ' ORDER BY part)),
       'make the types of the target what they are on the source: ALTER TYPE … ADD VALUE for a label, or create the type again'
FROM unnest($1::text[]) part
WHERE NOT part = ANY ($2::text[])
HAVING count(*) > 0
