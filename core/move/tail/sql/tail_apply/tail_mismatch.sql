-- An event of the stage that the target does not hold under the same position and id: something else stands in its place.
-- database: target
SELECT s.{{position}}, s.{{event_id}} FROM pg_temp.tenantmv_stage s
  LEFT JOIN {{events}} e ON e.{{position}} = s.{{position}} AND e.{{event_id}} = s.{{event_id}}
 WHERE e.{{event_id}} IS NULL ORDER BY s.{{position}} LIMIT 1
