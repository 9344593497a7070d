-- What is deferred to the end of a transaction is checked now: this one's end never comes.
-- database: target
-- script
SET CONSTRAINTS ALL IMMEDIATE
