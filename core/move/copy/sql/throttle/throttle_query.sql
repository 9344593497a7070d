-- An operator's query, as a part of one, so that nothing but a query can stand there.
-- database: source
SELECT * FROM (
{{query}}
) AS asked LIMIT 2
