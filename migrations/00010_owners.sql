-- +goose Up
-- An owner is kept by each city for itself. match_key tells owners apart: the
-- number, or the full name of an organisation, or name and telephone of a
-- person; '' where nothing does.
CREATE TABLE owners (
    id          TEXT PRIMARY KEY,
    city_code   TEXT NOT NULL REFERENCES regions (code),
    kind        TEXT NOT NULL CHECK (kind IN ('person', 'organisation')),
    name        TEXT NOT NULL,
    number      TEXT NOT NULL DEFAULT '',
    phone       TEXT NOT NULL DEFAULT '',
    match_key   TEXT NOT NULL DEFAULT '',
    merged_into TEXT NOT NULL DEFAULT '',
    created_at  TIMESTAMP NOT NULL,
    updated_at  TIMESTAMP NOT NULL,
    version     BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX owners_once ON owners (city_code, match_key) WHERE match_key <> '';
CREATE INDEX owners_city ON owners (city_code, id);

ALTER TABLE assets ADD COLUMN owner_ref TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN owned_from TEXT NOT NULL DEFAULT '';
CREATE INDEX assets_owner ON assets (owner_ref, id) WHERE owner_ref <> '';

-- Periods that are over. The present one is owner_ref and owned_from.
CREATE TABLE owner_periods (
    asset_id      TEXT NOT NULL REFERENCES assets (id),
    position      BIGINT NOT NULL,
    owner_id      TEXT NOT NULL REFERENCES owners (id),
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL DEFAULT '',
    owner_name    TEXT NOT NULL,
    from_on       TEXT NOT NULL DEFAULT '',
    to_on         TEXT NOT NULL,
    PRIMARY KEY (asset_id, position)
);
CREATE INDEX owner_periods_owner ON owner_periods (owner_id, asset_id);

-- +goose Down
DROP TABLE owner_periods;
DROP INDEX assets_owner;
ALTER TABLE assets DROP COLUMN owned_from;
ALTER TABLE assets DROP COLUMN owner_ref;
DROP TABLE owners;
