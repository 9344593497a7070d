-- Unique indexes of the target that nothing on the source guarantees: whether the tenant's events keep them must be counted.
-- A source's index guarantees one when it has the same or fewer keys, no predicate or the same, and treats NULLs as
-- strictly. Gives: name, what to group by, the rows that count.
-- database: target
-- $1 jsonb: the source's indexes, as preflight_unique_indexes gives them
-- $2 jsonb: the target's
WITH there AS (
    SELECT * FROM jsonb_to_recordset($1::jsonb) AS t (keys jsonb, predicate text, nulls_equal boolean)
), here AS (
    SELECT h.*, list.columns AS grouped
    FROM jsonb_to_recordset($2::jsonb)
             AS h (name text, keys jsonb, columns jsonb, predicate text, nulls_equal boolean)
    CROSS JOIN LATERAL (SELECT string_agg(k, ', ') AS columns FROM jsonb_array_elements_text(h.columns) k) list
)
SELECT h.name, coalesce(h.grouped, '1::integer'),
       format('(%s)%s', coalesce(h.predicate, 'true'),
              CASE WHEN h.nulls_equal OR h.grouped IS NULL THEN '' ELSE format(' AND num_nulls(%s) = 0', h.grouped) END)
FROM here h
WHERE NOT EXISTS (SELECT FROM there t
                  WHERE h.keys @> t.keys AND (t.predicate IS NULL OR t.predicate = h.predicate)
                    AND (t.nulls_equal OR NOT h.nulls_equal))
ORDER BY h.name
