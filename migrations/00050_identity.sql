-- +goose Up
-- What identifiers look like, so that records that are written nearly alike are
-- found through an index: hashes of an identifier's skeleton and of the skeleton
-- with one sign left out (internal/likeness).
CREATE TABLE identity_keys (
    hash     BIGINT NOT NULL,
    asset_id TEXT NOT NULL
);
CREATE INDEX identity_keys_hash ON identity_keys (hash);

-- Assets whose keys and look-alikes are still to be worked out.
CREATE TABLE identity_due (
    asset_id TEXT PRIMARY KEY
);
INSERT INTO identity_due (asset_id) SELECT id FROM assets;

-- asset_a is the older record of the two. A pair is asked about once: its row stays.
CREATE TABLE duplicate_pairs (
    id              TEXT PRIMARY KEY,
    asset_a         TEXT NOT NULL,
    asset_b         TEXT NOT NULL,
    class           TEXT NOT NULL,
    score           BIGINT NOT NULL,
    reasons         TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'same', 'different')),
    found_at        TIMESTAMP NOT NULL,
    closed_version  BIGINT NOT NULL DEFAULT 0,
    decided_by      TEXT NOT NULL DEFAULT '',
    decided_by_name TEXT NOT NULL DEFAULT '',
    decided_at      TIMESTAMP,
    reason          TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1,
    UNIQUE (asset_a, asset_b),
    CHECK (asset_a <> asset_b)
);
CREATE INDEX duplicate_pairs_state ON duplicate_pairs (state, id);
CREATE INDEX duplicate_pairs_b ON duplicate_pairs (asset_b);

CREATE TABLE cases (
    id             TEXT PRIMARY KEY,
    kind           TEXT NOT NULL,
    asset_id       TEXT NOT NULL REFERENCES assets (id),
    asset_label    TEXT NOT NULL,
    class          TEXT NOT NULL,
    city_code      TEXT NOT NULL,
    district_code  TEXT NOT NULL DEFAULT '',
    state          TEXT NOT NULL CHECK (state IN ('open', 'closed')),
    sightings      BIGINT NOT NULL DEFAULT 0,
    opened_by      TEXT NOT NULL,
    opened_by_name TEXT NOT NULL,
    opened_at      TIMESTAMP NOT NULL,
    last_seen_at   TIMESTAMP NOT NULL,
    closed_by      TEXT NOT NULL DEFAULT '',
    closed_by_name TEXT NOT NULL DEFAULT '',
    closed_at      TIMESTAMP,
    outcome        TEXT NOT NULL DEFAULT '',
    version        BIGINT NOT NULL DEFAULT 1,
    CHECK (state = 'open' OR outcome <> '')
);
CREATE UNIQUE INDEX cases_open ON cases (kind, asset_id) WHERE state = 'open';
CREATE INDEX cases_city ON cases (city_code, state, id);
CREATE INDEX cases_asset ON cases (asset_id);

CREATE TABLE case_sightings (
    id        TEXT PRIMARY KEY,
    case_id   TEXT NOT NULL REFERENCES cases (id),
    ref       TEXT NOT NULL,
    source    TEXT NOT NULL,
    city_code TEXT NOT NULL DEFAULT '',
    field     TEXT NOT NULL,
    value     TEXT NOT NULL,
    note      TEXT NOT NULL DEFAULT '',
    seen_by   TEXT NOT NULL,
    seen_by_name TEXT NOT NULL,
    seen_at   TIMESTAMP NOT NULL,
    UNIQUE (case_id, ref)
);

CREATE TABLE transfers (
    id               TEXT PRIMARY KEY,
    asset_id         TEXT NOT NULL,
    asset_label      TEXT NOT NULL,
    class            TEXT NOT NULL,
    from_city        TEXT NOT NULL,
    from_district    TEXT NOT NULL DEFAULT '',
    to_city          TEXT NOT NULL REFERENCES regions (code),
    to_district      TEXT NOT NULL DEFAULT '',
    state            TEXT NOT NULL CHECK (state IN ('offered', 'accepted', 'refused', 'withdrawn', 'expired')),
    reason           TEXT NOT NULL,
    due_on           TEXT NOT NULL,
    offered_by       TEXT NOT NULL,
    offered_by_name  TEXT NOT NULL,
    offered_at       TIMESTAMP NOT NULL,
    answered_by      TEXT NOT NULL DEFAULT '',
    answered_by_name TEXT NOT NULL DEFAULT '',
    answered_at      TIMESTAMP,
    answer           TEXT NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 1,
    CHECK (from_city <> to_city)
);
CREATE UNIQUE INDEX transfers_open ON transfers (asset_id) WHERE state = 'offered';
CREATE INDEX transfers_from ON transfers (from_city, id);
CREATE INDEX transfers_to ON transfers (to_city, id);

-- +goose Down
DROP TABLE transfers;
DROP TABLE case_sightings;
DROP TABLE cases;
DROP TABLE duplicate_pairs;
DROP TABLE identity_due;
DROP TABLE identity_keys;
