-- +goose Up
-- The grams of an asset are the words of a document (internal/store/search.go).
CREATE TABLE asset_search (
    asset_id TEXT PRIMARY KEY,
    grams    TSVECTOR NOT NULL
);
CREATE INDEX asset_search_grams ON asset_search USING gin (grams);

-- +goose Down
DROP TABLE asset_search;
