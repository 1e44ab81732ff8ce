-- +goose Up
-- The grams of an asset are the words of a document (internal/store/search.go).
CREATE VIRTUAL TABLE asset_search USING fts4 (grams, asset_id, notindexed=asset_id, tokenize=simple);

-- +goose Down
DROP TABLE asset_search;
