-- +goose Up
-- What a record was before its last edit by hand, as its form held it, so that
-- the edit can be taken back as long as nothing came after it. The audit cannot
-- serve for that: it masks numbers of people.
CREATE TABLE asset_edits (
    asset_id      TEXT PRIMARY KEY,
    city_code     TEXT NOT NULL,
    version_after BIGINT NOT NULL,
    before        TEXT NOT NULL
);

-- +goose Down
DROP TABLE asset_edits;
