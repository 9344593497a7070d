-- From here on the session cannot change anything, whatever a check tries.
-- database: any
SET default_transaction_read_only = on
