-- +goose Up
-- Budget lines with their balances, and the double-entry ledger behind them. A
-- balance is changed in the transaction of its posting only; the database
-- itself refuses an overdraft and a line that does not add up (ADR 340).
CREATE TABLE budget_lines (
    id            TEXT PRIMARY KEY,
    city_code     TEXT NOT NULL REFERENCES regions (code),
    year          BIGINT NOT NULL CHECK (year BETWEEN 2000 AND 2999),
    source        TEXT NOT NULL CHECK (source IN ('central', 'provincial', 'city', 'county', 'other')),
    class         TEXT NOT NULL DEFAULT '',
    program_id    TEXT NOT NULL DEFAULT '',
    document      TEXT NOT NULL DEFAULT '',
    allocated_fen BIGINT NOT NULL DEFAULT 0 CHECK (allocated_fen >= 0),
    reserved_fen  BIGINT NOT NULL DEFAULT 0 CHECK (reserved_fen >= 0),
    committed_fen BIGINT NOT NULL DEFAULT 0 CHECK (committed_fen >= 0),
    paid_fen      BIGINT NOT NULL DEFAULT 0 CHECK (paid_fen >= 0),
    free_fen      BIGINT NOT NULL DEFAULT 0 CHECK (free_fen >= 0),
    closed        BOOLEAN NOT NULL DEFAULT FALSE,
    created_by    TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1,
    CHECK (allocated_fen = reserved_fen + committed_fen + paid_fen + free_fen),
    CHECK (NOT closed OR (reserved_fen = 0 AND committed_fen = 0 AND free_fen = 0)),
    UNIQUE (city_code, year, source, class, program_id)
);
CREATE INDEX budget_lines_program ON budget_lines (program_id, year) WHERE program_id <> '';

CREATE TABLE budget_changes (
    id               TEXT PRIMARY KEY,
    line_id          TEXT NOT NULL REFERENCES budget_lines (id),
    city_code        TEXT NOT NULL,
    kind             TEXT NOT NULL CHECK (kind IN ('raise', 'cut')),
    amount_fen       BIGINT NOT NULL CHECK (amount_fen > 0),
    document         TEXT NOT NULL,
    reason           TEXT NOT NULL,
    corrects_year    BIGINT NOT NULL DEFAULT 0,
    state            TEXT NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected')),
    proposed_by      TEXT NOT NULL,
    proposed_by_name TEXT NOT NULL,
    proposed_at      TIMESTAMP NOT NULL,
    decided_by       TEXT NOT NULL DEFAULT '',
    decided_by_name  TEXT NOT NULL DEFAULT '',
    decided_at       TIMESTAMP,
    decision_reason  TEXT NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 1,
    CHECK (decided_by = '' OR decided_by <> proposed_by)
);
CREATE INDEX budget_changes_line ON budget_changes (line_id, id);
CREATE INDEX budget_changes_city ON budget_changes (city_code, state, id);

CREATE TABLE ledger_entries (
    id             TEXT PRIMARY KEY,
    city_code      TEXT NOT NULL,
    year           BIGINT NOT NULL,
    booked_on      TEXT NOT NULL,
    kind           TEXT NOT NULL,
    application_id TEXT NOT NULL DEFAULT '',
    batch_id       TEXT NOT NULL DEFAULT '',
    case_id        TEXT NOT NULL DEFAULT '',
    document       TEXT NOT NULL DEFAULT '',
    note           TEXT NOT NULL DEFAULT '',
    booked_by      TEXT NOT NULL,
    booked_by_name TEXT NOT NULL,
    booked_at      TIMESTAMP NOT NULL
);
CREATE INDEX ledger_entries_city ON ledger_entries (city_code, id);
CREATE INDEX ledger_entries_day ON ledger_entries (city_code, booked_on, kind);
CREATE INDEX ledger_entries_application ON ledger_entries (application_id, id) WHERE application_id <> '';
CREATE INDEX ledger_entries_case ON ledger_entries (case_id, id) WHERE case_id <> '';
CREATE INDEX ledger_entries_batch ON ledger_entries (batch_id, id) WHERE batch_id <> '';

CREATE TABLE ledger_postings (
    entry_id  TEXT NOT NULL REFERENCES ledger_entries (id),
    position  BIGINT NOT NULL,
    city_code TEXT NOT NULL,
    account   TEXT NOT NULL,
    line_id   TEXT NOT NULL DEFAULT '',
    case_id   TEXT NOT NULL DEFAULT '',
    source    TEXT NOT NULL DEFAULT '',
    fen       BIGINT NOT NULL CHECK (fen <> 0),
    PRIMARY KEY (entry_id, position)
);
CREATE INDEX ledger_postings_line ON ledger_postings (line_id, entry_id) WHERE line_id <> '';
CREATE INDEX ledger_postings_case ON ledger_postings (case_id, entry_id) WHERE case_id <> '';

