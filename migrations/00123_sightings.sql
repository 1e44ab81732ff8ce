-- +goose Up
-- Keys of other systems. Only the hash of a key is kept.
CREATE TABLE server_keys (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    source       TEXT NOT NULL CHECK (source IN ('gate', 'inspection', 'obd', 'patrol')),
    city_code    TEXT NOT NULL DEFAULT '',
    hash         TEXT NOT NULL UNIQUE,
    hint         TEXT NOT NULL,
    expires_on   TEXT NOT NULL DEFAULT '',
    created_by   TEXT NOT NULL,
    created_at   TIMESTAMP NOT NULL,
    last_used_at TIMESTAMP,
    revoked_at   TIMESTAMP,
    version      BIGINT NOT NULL DEFAULT 1
);

-- Who looks into a case.
ALTER TABLE cases ADD COLUMN assigned_to TEXT NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN assigned_to_name TEXT NOT NULL DEFAULT '';

-- A case that holds payments: of the yard that took the asset, or, where the
-- register did not know it, of that retirement alone. A second person clears it.
CREATE TABLE yard_holds (
    case_id         TEXT PRIMARY KEY REFERENCES cases (id),
    yard_id         TEXT NOT NULL DEFAULT '',
    retirement_id   TEXT NOT NULL,
    held_at         TIMESTAMP NOT NULL,
    cleared_at      TIMESTAMP,
    cleared_by      TEXT NOT NULL DEFAULT '',
    cleared_by_name TEXT NOT NULL DEFAULT '',
    clear_reason    TEXT NOT NULL DEFAULT '',
    CHECK (cleared_at IS NULL OR clear_reason <> '')
);
CREATE INDEX yard_holds_yard ON yard_holds (yard_id) WHERE cleared_at IS NULL;
CREATE INDEX yard_holds_retirement ON yard_holds (retirement_id) WHERE cleared_at IS NULL;

-- +goose Down
DROP TABLE yard_holds;
ALTER TABLE cases DROP COLUMN assigned_to_name;
ALTER TABLE cases DROP COLUMN assigned_to;
DROP TABLE server_keys;
