-- Prepared transactions of this database: they hold their locks until somebody ends them.
-- database: store
SELECT format('prepared transactions: %s',
              string_agg(format('%L (%s, since %s)', gid, owner, to_char(prepared, 'YYYY-MM-DD HH24:MI:SS')), ', ')),
       'finish each: ' || string_agg(format('COMMIT PREPARED %L; or ROLLBACK PREPARED %L;', gid, gid), ' ')
FROM (SELECT * FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared LIMIT 5) p
HAVING count(*) > 0
