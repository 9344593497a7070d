-- Begins a batch of a leg in append mode: the guard's pass, then in one call the applied row, our transaction id and the
-- positions. Gives: positions in ascending order; whether no other transaction has got an id since ours.
-- database: target
-- script
BEGIN;
SET LOCAL tenantmv.pass = {{pass}};
SELECT t.positions, t.alone
  FROM tenantmv.append_take({{events_key}}, {{sequence_key}}, '{{tenant_id}}', {{migration}}, {{leg}}, {{owner_epoch}}, {{count}}) t;
SET LOCAL search_path = {{write_path}}
