-- +goose Up
-- A definition says which ways out count on which day (counts, JSON; '' is the
-- default, as internal/retirement counts), and is tried before it is in force.
ALTER TABLE definitions ADD COLUMN counts TEXT NOT NULL DEFAULT '';
ALTER TABLE definitions ADD COLUMN state TEXT NOT NULL DEFAULT 'in_force';
ALTER TABLE definitions ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

-- Targets are kept by revision: a changed target is a new row of the same
-- lineage, the old one stays and answers for the days before valid_from.
-- set_no and ended_no are the recordings that put it in force and replaced it.
CREATE TABLE targets_new (
    id                  TEXT PRIMARY KEY,
    lineage             TEXT NOT NULL,
    revision            BIGINT NOT NULL,
    code                TEXT NOT NULL,
    clause              TEXT NOT NULL,
    class               TEXT NOT NULL,
    city_code           TEXT NOT NULL REFERENCES regions (code),
    kind                TEXT NOT NULL CHECK (kind IN ('hard', 'soft')),
    measure             TEXT NOT NULL CHECK (measure IN ('count', 'share', 'tonnes', 'none')),
    value               BIGINT CHECK (value >= 0),
    pollutant           TEXT NOT NULL DEFAULT '',
    due_on              TEXT NOT NULL,
    baseline_on         TEXT NOT NULL,
    milestones          TEXT NOT NULL DEFAULT '[]',
    cohort_rule         TEXT NOT NULL DEFAULT '',
    definition_code     TEXT NOT NULL,
    definition_revision BIGINT NOT NULL,
    threshold_code      TEXT NOT NULL DEFAULT '',
    threshold_revision  BIGINT NOT NULL DEFAULT 0,
    responsible_unit    TEXT NOT NULL DEFAULT '',
    document            TEXT NOT NULL DEFAULT '',
    note                TEXT NOT NULL DEFAULT '',
    state               TEXT NOT NULL CHECK (state IN ('draft', 'in_force', 'replaced')),
    sample              BOOLEAN NOT NULL DEFAULT FALSE,
    valid_from          TEXT NOT NULL DEFAULT '',
    set_no              BIGINT NOT NULL DEFAULT 0,
    ended_no            BIGINT NOT NULL DEFAULT 0,
    ended_on            TEXT NOT NULL DEFAULT '',
    set_by              TEXT NOT NULL,
    set_by_name         TEXT NOT NULL DEFAULT '',
    set_at              TIMESTAMP NOT NULL,
    version             BIGINT NOT NULL DEFAULT 1,
    FOREIGN KEY (definition_code, definition_revision) REFERENCES definitions (code, revision),
    UNIQUE (lineage, revision, city_code)
);
INSERT INTO targets_new (id, lineage, revision, code, clause, class, city_code, kind, measure, value, due_on, baseline_on, definition_code, definition_revision,
    threshold_code, threshold_revision, responsible_unit, document, state, sample, set_by, set_at, version)
SELECT id, id, 1, code, clause, class, city_code, kind, measure, value, due_on, baseline_on, definition_code, definition_revision,
    threshold_code, threshold_revision, responsible_unit, document, state, sample, set_by, set_at, version FROM targets;
DROP TABLE targets;
ALTER TABLE targets_new RENAME TO targets;
CREATE UNIQUE INDEX targets_in_force ON targets (city_code, class) WHERE state = 'in_force' AND measure <> 'tonnes';
CREATE UNIQUE INDEX targets_context ON targets (city_code, code, pollutant) WHERE state = 'in_force' AND measure = 'tonnes';

-- What a city has filed as its own plan for a class (R2).
CREATE TABLE city_plans (
    id            TEXT PRIMARY KEY,
    city_code     TEXT NOT NULL REFERENCES regions (code),
    class         TEXT NOT NULL,
    title         TEXT NOT NULL,
    document      TEXT NOT NULL,
    issued_on     TEXT NOT NULL,
    split         TEXT NOT NULL DEFAULT '[]',
    note          TEXT NOT NULL DEFAULT '',
    state         TEXT NOT NULL CHECK (state IN ('filed', 'replaced')),
    filed_by      TEXT NOT NULL,
    filed_by_name TEXT NOT NULL,
    filed_at      TIMESTAMP NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX city_plans_filed ON city_plans (city_code, class) WHERE state = 'filed';

-- Baselines that were frozen: the list of what belonged to the cohort on a day,
-- as it was known then and by the rule of then.
CREATE TABLE baselines (
    id             TEXT PRIMARY KEY,
    city_code      TEXT NOT NULL REFERENCES regions (code),
    class          TEXT NOT NULL,
    taken_on       TEXT NOT NULL,
    known_us       BIGINT NOT NULL,
    cohort_rule    TEXT NOT NULL,
    definition     TEXT NOT NULL,
    name           TEXT NOT NULL,
    assets         BIGINT NOT NULL,
    digest         TEXT NOT NULL,
    frozen_by      TEXT NOT NULL,
    frozen_by_name TEXT NOT NULL,
    frozen_at      TIMESTAMP NOT NULL
);
CREATE INDEX baselines_city ON baselines (city_code, class, id);
CREATE TABLE baseline_assets (
    baseline_id   TEXT NOT NULL REFERENCES baselines (id),
    asset_id      TEXT NOT NULL,
    label         TEXT NOT NULL,
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL,
    category      TEXT NOT NULL,
    stage         TEXT NOT NULL,
    cohort_on     TEXT NOT NULL,
    PRIMARY KEY (baseline_id, asset_id)
);
CREATE INDEX baseline_assets_asset ON baseline_assets (asset_id);

-- +goose Down
DROP TABLE baseline_assets;
DROP TABLE baselines;
DROP TABLE city_plans;
DROP TABLE targets;
CREATE TABLE targets (
    id                  TEXT PRIMARY KEY,
    code                TEXT NOT NULL,
    clause              TEXT NOT NULL,
    class               TEXT NOT NULL,
    city_code           TEXT NOT NULL REFERENCES regions (code),
    kind                TEXT NOT NULL,
    measure             TEXT NOT NULL,
    value               BIGINT,
    due_on              TEXT NOT NULL,
    baseline_on         TEXT NOT NULL,
    definition_code     TEXT NOT NULL,
    definition_revision BIGINT NOT NULL,
    threshold_code      TEXT NOT NULL DEFAULT '',
    threshold_revision  BIGINT NOT NULL DEFAULT 0,
    responsible_unit    TEXT NOT NULL DEFAULT '',
    document            TEXT NOT NULL DEFAULT '',
    state               TEXT NOT NULL,
    sample              BOOLEAN NOT NULL DEFAULT FALSE,
    set_by              TEXT NOT NULL,
    set_at              TIMESTAMP NOT NULL,
    version             BIGINT NOT NULL DEFAULT 1
);
ALTER TABLE definitions DROP COLUMN version;
ALTER TABLE definitions DROP COLUMN state;
ALTER TABLE definitions DROP COLUMN counts;
