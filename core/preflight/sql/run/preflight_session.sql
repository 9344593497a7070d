-- From here on the session cannot change anything, whatever a check tries.
-- database: any
SELECT set_config('default_transaction_read_only', 'on', false)
