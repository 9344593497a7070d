-- After a try that did not get the table: the transaction is what it was before guard_lock_try.
-- database: store
-- script
ROLLBACK TO SAVEPOINT tmv_try;
RELEASE SAVEPOINT tmv_try
