-- What a look at a store's server and our schema in it shows.
-- database: store
-- $1 oid: the events table, NULL when there is none
SELECT current_setting('server_version_num')::integer,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean,
       EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE n.nspname = 'tenantmv' AND c.relname = 'store_version'),
       (SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint
        FROM pg_class c
        WHERE c.oid = $1::oid
           OR c.oid IN (SELECT relid FROM pg_partition_tree($1::oid::regclass) WHERE isleaf)),
       current_database(), current_user
