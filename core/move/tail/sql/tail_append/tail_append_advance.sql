-- Moves the watermark and what the leg has given, in the transaction that wrote the events; sent with its commit.
-- database: target
-- script
SELECT tenantmv.advance({{migration}}, {{leg}}, {{watermark}}, {{rows}}, {{high}}, {{anchor}})
