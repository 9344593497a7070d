-- Drops triggers of one tenant whose names match {{pattern}} (LIKE). Needs an exclusive lock: only under a lock timeout.
-- database: store
-- script
DO $remove$
DECLARE
    v_name text;
BEGIN
    FOR v_name IN SELECT tgname FROM pg_trigger
                   WHERE tgrelid = {{events_literal}}::regclass AND tgname LIKE '{{pattern}}' LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', v_name, {{events_literal}}::regclass);
    END LOOP;
END
$remove$
