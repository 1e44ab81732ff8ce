-- +goose Up
-- The steps, versions, requests and clocks of a retirement. A withdrawn one
-- keeps its state of before, so that what was can still be read.
ALTER TABLE retirements ADD COLUMN due_year BIGINT NOT NULL DEFAULT 0;
ALTER TABLE retirements ADD COLUMN operating BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE retirements ADD COLUMN standing TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN standing_on TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN waived TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN revision BIGINT NOT NULL DEFAULT 1;
ALTER TABLE retirements ADD COLUMN import_id TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN engine_no TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN engine_model TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN engine_stage TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN replacement TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN withdrawn BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE retirements ADD COLUMN withdrawn_by TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN withdrawn_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE retirements ADD COLUMN withdrawn_at TIMESTAMP;
ALTER TABLE retirements ADD COLUMN withdraw_reason TEXT NOT NULL DEFAULT '';
DROP INDEX retirements_asset;
DROP INDEX retirements_certificate;
CREATE UNIQUE INDEX retirements_asset ON retirements (asset_id) WHERE NOT withdrawn;
CREATE UNIQUE INDEX retirements_certificate ON retirements (recycler, certificate_no) WHERE certificate_no <> '' AND NOT withdrawn;
CREATE INDEX retirements_of_asset ON retirements (asset_id);
CREATE INDEX retirements_standing ON retirements (class, standing, standing_on);
CREATE INDEX retirements_import ON retirements (import_id) WHERE import_id <> '';

-- What the province splits progress by, on the asset as well, where figures are
-- counted (当年到期 / 提前淘汰，营运 / 非营运).
ALTER TABLE assets ADD COLUMN way_out TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN driver TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN due_year BIGINT NOT NULL DEFAULT 0;
ALTER TABLE assets ADD COLUMN operating BOOLEAN NOT NULL DEFAULT FALSE;

UPDATE retirements SET standing = CASE WHEN state <> 'declared' THEN state WHEN deregistered_on <> '' THEN 'deregistered'
    WHEN dismantled_on <> '' THEN 'dismantled' WHEN handed_in_on <> '' THEN 'received' ELSE 'declared' END;
UPDATE retirements SET standing_on = CASE standing WHEN 'received' THEN handed_in_on WHEN 'dismantled' THEN dismantled_on
    ELSE substr(CAST(declared_at AS TEXT), 1, 10) END;
UPDATE retirements SET
    due_year = (SELECT CASE WHEN a.scrap_due_on = '' THEN 0 ELSE CAST(substr(a.scrap_due_on, 1, 4) AS BIGINT) END FROM assets a WHERE a.id = retirements.asset_id),
    operating = (SELECT a.fields LIKE '%"use":"freight"%' OR a.fields LIKE '%"use":"hazardous"%' FROM assets a WHERE a.id = retirements.asset_id);
UPDATE assets SET way_out = r.way_out, driver = r.driver, due_year = r.due_year, operating = r.operating FROM retirements r WHERE r.asset_id = assets.id;

CREATE TABLE retirement_steps (
    retirement_id  TEXT NOT NULL REFERENCES retirements (id),
    step           TEXT NOT NULL CHECK (step IN ('received', 'dismantled', 'deregistered')),
    city_code      TEXT NOT NULL,
    district_code  TEXT NOT NULL DEFAULT '',
    on_day         TEXT NOT NULL,
    note           TEXT NOT NULL DEFAULT '',
    file_ids       TEXT NOT NULL DEFAULT '',
    logged_by      TEXT NOT NULL,
    logged_by_name TEXT NOT NULL,
    logged_at      TIMESTAMP NOT NULL,
    PRIMARY KEY (retirement_id, step)
);
INSERT INTO retirement_steps (retirement_id, step, city_code, district_code, on_day, logged_by, logged_by_name, logged_at)
SELECT id, 'received', city_code, district_code, handed_in_on, declared_by, declared_by_name, declared_at FROM retirements WHERE handed_in_on <> ''
UNION ALL SELECT id, 'dismantled', city_code, district_code, dismantled_on, declared_by, declared_by_name, declared_at FROM retirements WHERE dismantled_on <> ''
UNION ALL SELECT id, 'deregistered', city_code, district_code, deregistered_on, declared_by, declared_by_name, declared_at FROM retirements WHERE deregistered_on <> '';

-- Declarations that were replaced, as they were.
CREATE TABLE retirement_versions (
    retirement_id    TEXT NOT NULL REFERENCES retirements (id),
    revision         BIGINT NOT NULL,
    city_code        TEXT NOT NULL,
    district_code    TEXT NOT NULL DEFAULT '',
    declaration      TEXT NOT NULL,
    replaced_by      TEXT NOT NULL,
    replaced_by_name TEXT NOT NULL,
    replaced_at      TIMESTAMP NOT NULL,
    reason           TEXT NOT NULL DEFAULT '',
    request_id       TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (retirement_id, revision)
);

