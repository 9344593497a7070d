-- History of every tenant whose number modulo :jobs is :job, as a small wholesaler's: users, orders and invoices.
-- Every 60 events of a tenant are one round of business: a user with 8 events, four orders with 7, four invoices with 6,
-- interleaved. :tenants is a file with number, id and events of each tenant, readable by the server.
-- database: store
-- script
SET synchronous_commit = off;
SET work_mem = '128MB';
SET max_parallel_workers_per_gather = 0;

CREATE TEMP TABLE tenant (number integer, id uuid, events bigint);
COPY tenant FROM :'tenants';
ANALYZE tenant;

CREATE TEMP TABLE flow (kind text, members integer, steps text[]);
INSERT INTO flow VALUES
    ('User', 1, '{UserRegistered,UserEmailVerified,UserAddressChanged,UserLoggedIn,UserLimitRaised,UserLoggedIn,UserAddressChanged,UserLoggedIn}'),
    ('Order', 4, '{OrderPlaced,OrderLineAdded,OrderLineAdded,OrderPaid,OrderPacked,OrderShipped,OrderDelivered}'),
    ('Invoice', 4, '{InvoiceDrafted,InvoiceLineAdded,InvoiceIssued,InvoiceSent,InvoicePaid,InvoiceArchived}');

CREATE TEMP TABLE step AS
SELECT (row_number() OVER (ORDER BY (s.version - 0.5 + m.member * 0.11) / cardinality(f.steps), f.kind, m.member))::integer
           - 1 AS slot,
       f.kind, m.member, s.version::integer AS version, s.event_type
FROM flow AS f
CROSS JOIN LATERAL generate_series(1, f.members) AS m (member)
CROSS JOIN LATERAL unnest(f.steps) WITH ORDINALITY AS s (event_type, version);
ALTER TABLE step ADD PRIMARY KEY (slot);
ANALYZE step;

INSERT INTO public.events (event_id, aggregate_id, aggregate_type, event_type, tenant_id, actor_id, version, "timestamp",
                           payload)
SELECT e.event_id, e.stream, e.kind, e.event_type, e.tenant, e.actor, e.version, e.at,
       (format('{"event_id":"%s","event_type":"%s","event_version":1,"occurred_at":"%s","aggregate_id":"%s",'
               '"aggregate_type":"%s","aggregate_version":%s,"tenant_id":"%s","actor_id":"%s","correlation_id":"%s",'
               '"causation_id":null,"metadata":{"source":"demo","region":"eu-central","schema":3},',
               e.event_id, e.event_type, to_char(e.at, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'), e.stream, e.kind,
               e.version, e.tenant, e.actor, e.round_id)
        || CASE
           WHEN e.version = 1 THEN
               format('"number":"%s-%s","customer":{"id":"%s","name":"Customer %s","email":"customer%s@example.com",'
                      '"address":{"street":"Mill Lane %s","city":"Harbour Town","postcode":"%s","country":"DE"}},'
                      '"currency":"EUR","note":"Leave at gate %s, call before delivery"}',
                      upper(left(e.kind, 3)), e.round, e.round_id, e.round % 9973, e.round % 9973, 1 + e.round % 240,
                      10000 + e.round % 89999, 1 + e.round % 12)
           WHEN e.event_type LIKE '%LineAdded' THEN
               format('"line":{"sku":"SKU-%s","text":"Bearing 6204-2RS, sealed, 20 x 47 x 14 mm","quantity":%s,'
                      '"price":"%s.90"}}', e.round % 50021, 1 + e.version % 9, 2 + e.round % 80)
           WHEN e.event_type LIKE '%AddressChanged' THEN
               format('"address":{"street":"Mill Lane %s","city":"Harbour Town","postcode":"%s","country":"DE"}}',
                      1 + e.round % 240, 10000 + e.round % 89999)
           ELSE format('"number":"%s-%s","total":"%s.00"}', upper(left(e.kind, 3)), e.round, 40 + e.round % 5000)
           END)::jsonb
FROM (SELECT gen_random_uuid() AS event_id, md5(format('%s %s %s %s', p.tenant, p.round, p.kind, p.member))::uuid AS stream,
             p.kind, p.event_type, p.tenant, p.version, p.round, 'user:' || (p.round % 17) AS actor,
             md5(format('%s %s', p.tenant, p.round))::uuid AS round_id,
             date_trunc('hour', now()) - (1 - p.share) * interval '540 days' AS at
      FROM (SELECT t.id AS tenant, s.kind, s.event_type, s.member, s.version, i / 60 AS round,
                   (i + 0.5) / t.events AS share
            FROM tenant AS t
            CROSS JOIN LATERAL generate_series(0, t.events - 1) AS i
            JOIN step AS s ON s.slot = i % 60
            WHERE t.number % :jobs = :job
            ORDER BY share, t.number OFFSET 0) AS p
      OFFSET 0) AS e;
