-- +goose Up
-- What keeps the system itself well: backups, trials of restoring one, checks of
-- the whole database. place is the folder of the backup; audit_seq and audit_hash
-- are where the audit ended in what was backed up, restored or checked.
CREATE TABLE upkeep_runs (
    id              TEXT PRIMARY KEY,
    kind            TEXT NOT NULL CHECK (kind IN ('backup', 'drill', 'check')),
    state           TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    done            BIGINT NOT NULL DEFAULT 0,
    total           BIGINT NOT NULL DEFAULT 0,
    place           TEXT NOT NULL DEFAULT '',
    bytes           BIGINT NOT NULL DEFAULT 0,
    audit_seq       BIGINT NOT NULL DEFAULT 0,
    audit_hash      TEXT NOT NULL DEFAULT '',
    problem         TEXT NOT NULL DEFAULT '',
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    seen_at         TIMESTAMP NOT NULL,
    ended_at        TIMESTAMP
);

CREATE INDEX upkeep_runs_by_kind ON upkeep_runs (kind, id);

-- +goose Down
DROP TABLE upkeep_runs;
