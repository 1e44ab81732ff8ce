-- +goose Up
-- What the quality rules find on the stock. An issue is known by rule and
-- asset: it opens, is fixed when a later run no longer finds it, or is
-- accepted with a reason.
CREATE TABLE quality_rules (
    code     TEXT PRIMARY KEY,
    enabled  BOOLEAN NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('error', 'warning')),
    version  BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE quality_runs (
    id          TEXT PRIMARY KEY,
    state       TEXT NOT NULL CHECK (state IN ('running', 'done')),
    done        BIGINT NOT NULL DEFAULT 0,
    found       BIGINT NOT NULL DEFAULT 0,
    started_by  TEXT NOT NULL,
    started_by_name TEXT NOT NULL,
    started_at  TIMESTAMP NOT NULL,
    finished_at TIMESTAMP,
    version     BIGINT NOT NULL DEFAULT 1
);
CREATE UNIQUE INDEX quality_runs_one ON quality_runs (state) WHERE state = 'running';

CREATE TABLE quality_issues (
    id            TEXT PRIMARY KEY,
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL DEFAULT '',
    rule          TEXT NOT NULL,
    dimension     TEXT NOT NULL,
    severity      TEXT NOT NULL,
    asset_id      TEXT NOT NULL REFERENCES assets (id),
    class         TEXT NOT NULL,
    label         TEXT NOT NULL,
    value         TEXT NOT NULL DEFAULT '',
    state         TEXT NOT NULL CHECK (state IN ('open', 'fixed', 'accepted')),
    note          TEXT NOT NULL DEFAULT '',
    decided_by    TEXT NOT NULL DEFAULT '',
    first_seen    TIMESTAMP NOT NULL,
    last_seen     TIMESTAMP NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1,
    UNIQUE (asset_id, rule)
);
CREATE INDEX quality_issues_city ON quality_issues (city_code, state, id);
CREATE INDEX quality_issues_rule ON quality_issues (rule, state, id);

-- Scores of the last run: checks passed of those made, by city, class and dimension.
CREATE TABLE quality_scores (
    city_code TEXT NOT NULL,
    class     TEXT NOT NULL,
    dimension TEXT NOT NULL,
    good      BIGINT NOT NULL,
    total     BIGINT NOT NULL,
    PRIMARY KEY (city_code, class, dimension)
);

CREATE TABLE comparisons (
    id            TEXT PRIMARY KEY,
    city_code     TEXT NOT NULL REFERENCES regions (code),
    district_code TEXT NOT NULL DEFAULT '',
    class         TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('police_cancellations', 'yard_list', 'other')),
    file_name     TEXT NOT NULL,
    file_sha256   TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    done          BIGINT NOT NULL DEFAULT 0,
    counts        TEXT NOT NULL DEFAULT '{}',
    problem       TEXT NOT NULL DEFAULT '',
    created_by    TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX comparisons_city ON comparisons (city_code, id);

CREATE TABLE comparison_lines (
    id            TEXT PRIMARY KEY,
    comparison_id TEXT NOT NULL REFERENCES comparisons (id),
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL DEFAULT '',
    row_no        BIGINT NOT NULL DEFAULT 0,
    asset_id      TEXT NOT NULL DEFAULT '',
    label         TEXT NOT NULL,
    outcome       TEXT NOT NULL CHECK (outcome IN ('ours_only', 'theirs_only', 'differ')),
    differences   TEXT NOT NULL DEFAULT '[]',
    state         TEXT NOT NULL CHECK (state IN ('open', 'done', 'dismissed')),
    note          TEXT NOT NULL DEFAULT '',
    decided_by    TEXT NOT NULL DEFAULT '',
    version       BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX comparison_lines_of ON comparison_lines (comparison_id, outcome, id);

-- +goose Down
DROP TABLE comparison_lines;
DROP TABLE comparisons;
DROP TABLE quality_scores;
DROP TABLE quality_issues;
DROP TABLE quality_runs;
DROP TABLE quality_rules;
