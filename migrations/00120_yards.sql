-- +goose Up
-- Licensed yards and recyclers, with each period of licence and each suspension
-- or black-listing (R32).
CREATE TABLE yards (
    id                  TEXT PRIMARY KEY,
    city_code           TEXT NOT NULL REFERENCES regions (code),
    name                TEXT NOT NULL,
    name_key            TEXT NOT NULL,
    credit_code         TEXT NOT NULL,
    classes             TEXT NOT NULL,
    address             TEXT NOT NULL DEFAULT '',
    lat_e6              BIGINT,
    lon_e6              BIGINT,
    capacity_per_month  BIGINT NOT NULL DEFAULT 0 CHECK (capacity_per_month >= 0),
    certificate_pattern TEXT NOT NULL DEFAULT '',
    pattern_source      TEXT NOT NULL DEFAULT '',
    created_by          TEXT NOT NULL,
    created_at          TIMESTAMP NOT NULL,
    updated_at          TIMESTAMP NOT NULL,
    version             BIGINT NOT NULL DEFAULT 1,
    CHECK ((lat_e6 IS NULL) = (lon_e6 IS NULL))
);
CREATE UNIQUE INDEX yards_name ON yards (name_key);
CREATE INDEX yards_city ON yards (city_code, id);

CREATE TABLE yard_licences (
    id         TEXT PRIMARY KEY,
    yard_id    TEXT NOT NULL REFERENCES yards (id),
    number     TEXT NOT NULL,
    valid_from TEXT NOT NULL,
    valid_to   TEXT NOT NULL,
    CHECK (valid_from <= valid_to)
);
CREATE INDEX yard_licences_yard ON yard_licences (yard_id, valid_from);

CREATE TABLE yard_blocks (
    id            TEXT PRIMARY KEY,
    yard_id       TEXT NOT NULL REFERENCES yards (id),
    kind          TEXT NOT NULL CHECK (kind IN ('suspended', 'blacklisted')),
    from_on       TEXT NOT NULL,
    to_on         TEXT NOT NULL DEFAULT '',
    reason        TEXT NOT NULL CHECK (reason <> ''),
    set_by        TEXT NOT NULL,
    set_by_name   TEXT NOT NULL,
    set_at        TIMESTAMP NOT NULL,
    lifted_by     TEXT NOT NULL DEFAULT '',
    lifted_by_name TEXT NOT NULL DEFAULT '',
    lifted_at     TIMESTAMP,
    lifted_reason TEXT NOT NULL DEFAULT '',
    CHECK (to_on = '' OR from_on <= to_on)
);
CREATE INDEX yard_blocks_yard ON yard_blocks (yard_id, from_on);

-- Which yard took an asset, '' where the register did not know it, and the
-- certificate number in the form in which it is compared. A certificate is
-- unique with its issuer over the whole province.
ALTER TABLE retirements ADD COLUMN yard_id TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN certificate_key TEXT NOT NULL DEFAULT '';
UPDATE retirements SET certificate_key = upper(replace(replace(replace(replace(replace(certificate_no, '-', ''), ' ', ''), '/', ''), '_', ''), '.', ''));
CREATE UNIQUE INDEX retirements_yard_certificate ON retirements (yard_id, certificate_key) WHERE yard_id <> '' AND certificate_key <> '' AND NOT withdrawn;
CREATE INDEX retirements_certificate_key ON retirements (certificate_key) WHERE certificate_key <> '';
CREATE INDEX retirements_yard ON retirements (yard_id, id) WHERE yard_id <> '';

-- A yard's account: bound to one yard, sees its own intake. The constraint on
-- the role goes with its column, which both engines can drop.
ALTER TABLE users ADD COLUMN yard_id TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN role_now TEXT NOT NULL DEFAULT 'clerk' CHECK (role_now IN ('clerk', 'reviewer', 'finance', 'province', 'auditor', 'admin', 'yard'));
UPDATE users SET role_now = role;
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN role_now TO role;

-- +goose Down
ALTER TABLE users ADD COLUMN role_was TEXT NOT NULL DEFAULT 'clerk' CHECK (role_was IN ('clerk', 'reviewer', 'finance', 'province', 'auditor', 'admin'));
UPDATE users SET role_was = role WHERE role <> 'yard';
ALTER TABLE users DROP COLUMN role;
ALTER TABLE users RENAME COLUMN role_was TO role;
ALTER TABLE users DROP COLUMN yard_id;
DROP INDEX retirements_yard;
DROP INDEX retirements_certificate_key;
DROP INDEX retirements_yard_certificate;
ALTER TABLE retirements DROP COLUMN certificate_key;
ALTER TABLE retirements DROP COLUMN yard_id;
DROP TABLE yard_blocks;
DROP TABLE yard_licences;
DROP TABLE yards;
