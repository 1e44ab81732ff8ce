-- +goose Up
-- A draw: its population and the hash of its seed are fixed when it is made,
-- the seed is shown when it is carried out (docs/inspection-draws.md).
CREATE TABLE inspection_draws (
    id              TEXT PRIMARY KEY,
    name            TEXT NOT NULL,
    from_on         TEXT NOT NULL,
    to_on           TEXT NOT NULL,
    per_city        BIGINT NOT NULL CHECK (per_city BETWEEN 1 AND 1000),
    state           TEXT NOT NULL CHECK (state IN ('committed', 'drawn')),
    seed            TEXT NOT NULL,
    seed_hash       TEXT NOT NULL,
    beacon          TEXT NOT NULL DEFAULT '',
    population      BIGINT NOT NULL,
    population_hash TEXT NOT NULL,
    cities          TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    drawn_by        TEXT NOT NULL DEFAULT '',
    drawn_by_name   TEXT NOT NULL DEFAULT '',
    drawn_at        TIMESTAMP,
    version         BIGINT NOT NULL DEFAULT 1
);

-- The population with the weights as they were, and of the drawn lines what the
-- other city's team has to know, as it was.
CREATE TABLE inspection_lines (
    id              TEXT PRIMARY KEY,
    draw_id         TEXT NOT NULL REFERENCES inspection_draws (id),
    retirement_id   TEXT NOT NULL REFERENCES retirements (id),
    asset_id        TEXT NOT NULL,
    asset_label     TEXT NOT NULL,
    class           TEXT NOT NULL,
    city_code       TEXT NOT NULL,
    recycler        TEXT NOT NULL DEFAULT '',
    yard_id         TEXT NOT NULL DEFAULT '',
    certificate_no  TEXT NOT NULL DEFAULT '',
    handed_in_on    TEXT NOT NULL DEFAULT '',
    dismantled_on   TEXT NOT NULL DEFAULT '',
    deregistered_on TEXT NOT NULL DEFAULT '',
    weight          BIGINT NOT NULL CHECK (weight >= 1),
    reasons         TEXT NOT NULL,
    chosen          BOOLEAN NOT NULL DEFAULT FALSE,
    team_city       TEXT NOT NULL DEFAULT '',
    result          TEXT NOT NULL DEFAULT '' CHECK (result IN ('', 'ok', 'discrepancy', 'not_found')),
    note            TEXT NOT NULL DEFAULT '',
    photos          BIGINT NOT NULL DEFAULT 0,
    inspected_by    TEXT NOT NULL DEFAULT '',
    inspected_by_name TEXT NOT NULL DEFAULT '',
    inspected_at    TIMESTAMP,
    version         BIGINT NOT NULL DEFAULT 1,
    UNIQUE (draw_id, retirement_id),
    CHECK (team_city <> city_code),
    CHECK (result = '' OR chosen)
);
CREATE INDEX inspection_lines_team ON inspection_lines (team_city, id) WHERE chosen;
CREATE INDEX inspection_lines_yard ON inspection_lines (yard_id, result) WHERE result <> '';

-- +goose Down
DROP TABLE inspection_lines;
DROP TABLE inspection_draws;
