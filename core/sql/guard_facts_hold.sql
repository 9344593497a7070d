-- Ends the transaction it is sent in when the brief facts are not what they were under {{brief}}: for the decision and for
-- the end of the drain, where they are sent along, so that they cost no round trip.
-- database: store
-- script
DO $facts$
BEGIN
    IF ({{brief_sql}}) IS DISTINCT FROM '{{brief}}' THEN
        RAISE EXCEPTION 'the sequence, a partition or a function of the guard was changed in this moment'
            USING ERRCODE = 'TM012', HINT = 'Ask for the cutover again: it says what was changed.';
    END IF;
END
$facts$