-- What nobody may do alone: waivers of evidence, corrections and withdrawals of
-- what is verified.
CREATE TABLE retirement_requests (
    id                TEXT PRIMARY KEY,
    kind              TEXT NOT NULL CHECK (kind IN ('waiver', 'correction', 'withdrawal')),
    retirement_id     TEXT NOT NULL REFERENCES retirements (id),
    asset_id          TEXT NOT NULL,
    asset_label       TEXT NOT NULL,
    class             TEXT NOT NULL,
    city_code         TEXT NOT NULL,
    district_code     TEXT NOT NULL DEFAULT '',
    item              TEXT NOT NULL DEFAULT '',
    before            TEXT NOT NULL DEFAULT '',
    after             TEXT NOT NULL DEFAULT '',
    reason            TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('open', 'approved', 'refused')),
    requested_by      TEXT NOT NULL,
    requested_by_name TEXT NOT NULL,
    requested_at      TIMESTAMP NOT NULL,
    decided_by        TEXT NOT NULL DEFAULT '',
    decided_by_name   TEXT NOT NULL DEFAULT '',
    decided_at        TIMESTAMP,
    answer            TEXT NOT NULL DEFAULT '',
    version           BIGINT NOT NULL DEFAULT 1,
    CHECK (decided_by = '' OR decided_by <> requested_by)
);
CREATE UNIQUE INDEX retirement_requests_once ON retirement_requests (retirement_id, kind, item) WHERE state = 'open';
CREATE INDEX retirement_requests_of ON retirement_requests (retirement_id, id);
CREATE INDEX retirement_requests_city ON retirement_requests (city_code, state, id);

CREATE TABLE retirement_limits (
    class         TEXT NOT NULL,
    standing      TEXT NOT NULL,
    days          BIGINT NOT NULL CHECK (days BETWEEN 1 AND 3650),
    escalate_days BIGINT NOT NULL CHECK (escalate_days BETWEEN 1 AND 3650),
    source        TEXT NOT NULL DEFAULT '',
    sample        BOOLEAN NOT NULL DEFAULT TRUE,
    version       BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (class, standing)
);
-- Sample values. 60 days for the dismantling are from memory of 商务部令2020年第2号
-- and unverified; all others are our own.
INSERT INTO retirement_limits (class, standing, days, escalate_days, source)
SELECT c.class, s.standing, s.days, s.escalate_days, s.source FROM
    (SELECT 'truck' AS class UNION ALL SELECT 'machinery' UNION ALL SELECT 'farm_machinery' UNION ALL SELECT 'vessel') c,
    (SELECT 'declared' AS standing, 30 AS days, 30 AS escalate_days, '示例值' AS source
     UNION ALL SELECT 'received', 60, 30, '示例值（参照商务部令2020年第2号，未核实）'
     UNION ALL SELECT 'dismantled', 15, 15, '示例值'
     UNION ALL SELECT 'deregistered', 10, 10, '示例值'
     UNION ALL SELECT 'returned', 10, 10, '示例值') s;

CREATE TABLE pre_checks (
    asset_id        TEXT NOT NULL REFERENCES assets (id),
    kind            TEXT NOT NULL CHECK (kind IN ('mortgage', 'seizure', 'dues', 'activity')),
    city_code       TEXT NOT NULL,
    district_code   TEXT NOT NULL DEFAULT '',
    state           TEXT NOT NULL CHECK (state IN ('clear', 'open')),
    source          TEXT NOT NULL,
    checked_on      TEXT NOT NULL,
    note            TEXT NOT NULL DEFAULT '',
    checked_by      TEXT NOT NULL,
    checked_by_name TEXT NOT NULL,
    checked_at      TIMESTAMP NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (asset_id, kind)
);

-- A list of retirements comes in by the same way as a list of assets.
ALTER TABLE imports ADD COLUMN kind TEXT NOT NULL DEFAULT 'assets' CHECK (kind IN ('assets', 'retirements'));
ALTER TABLE imports ADD COLUMN defaults TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE imports DROP COLUMN defaults;
ALTER TABLE imports DROP COLUMN kind;
DROP TABLE pre_checks;
DROP TABLE retirement_limits;
DROP TABLE retirement_requests;
DROP TABLE retirement_versions;
DROP TABLE retirement_steps;
ALTER TABLE assets DROP COLUMN operating;
ALTER TABLE assets DROP COLUMN due_year;
ALTER TABLE assets DROP COLUMN driver;
ALTER TABLE assets DROP COLUMN way_out;
DROP INDEX retirements_import;
DROP INDEX retirements_standing;
DROP INDEX retirements_of_asset;
DROP INDEX retirements_certificate;
DROP INDEX retirements_asset;
DELETE FROM retirements WHERE withdrawn;
CREATE UNIQUE INDEX retirements_asset ON retirements (asset_id);
CREATE UNIQUE INDEX retirements_certificate ON retirements (recycler, certificate_no) WHERE certificate_no <> '';
ALTER TABLE retirements DROP COLUMN withdraw_reason;
ALTER TABLE retirements DROP COLUMN withdrawn_at;
ALTER TABLE retirements DROP COLUMN withdrawn_by_name;
ALTER TABLE retirements DROP COLUMN withdrawn_by;
ALTER TABLE retirements DROP COLUMN withdrawn;
ALTER TABLE retirements DROP COLUMN replacement;
ALTER TABLE retirements DROP COLUMN engine_stage;
ALTER TABLE retirements DROP COLUMN engine_model;
ALTER TABLE retirements DROP COLUMN engine_no;
ALTER TABLE retirements DROP COLUMN import_id;
ALTER TABLE retirements DROP COLUMN revision;
ALTER TABLE retirements DROP COLUMN waived;
ALTER TABLE retirements DROP COLUMN standing_on;
ALTER TABLE retirements DROP COLUMN standing;
ALTER TABLE retirements DROP COLUMN operating;
ALTER TABLE retirements DROP COLUMN due_year;
