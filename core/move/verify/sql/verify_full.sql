-- The events of a range in order of position: position, id, stream and version as keys, then every copied column in the
-- form that its hash is made of. {{barrier}} as in verify_digest.
-- database: store
-- script
COPY (SELECT e.{{position}}::bigint, e.{{event_id}}::text, e.{{stream}}::text, e.{{version}}::bigint, {{record}}
      FROM (SELECT * FROM {{events}} WHERE {{position}} > {{low}} AND {{position}} <= {{high}}
            ORDER BY {{position}} {{barrier}}) e
      WHERE e.{{tenant}} = '{{tenant_id}}'
      ORDER BY e.{{position}}, e.{{event_id}}) TO STDOUT (FORMAT binary)
