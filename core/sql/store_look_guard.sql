-- What the guards of a store watch, and how many writes they turned away.
-- database: store
SELECT count(*) FILTER (WHERE f.state = 'open'), count(*) FILTER (WHERE f.state IN ('closed', 'armed')),
       count(*) FILTER (WHERE f.state = 'moved'),
       (SELECT r.last_value - (NOT r.is_called)::integer FROM tenantmv.rejected_writes r)
  FROM tenantmv.fence f
