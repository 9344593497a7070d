-- What is committed here is durable: after a crash, positions that readers have seen would be handed out again.
-- database: target
-- script
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
