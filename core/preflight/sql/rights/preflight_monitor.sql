-- Without these statistics the ages and states of other roles' sessions stay hidden.
-- database: store
SELECT format('%s cannot see how long other roles'' transactions run; triggers of tenants that have moved stay then', current_user),
       format('GRANT pg_read_all_stats TO %I;', current_user)
WHERE NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')
