-- The transaction that will decide. The tenant's lock is not asked for yet; what the decision changes in the control
-- tables, where they are in this database, is written before that, because nobody is held by it.
-- database: source
-- script
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL lock_timeout = {{lock_ms}};
SET LOCAL idle_in_transaction_session_timeout = {{idle_ms}}
