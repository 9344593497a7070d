-- From here on writers wait for this transaction: an engine that falls silent in it does not hold them for longer.
-- database: any
-- script
SET LOCAL idle_in_transaction_session_timeout = {{idle_ms}}
