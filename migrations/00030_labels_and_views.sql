-- +goose Up
-- The code on an asset's label. It says nothing about the asset: it is random,
-- and made when a label is first printed.
CREATE TABLE asset_labels (
    asset_id TEXT PRIMARY KEY REFERENCES assets (id) ON DELETE CASCADE,
    code     TEXT NOT NULL,
    made_by  TEXT NOT NULL,
    made_at  TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX asset_labels_code ON asset_labels (code);

-- A list with its filter and columns under a name; shared ones are for everyone
-- of the same city, or of the province.
CREATE TABLE saved_views (
    id         TEXT PRIMARY KEY,
    owner_id   TEXT NOT NULL REFERENCES users (id),
    owner_name TEXT NOT NULL,
    area_code  TEXT NOT NULL REFERENCES regions (code),
    name       TEXT NOT NULL,
    page       TEXT NOT NULL,
    query      TEXT NOT NULL,
    columns    TEXT NOT NULL,
    shared     BOOLEAN NOT NULL DEFAULT FALSE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX saved_views_name ON saved_views (owner_id, page, name);
CREATE INDEX saved_views_area ON saved_views (area_code, page) WHERE shared;

-- +goose Down
DROP TABLE saved_views;
DROP TABLE asset_labels;