-- What each application holds of which line, and how far the money has come.
CREATE TABLE fund_claims (
    application_id TEXT NOT NULL,
    position       BIGINT NOT NULL,
    city_code      TEXT NOT NULL,
    program_id     TEXT NOT NULL,
    line_id        TEXT NOT NULL REFERENCES budget_lines (id),
    source         TEXT NOT NULL,
    fen            BIGINT NOT NULL CHECK (fen > 0),
    back_fen       BIGINT NOT NULL DEFAULT 0,
    state          TEXT NOT NULL CHECK (state IN ('reserved', 'committed', 'paid', 'released')),
    paid_on        TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (application_id, position),
    CHECK (back_fen >= 0 AND back_fen <= fen)
);
CREATE INDEX fund_claims_line ON fund_claims (line_id, state);
CREATE INDEX fund_claims_program ON fund_claims (program_id, state, fen);

CREATE TABLE funding_years (
    city_code        TEXT NOT NULL,
    year             BIGINT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('proposed', 'closed')),
    plan             TEXT NOT NULL,
    document         TEXT NOT NULL DEFAULT '',
    proposed_by      TEXT NOT NULL,
    proposed_by_name TEXT NOT NULL,
    proposed_at      TIMESTAMP NOT NULL,
    closed_by        TEXT NOT NULL DEFAULT '',
    closed_by_name   TEXT NOT NULL DEFAULT '',
    closed_at        TIMESTAMP,
    version          BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (city_code, year),
    CHECK (closed_by = '' OR closed_by <> proposed_by)
);

-- What programs had before there was a ledger becomes the opening balance of a
-- line of the city's own money, in the year in which the program was set up.
INSERT INTO budget_lines (id, city_code, year, source, class, program_id, document, allocated_fen, committed_fen, paid_fen, free_fen, created_by, created_at)
SELECT 'line-' || id, city_code, CAST(SUBSTR(CAST(created_at AS TEXT), 1, 4) AS BIGINT), 'city', class, id, document, budget_fen,
    committed_fen - paid_fen, paid_fen, budget_fen - committed_fen, created_by, created_at FROM programs WHERE budget_fen > 0;
INSERT INTO ledger_entries (id, city_code, year, booked_on, kind, document, booked_by, booked_by_name, booked_at)
SELECT 'opening-' || program_id, city_code, year, SUBSTR(CAST(created_at AS TEXT), 1, 10), 'opening', document, 'system', 'system', created_at
    FROM budget_lines WHERE program_id <> '';
INSERT INTO ledger_postings (entry_id, position, city_code, account, line_id, source, fen)
SELECT 'opening-' || program_id, 1, city_code, 'grant', id, source, -allocated_fen FROM budget_lines WHERE program_id <> '';
INSERT INTO ledger_postings (entry_id, position, city_code, account, line_id, source, fen)
SELECT 'opening-' || program_id, 2, city_code, 'free', id, source, free_fen FROM budget_lines WHERE program_id <> '' AND free_fen > 0;
INSERT INTO ledger_postings (entry_id, position, city_code, account, line_id, source, fen)
SELECT 'opening-' || program_id, 3, city_code, 'committed', id, source, committed_fen FROM budget_lines WHERE program_id <> '' AND committed_fen > 0;
INSERT INTO ledger_postings (entry_id, position, city_code, account, line_id, source, fen)
SELECT 'opening-' || program_id, 4, city_code, 'paid', id, source, paid_fen FROM budget_lines WHERE program_id <> '' AND paid_fen > 0;
INSERT INTO fund_claims (application_id, position, city_code, program_id, line_id, source, fen, state, paid_on)
SELECT id, 1, city_code, program_id, 'line-' || program_id, 'city', amount_fen,
    CASE WHEN state = 'paid' THEN 'paid' ELSE 'committed' END, paid_on
    FROM applications WHERE state IN ('approved', 'noticed', 'payable', 'batched', 'sent', 'paid', 'returned', 'failed');

-- +goose Down
DROP TABLE funding_years;
DROP TABLE fund_claims;
DROP TABLE ledger_postings;
DROP TABLE ledger_entries;
DROP TABLE budget_changes;
DROP TABLE budget_lines;
