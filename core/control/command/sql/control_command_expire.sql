-- Ends requests of a migration whose time is over, so that new ones of their kind can be made.
-- database: control
-- $1 uuid: migration
WITH late AS (
    UPDATE tenantmv.command c
       SET state = 'expired', finished_at = clock_timestamp(), outcome = tenantmv.expiry_told(c, clock_timestamp())
     WHERE c.migration_id = $1::uuid AND c.state = 'requested' AND c.expires_at <= clock_timestamp()
    RETURNING c.id
)
UPDATE tenantmv.migration_state s SET generation = s.generation + 1
 WHERE s.migration_id = $1::uuid AND EXISTS (SELECT FROM late)
