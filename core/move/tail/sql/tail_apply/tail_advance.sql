-- Moves the watermark, in the transaction that wrote the events; sent with its commit.
-- database: target
-- script
SELECT tenantmv.advance({{migration}}, {{leg}}, {{watermark}}, {{rows}})
