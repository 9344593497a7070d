-- Lets a session do what its first write after a cutover will need: the table's indexes, the guard's functions. So often,
-- because the server settles on one plan only after five. The row never stays: the closed fence refuses it, or the exception
-- takes it back.
-- database: target
-- script
DO $warm$
BEGIN
    PERFORM set_config('tenantmv.warm', 'on', true);
    FOR i IN 1..6 LOOP
        BEGIN
            INSERT INTO {{events}} ({{event_id}}, {{stream}}, {{stream_type}}, {{event_type}}, {{tenant}}, {{version}},
                                    {{timestamp}}, {{payload}})
            VALUES (gen_random_uuid(), gen_random_uuid(), '-', '-', '{{tenant_id}}', 1, clock_timestamp(), '{}');
            RAISE EXCEPTION 'enough';
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
    END LOOP;
END
$warm$
