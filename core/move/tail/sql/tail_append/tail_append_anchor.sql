-- The latest pair of positions that lies at least so many events back, or the first; and what the leg has written since.
-- database: target
-- $1 uuid: migration
-- $2 smallint: leg
-- $3 bigint: so many events back
SELECT n.from_position, n.to_position, a.high
  FROM tenantmv.applied a JOIN tenantmv.anchor n ON n.migration_id = a.migration_id AND n.leg = a.leg
 WHERE a.migration_id = $1::uuid AND a.leg = $2::smallint
 ORDER BY n.events <= a.events - $3::bigint DESC, CASE WHEN n.events <= a.events - $3::bigint THEN -n.events ELSE n.events END,
          n.from_position LIMIT 1
