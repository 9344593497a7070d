-- Makes every transaction of the session read only.
-- database: control
-- script
SET default_transaction_read_only = on
