-- Compares what the writers were told about a tenant (:journal, a file that the server reads) with what the store holds.
-- Prints one line: lost, duplicated, out of order, events of the tenant, unknown writes that did happen.
-- A journal's line: event, stream, type, version, position, known. Position empty: not told. known false: the answer to
-- the commit was lost, so the event may or may not be there. :seeded is the length of the history before the writers.
-- :dedicated true: nobody else may be in the store.
-- database: store
-- script
SET work_mem = '128MB';
CREATE TEMP TABLE told (line bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, stream uuid, kind text, version bigint,
                        position bigint, known boolean);
COPY told (event_id, stream, kind, version, position, known) FROM :'journal' (NULL '');
ANALYZE told;
CREATE TEMP TABLE held AS
SELECT global_position AS position, event_id, aggregate_id AS stream, aggregate_type AS kind, version
FROM public.events WHERE tenant_id = :'tenant'::uuid;
ANALYZE held;

WITH met AS (
    SELECT t.event_id, t.known, h.event_id IS NOT NULL AS found,
           h.event_id IS NOT NULL AND (h.stream <> t.stream OR h.kind <> t.kind OR h.version <> t.version
                                       OR h.position <> t.position) AS elsewhere
    FROM told AS t LEFT JOIN held AS h USING (event_id)
), totals AS (
    SELECT (SELECT count(*) FROM held) AS held,
           (SELECT count(DISTINCT event_id) FROM held) AS distinct_held,
           (SELECT count(*) FROM held WHERE event_id NOT IN (SELECT event_id FROM told)) AS history,
           (SELECT count(*) FROM public.events WHERE :'dedicated' AND tenant_id IS DISTINCT FROM :'tenant'::uuid) AS foreign_events
), steps AS (
    SELECT version, lag(version, 1, 0::integer) OVER (PARTITION BY stream, kind ORDER BY position) AS before FROM held
), answers AS (
    SELECT version, lag(version, 1, 0::bigint) OVER (PARTITION BY stream, kind ORDER BY line) AS before FROM told WHERE known
)
SELECT (SELECT count(*) FROM met WHERE known AND NOT found) + greatest(:seeded - history, 0),
       held - distinct_held + greatest(history - :seeded, 0) + foreign_events,
       (SELECT count(*) FROM met WHERE elsewhere) + (SELECT count(*) FROM steps WHERE version <> before + 1)
           + (SELECT count(*) FROM answers WHERE version <= before),
       held,
       (SELECT count(DISTINCT event_id) FROM met WHERE found AND NOT known)
FROM totals;
