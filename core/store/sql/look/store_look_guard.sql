-- What the guards of an events table watch, and how many writes they turned away.
-- database: store
-- $1 regclass: events table
SELECT count(*) FILTER (WHERE f.state = 'open'), count(*) FILTER (WHERE f.state IN ('closed', 'armed')),
       count(*) FILTER (WHERE f.state = 'moved'),
       (SELECT coalesce(pg_sequence_last_value(g.rejected), 0) FROM tenantmv.guarded g WHERE g.events = $1::regclass)
  FROM tenantmv.fence f WHERE f.events = $1::regclass
