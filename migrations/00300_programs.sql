-- +goose Up
-- A program has versions: a draft is issued by another person, then replaced or
-- ended. basis keeps the two days it could be before; event_basis is any.
ALTER TABLE programs ADD COLUMN classes TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN family TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN note_zh TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN note_en TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN state TEXT NOT NULL DEFAULT 'issued' CHECK (state IN ('draft', 'issued', 'replaced', 'ended', 'discarded'));
ALTER TABLE programs ADD COLUMN superseded_on TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN ended_on TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN event_basis TEXT NOT NULL DEFAULT '' CHECK (event_basis IN ('', 'deregistered_on', 'handed_in_on', 'dismantled_on', 'applied_on'));
ALTER TABLE programs ADD COLUMN early_basis TEXT NOT NULL DEFAULT '' CHECK (early_basis IN ('', 'deregistered_on', 'handed_in_on', 'dismantled_on', 'applied_on'));
ALTER TABLE programs ADD COLUMN requires_verified TEXT NOT NULL DEFAULT 'before_approval' CHECK (requires_verified IN ('before_approval', 'before_payment'));
ALTER TABLE programs ADD COLUMN notice_days BIGINT NOT NULL DEFAULT 0 CHECK (notice_days >= 0);
ALTER TABLE programs ADD COLUMN application_deadline_days BIGINT NOT NULL DEFAULT 0 CHECK (application_deadline_days >= 0);
ALTER TABLE programs ADD COLUMN apply_from TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN apply_to TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN shares TEXT NOT NULL DEFAULT '[]';
ALTER TABLE programs ADD COLUMN created_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN editors TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN issued_by TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN issued_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE programs ADD COLUMN issued_at TIMESTAMP;
ALTER TABLE programs ADD COLUMN end_reason TEXT NOT NULL DEFAULT '';
CREATE INDEX programs_version ON programs (city_code, code, state);

-- One asset, one benefit in a family of programs: over all cities and years, so
-- the key cannot hold the city.
CREATE TABLE benefit_claims (
    asset_id       TEXT NOT NULL REFERENCES assets (id),
    family         TEXT NOT NULL,
    application_id TEXT NOT NULL,
    city_code      TEXT NOT NULL,
    district_code  TEXT NOT NULL DEFAULT '',
    asset_label    TEXT NOT NULL DEFAULT '',
    reference      TEXT NOT NULL,
    claimed_at     TIMESTAMP NOT NULL,
    PRIMARY KEY (asset_id, family)
);
CREATE INDEX benefit_claims_application ON benefit_claims (application_id);
CREATE UNIQUE INDEX benefit_claims_reference ON benefit_claims (reference);

-- The same by what the asset is known by for ever, so that a record that was
-- registered again is not paid for again. Plates are given out anew: not here.
CREATE TABLE benefit_identities (
    kind           TEXT NOT NULL,
    norm           TEXT NOT NULL,
    family         TEXT NOT NULL,
    asset_id       TEXT NOT NULL,
    application_id TEXT NOT NULL,
    PRIMARY KEY (kind, norm, family)
);
CREATE INDEX benefit_identities_application ON benefit_identities (application_id);

INSERT INTO benefit_claims (asset_id, family, application_id, city_code, district_code, asset_label, reference, claimed_at)
SELECT asset_id, 'early_retirement', id, city_code, district_code, asset_label, 'B' || UPPER(SUBSTR(id, 25)), opened_at FROM applications WHERE state <> 'rejected';
INSERT INTO benefit_identities (kind, norm, family, asset_id, application_id)
SELECT i.kind, i.norm, 'early_retirement', i.asset_id, b.application_id FROM asset_identifiers i JOIN benefit_claims b ON b.asset_id = i.asset_id
WHERE i.is_unique AND i.kind NOT IN ('plate', 'farm_plate', 'env_code');

-- What a case was decided on, so that a replay looks at the same facts.
CREATE TABLE case_facts (
    application_id TEXT PRIMARY KEY,
    program_id     TEXT NOT NULL,
    facts          TEXT NOT NULL
);

-- A rule tried on the stock or on past cases. Nothing of the registry changes.
CREATE TABLE rule_runs (
    id              TEXT PRIMARY KEY,
    city_code       TEXT NOT NULL,
    kind            TEXT NOT NULL CHECK (kind IN ('preview', 'replay')),
    program_id      TEXT NOT NULL REFERENCES programs (id),
    program_version BIGINT NOT NULL,
    day             TEXT NOT NULL DEFAULT '',
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    done            BIGINT NOT NULL DEFAULT 0,
    total           BIGINT NOT NULL DEFAULT 0,
    result          TEXT NOT NULL DEFAULT '{}',
    problem         TEXT NOT NULL DEFAULT '',
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    scope_code      TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    ended_at        TIMESTAMP,
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX rule_runs_program ON rule_runs (program_id, id);

-- The cases that a replay decides otherwise.
CREATE TABLE rule_run_lines (
    run_id         TEXT NOT NULL REFERENCES rule_runs (id),
    application_id TEXT NOT NULL,
    city_code      TEXT NOT NULL,
    district_code  TEXT NOT NULL DEFAULT '',
    asset_label    TEXT NOT NULL,
    direction      TEXT NOT NULL CHECK (direction IN ('gains', 'loses', 'differs')),
    before_fen     BIGINT NOT NULL,
    after_fen      BIGINT NOT NULL,
    lines          TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (run_id, application_id)
);

-- +goose Down
DROP TABLE rule_run_lines;
DROP TABLE rule_runs;
DROP TABLE case_facts;
DROP TABLE benefit_identities;
DROP TABLE benefit_claims;
DROP INDEX programs_version;
ALTER TABLE programs DROP COLUMN end_reason;
ALTER TABLE programs DROP COLUMN issued_at;
ALTER TABLE programs DROP COLUMN issued_by_name;
ALTER TABLE programs DROP COLUMN issued_by;
ALTER TABLE programs DROP COLUMN editors;
ALTER TABLE programs DROP COLUMN created_by_name;
ALTER TABLE programs DROP COLUMN shares;
ALTER TABLE programs DROP COLUMN apply_to;
ALTER TABLE programs DROP COLUMN apply_from;
ALTER TABLE programs DROP COLUMN application_deadline_days;
ALTER TABLE programs DROP COLUMN notice_days;
ALTER TABLE programs DROP COLUMN requires_verified;
ALTER TABLE programs DROP COLUMN early_basis;
ALTER TABLE programs DROP COLUMN event_basis;
ALTER TABLE programs DROP COLUMN ended_on;
ALTER TABLE programs DROP COLUMN superseded_on;
ALTER TABLE programs DROP COLUMN state;
ALTER TABLE programs DROP COLUMN note_en;
ALTER TABLE programs DROP COLUMN note_zh;
ALTER TABLE programs DROP COLUMN family;
ALTER TABLE programs DROP COLUMN classes;
