-- Ends the transaction it stands in unless this engine still owns the tenant's migration in this store, and holds a
-- successor off until that transaction is over.
-- database: store
-- script
DO $own$
BEGIN
    PERFORM 1 FROM tenantmv.owner o
      WHERE o.tenant_id = '{{tenant_id}}' AND o.events = {{events_key}} AND o.migration_id = {{migration}}
        AND o.owner_epoch = {{owner_epoch}} FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another engine owns the migration' USING ERRCODE = 'TM010';
    END IF;
END
$own$
