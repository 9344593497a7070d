-- Statistics for whoever reads the copied events first.
-- database: target
-- script
ANALYZE {{events}}
