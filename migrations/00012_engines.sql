-- +goose Up
-- The engines that a machine has had; the one with to_on '' is in it now. A
-- record whose engine never changed has no row: its fields say it all.
CREATE TABLE asset_engines (
    asset_id      TEXT NOT NULL REFERENCES assets (id),
    position      BIGINT NOT NULL,
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL DEFAULT '',
    number        TEXT NOT NULL,
    norm          TEXT NOT NULL,
    model         TEXT NOT NULL DEFAULT '',
    power_kw      TEXT NOT NULL DEFAULT '',
    stage         TEXT NOT NULL DEFAULT '',
    from_on       TEXT NOT NULL DEFAULT '',
    to_on         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (asset_id, position)
);
CREATE INDEX asset_engines_norm ON asset_engines (norm);

-- +goose Down
DROP TABLE asset_engines;
