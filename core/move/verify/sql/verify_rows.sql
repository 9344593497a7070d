-- The events of a range that differs, one by one, in order: position, id, stream, version and hash.
-- database: store
-- script
COPY (SELECT e.{{position}}, e.{{event_id}}, e.{{stream}}, e.{{version}},
             encode(sha256(record_send(ROW({{record}}))), 'hex')
      FROM (SELECT * FROM {{events}} WHERE {{position}} > {{low}} AND {{position}} <= {{high}} {{barrier}}) e
      WHERE e.{{tenant}} = '{{tenant_id}}'
      ORDER BY e.{{position}}, e.{{event_id}}) TO STDOUT
