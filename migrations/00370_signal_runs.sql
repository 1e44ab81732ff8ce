-- +goose Up
-- A look for signals over the whole province: by the clock, or because somebody
-- asked. seen_at is its last sign of life.
CREATE TABLE signal_runs (
    id              TEXT PRIMARY KEY,
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    done            BIGINT NOT NULL DEFAULT 0,
    total           BIGINT NOT NULL DEFAULT 0,
    asked           BIGINT NOT NULL DEFAULT 0,
    problem         TEXT NOT NULL DEFAULT '',
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    seen_at         TIMESTAMP NOT NULL,
    ended_at        TIMESTAMP,
    version         BIGINT NOT NULL DEFAULT 1
);

ALTER TABLE rule_runs ADD COLUMN seen_at TIMESTAMP;

-- +goose Down
ALTER TABLE rule_runs DROP COLUMN seen_at;
DROP TABLE signal_runs;
