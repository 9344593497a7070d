-- Whether an operator asks for something while the engine is busy with another command.
-- database: control
-- $1 uuid: migration
SELECT EXISTS (SELECT FROM tenantmv.command c WHERE c.migration_id = $1::uuid AND c.state = 'requested'
                 AND (c.expires_at IS NULL OR c.expires_at > clock_timestamp()))
