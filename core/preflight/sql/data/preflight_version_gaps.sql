-- Streams of the tenant whose versions do not run from 1 without a gap.
-- database: source
-- $1 uuid: the tenant
SELECT count(*), min(stream)
FROM (SELECT {{stream_type}} || ' ' || {{stream}}::text AS stream
      FROM {{events}} WHERE {{tenant}} = $1::uuid
      GROUP BY {{stream}}, {{stream_type}}
      HAVING count(*) <> max({{version}}) OR min({{version}}) <> 1) s
