-- Makes every transaction of the session read only.
-- database: control
SET default_transaction_read_only = on
