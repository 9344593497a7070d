-- Prepares a session. Whatever changes the text form of a value, or how a statement is read, is fixed here, so that no
-- setting of a role, a database or a server reaches what is hashed, compared or parsed. Gives two rows: the path on which
-- the session would find names by itself, NULL for none, then the server's process id. Schemas in which every role may
-- create objects are left out of that path: an object there can be anybody's. Until search_path is set, every name is
-- qualified for the same reason.
-- database: any
-- script
SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s.name::pg_catalog.text), ', '::pg_catalog.text ORDER BY s.place)
  FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY AS s (name, place)
 WHERE NOT pg_catalog.has_schema_privilege('public'::pg_catalog.name, s.name::pg_catalog.text, 'CREATE'::pg_catalog.text);
SET quote_all_identifiers = off;
SET search_path = pg_catalog;
SET row_security = off;
SET jit = off;
SET standard_conforming_strings = on;
SET statement_timeout = {{statement_timeout_ms}};
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
{{idle_session}}
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET synchronous_commit = on;
SET default_transaction_isolation = 'read committed';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 3;
SET bytea_output = hex;
SET xmlbinary = base64;
SET xmloption = content;
SET lc_monetary = 'C';
SET array_nulls = on;
SET transform_null_equals = off;
SELECT pg_backend_pid()
