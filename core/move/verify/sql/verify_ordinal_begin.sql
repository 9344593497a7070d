-- Where the proof of a leg in append mode goes on: the last pair of positions that is known at or below what was proven, else
-- the leg's beginning.
-- database: target
-- $1 uuid: migration
-- $2 smallint: leg
-- $3 bigint: proven up to this position of the source
SELECT n.from_position, n.to_position, n.events FROM tenantmv.anchor n
 WHERE n.migration_id = $1::uuid AND n.leg = $2::smallint
 ORDER BY n.from_position > $3::bigint,
          CASE WHEN n.from_position > $3::bigint THEN n.from_position ELSE -n.from_position END
 LIMIT 1
