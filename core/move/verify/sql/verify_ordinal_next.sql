-- Where the next range of a leg in append mode ends: the furthest pair of positions that is known within so many events, or the
-- next one beyond.
-- database: target
-- $1 uuid: migration
-- $2 smallint: leg
-- $3 bigint: above this position of the source
-- $4 bigint: so many events of the leg are proven
-- $5 bigint: so many at a time
SELECT p.from_position, p.to_position, p.events
  FROM (SELECT n.from_position, n.to_position, n.events FROM tenantmv.anchor n
         WHERE n.migration_id = $1::uuid AND n.leg = $2::smallint AND n.from_position > $3::bigint
        UNION ALL
        SELECT a.watermark, a.high, a.events FROM tenantmv.applied a
         WHERE a.migration_id = $1::uuid AND a.leg = $2::smallint AND a.watermark > $3::bigint) p
 ORDER BY p.events > $4::bigint + $5::bigint,
          CASE WHEN p.events > $4::bigint + $5::bigint THEN p.from_position ELSE -p.from_position END
 LIMIT 1
