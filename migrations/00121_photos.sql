-- +goose Up
-- By what a photo is known again: its print, and the entries of the index under
-- which alike ones are found (internal/photo). no is made of the content's
-- SHA-256, so that the same bytes have one print however often they are sent.
CREATE TABLE photo_prints (
    no         BIGINT PRIMARY KEY,
    print      TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE TABLE photo_keys (
    hash BIGINT NOT NULL,
    no   BIGINT NOT NULL,
    spot BIGINT NOT NULL
);
CREATE INDEX photo_keys_hash ON photo_keys (hash, no, spot);

-- What a photo says of itself.
CREATE TABLE photo_facts (
    file_id     TEXT PRIMARY KEY REFERENCES files (id),
    no          BIGINT NOT NULL,
    width       BIGINT NOT NULL,
    height      BIGINT NOT NULL,
    exif        BOOLEAN NOT NULL,
    taken_at    TEXT NOT NULL DEFAULT '',
    lat_e6      BIGINT,
    lon_e6      BIGINT,
    camera      TEXT NOT NULL DEFAULT '',
    software    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX photo_facts_no ON photo_facts (no);
CREATE INDEX files_sha256 ON files (sha256);

-- A file that is on another asset as well, as it is or altered. What a person
-- decided is remembered.
CREATE TABLE photo_matches (
    id              TEXT PRIMARY KEY,
    file_id         TEXT NOT NULL REFERENCES files (id),
    other_file_id   TEXT NOT NULL REFERENCES files (id),
    sha_a           TEXT NOT NULL,
    sha_b           TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('exact', 'altered')),
    percent         BIGINT NOT NULL,
    mirrored        BOOLEAN NOT NULL DEFAULT FALSE,
    asset_id        TEXT NOT NULL,
    asset_label     TEXT NOT NULL,
    other_asset_id  TEXT NOT NULL,
    city_code       TEXT NOT NULL,
    district_code   TEXT NOT NULL DEFAULT '',
    other_city      TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'refused', 'different')),
    found_at        TIMESTAMP NOT NULL,
    uploaded_by     TEXT NOT NULL,
    decided_by      TEXT NOT NULL DEFAULT '',
    decided_by_name TEXT NOT NULL DEFAULT '',
    decided_at      TIMESTAMP,
    reason          TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1,
    UNIQUE (file_id, other_file_id),
    CHECK (state = 'open' OR (reason <> '' AND decided_by <> uploaded_by))
);
CREATE INDEX photo_matches_city ON photo_matches (city_code, state, id);
CREATE INDEX photo_matches_asset ON photo_matches (asset_id);
CREATE INDEX photo_matches_pair ON photo_matches (sha_a, sha_b);

-- A photo that was refused stays where it is and is no evidence.
ALTER TABLE files ADD COLUMN refused BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE files DROP COLUMN refused;
DROP TABLE photo_matches;
DROP INDEX files_sha256;
DROP TABLE photo_facts;
DROP TABLE photo_keys;
DROP TABLE photo_prints;
