-- +goose Up
-- Emission factors in versions: a revision holds for retirements that count
-- from valid_from on, unless a later revision holds for them too.
CREATE TABLE factor_sets (
    id              TEXT PRIMARY KEY,
    revision        BIGINT NOT NULL UNIQUE,
    state           TEXT NOT NULL CHECK (state IN ('draft', 'in_force', 'replaced', 'discarded')),
    valid_from      TEXT NOT NULL,
    document        TEXT NOT NULL DEFAULT '',
    conditions      TEXT NOT NULL DEFAULT '{}',
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    in_force_at     TIMESTAMP,
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX factor_sets_draft ON factor_sets (state) WHERE state = 'draft';
CREATE UNIQUE INDEX factor_sets_in_force ON factor_sets (state) WHERE state = 'in_force';

-- Thousandths of the unit; '' holds for all.
CREATE TABLE factor_values (
    set_id    TEXT NOT NULL REFERENCES factor_sets (id),
    item      TEXT NOT NULL,
    method    TEXT NOT NULL,
    band      TEXT NOT NULL,
    grp       TEXT NOT NULL,
    stage     TEXT NOT NULL,
    pollutant TEXT NOT NULL,
    milli     BIGINT NOT NULL CHECK (milli >= 0),
    unit      TEXT NOT NULL,
    basis     TEXT NOT NULL CHECK (basis IN ('official', 'stand_in', 'assumption', 'province')),
    source    TEXT NOT NULL,
    PRIMARY KEY (set_id, item, method, band, grp, stage, pollutant)
);

-- Table 2 of the plan: what all key projects of a city are to reduce, in tonnes.
CREATE TABLE planned_reductions (
    pollutant TEXT NOT NULL,
    city_code TEXT NOT NULL REFERENCES regions (code),
    by_2023_t BIGINT NOT NULL,
    by_2025_t BIGINT NOT NULL,
    PRIMARY KEY (pollutant, city_code)
);

-- +goose Down
DROP TABLE planned_reductions;
DROP TABLE factor_values;
DROP TABLE factor_sets;
