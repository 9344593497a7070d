-- Ranges (from, to] of (0, $2] that no chunk covers yet. A row with from > to means that chunks overlap.
-- database: target
-- $1 uuid: migration
-- $2 bigint: end of the history
SELECT g.reached, g.low
FROM (SELECT r.low, coalesce(max(r.high) OVER (ORDER BY r.low ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS reached
      FROM (SELECT c.low, c.high FROM tenantmv.copied_range c WHERE c.migration_id = $1::uuid
            UNION ALL SELECT $2::bigint, $2::bigint) r) g
WHERE g.low <> g.reached
ORDER BY g.low
