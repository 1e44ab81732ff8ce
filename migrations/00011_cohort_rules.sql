-- +goose Up
-- Who is covered by a requirement: one rule a class in force, in versions. A
-- new one is first tried on the whole stock; nothing moves before it is accepted.
CREATE TABLE cohort_rules (
    id         TEXT PRIMARY KEY,
    class      TEXT NOT NULL,
    code       TEXT NOT NULL,
    revision   BIGINT NOT NULL,
    rule       TEXT NOT NULL,
    document   TEXT NOT NULL DEFAULT '',
    state      TEXT NOT NULL CHECK (state IN ('trying', 'tried', 'applying', 'in_force', 'replaced', 'discarded')),
    done       BIGINT NOT NULL DEFAULT 0,
    counts     TEXT NOT NULL DEFAULT '{}',
    created_by TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    in_force_from TIMESTAMP,
    version    BIGINT NOT NULL DEFAULT 1,
    UNIQUE (class, revision)
);
CREATE UNIQUE INDEX cohort_rules_one ON cohort_rules (class) WHERE state IN ('trying', 'tried', 'applying');
CREATE UNIQUE INDEX cohort_rules_in_force ON cohort_rules (class) WHERE state = 'in_force';

-- Who would move in, out, or to another day under a rule that is being tried.
CREATE TABLE cohort_moves (
    rule_id       TEXT NOT NULL REFERENCES cohort_rules (id),
    asset_id      TEXT NOT NULL,
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL DEFAULT '',
    label         TEXT NOT NULL,
    direction     TEXT NOT NULL CHECK (direction IN ('in', 'out', 'day')),
    before_on     TEXT NOT NULL DEFAULT '',
    after_on      TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (rule_id, asset_id)
);
CREATE INDEX cohort_moves_city ON cohort_moves (rule_id, city_code, asset_id);

-- +goose Down
DROP TABLE cohort_moves;
DROP TABLE cohort_rules;
