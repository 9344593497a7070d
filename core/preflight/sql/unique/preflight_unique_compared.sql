-- Unique indexes compared by what they enforce. An index of the target does what one of the source does when it has the same
-- or fewer keys, the same predicate or none, and treats NULLs as strictly. Only two names matter: by them eventsource-py
-- tells a repeated event from a lost race; a source without such a name has no application that looks for it. A partitioned
-- target cannot leave its partition key out.
-- database: target
-- $1 oid: the events table
-- $2 jsonb: the source's indexes, as preflight_unique_indexes gives them
-- $3 jsonb: the target's
-- $4 text: the column of the event's id
-- $5 text: the stream's
-- $6 text: the stream's type
-- $7 text: the version's
WITH partition_key (keys) AS (
    SELECT coalesce(jsonb_agg(quote_ident(a.attname)), '[]')
    FROM pg_partitioned_table p JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs::smallint[])
    WHERE p.partrelid = $1::oid
), there AS (
    SELECT * FROM jsonb_to_recordset($2::jsonb)
        AS t (name text, keys jsonb, predicate text, nulls_equal boolean, "using" text)
), here AS (
    SELECT * FROM jsonb_to_recordset($3::jsonb) AS h (name text, keys jsonb, predicate text, nulls_equal boolean)
), needed (name, keys) AS (
    VALUES ('events_event_id_key', jsonb_build_array($4::text)),
           ('uq_events_aggregate_version', jsonb_build_array($5::text, $6::text, $7::text))
), unnamed AS (
    SELECT n.name, n.keys,
           (SELECT min(h.name) FROM here h
            WHERE h.keys @> n.keys AND n.keys || p.keys @> h.keys AND h.predicate IS NULL) AS other
    FROM needed n CROSS JOIN partition_key p
    WHERE EXISTS (SELECT FROM there t WHERE t.name = n.name)
      AND NOT EXISTS (SELECT FROM here h
                      WHERE h.name = n.name AND h.keys @> n.keys AND n.keys || p.keys @> h.keys AND h.predicate IS NULL)
), lacking AS (
    SELECT t.*, EXISTS (SELECT FROM here h WHERE t.keys || p.keys @> h.keys AND h.predicate IS NOT DISTINCT FROM t.predicate)
                    AS for_the_partitions
    FROM there t CROSS JOIN partition_key p
    WHERE NOT EXISTS (SELECT FROM here h
                      WHERE t.keys @> h.keys AND (h.predicate IS NULL OR h.predicate = t.predicate)
                        AND (h.nulls_equal OR NOT t.nulls_equal))
)
SELECT format('the target has no unique index %s on (%s); by this name applications judge a violation',
              string_agg(u.name, ', '), (array_agg((SELECT string_agg(k, ', ') FROM jsonb_array_elements_text(u.keys) k)))[1]),
       string_agg(CASE WHEN u.other IS NOT NULL AND NOT EXISTS (SELECT FROM here h WHERE h.name = u.name)
                       THEN format('ALTER INDEX %I.%I RENAME TO %I;',
                                   (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                    WHERE c.oid = $1::oid), u.other, u.name)
                       ELSE format('CREATE UNIQUE INDEX %I ON %s (%s);', u.name, $1::oid::regclass,
                                   (SELECT string_agg(k, ', ') FROM jsonb_array_elements_text(u.keys || p.keys) k)) END, ' '),
       'refuse'
FROM unnamed u CROSS JOIN partition_key p
HAVING count(*) > 0
UNION ALL
SELECT format('unique on the source, not on the target: %s%s', string_agg(format('%s %s', l.name, l."using"), ', '),
              CASE WHEN bool_and(l.for_the_partitions) THEN ' (its partition key is part of what it can enforce)' ELSE '' END),
       'nothing keeps this on the target after the move. If the application relies on it: '
           || string_agg(format('CREATE UNIQUE INDEX %I ON %s %s;', l.name, $1::oid::regclass, l."using"), ' '),
       'warn'
FROM lacking l
HAVING count(*) > 0
LIMIT 1
