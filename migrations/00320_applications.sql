-- +goose Up
-- The states of an application change. SQLite cannot change a CHECK, so the old
-- column steps aside; nothing reads it any more (ADR 320).
DROP INDEX IF EXISTS applications_once;
DROP INDEX IF EXISTS applications_city;
DROP INDEX IF EXISTS applications_program;
ALTER TABLE applications RENAME COLUMN state TO first_state;
ALTER TABLE applications ADD COLUMN state TEXT NOT NULL DEFAULT 'draft' CHECK (state IN ('draft', 'submitted', 'checked', 'waiting', 'approved',
    'noticed', 'payable', 'batched', 'sent', 'paid', 'returned', 'withdrawn', 'rejected', 'expired'));
ALTER TABLE applications ADD COLUMN funds TEXT NOT NULL DEFAULT 'none' CHECK (funds IN ('none', 'reserved', 'committed'));
UPDATE applications SET state = CASE first_state WHEN 'open' THEN 'draft' WHEN 'failed' THEN 'returned' ELSE first_state END,
    funds = CASE WHEN first_state IN ('approved', 'batched', 'paid', 'failed') THEN 'committed' ELSE 'none' END;
-- Who checks only looks at the new column: an approved one always had a second person.
UPDATE applications SET first_state = 'open';

-- Who claims, and by whom it is brought in. Numbers are sealed; the keyed hashes tell equal ones.
ALTER TABLE applications ADD COLUMN applicant_kind TEXT NOT NULL DEFAULT '' CHECK (applicant_kind IN ('', 'person', 'unit'));
ALTER TABLE applications ADD COLUMN applicant_phone TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN brought_by TEXT NOT NULL DEFAULT '' CHECK (brought_by IN ('', 'self', 'agent'));
ALTER TABLE applications ADD COLUMN agent_name TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN agent_id TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN agent_phone TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN replacement TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN replacement_owner TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN phone_key TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN agent_key TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN account_key TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN account_tail TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN payee_bank_code TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN payee_checked_on TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN payee_checked_by TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN payee_checked_by_name TEXT NOT NULL DEFAULT '';

-- The queue: queue_no is given out under the lock of the program's row below.
ALTER TABLE applications ADD COLUMN submitted_at TIMESTAMP;
ALTER TABLE applications ADD COLUMN queue_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE applications ADD COLUMN due_on TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN mend_kind TEXT NOT NULL DEFAULT '' CHECK (mend_kind IN ('', 'data', 'account'));
ALTER TABLE applications ADD COLUMN mend_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN mended BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE applications ADD COLUMN reject_code TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN notice_id TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN noticed_until TEXT NOT NULL DEFAULT '';
ALTER TABLE applications ADD COLUMN moved_at TIMESTAMP;

CREATE UNIQUE INDEX applications_once ON applications (asset_id, program_id) WHERE state NOT IN ('withdrawn', 'rejected', 'expired');
CREATE INDEX applications_city ON applications (city_code, state, id);
CREATE INDEX applications_program ON applications (program_id, state, id);
CREATE INDEX applications_waiting ON applications (program_id, queue_no) WHERE state = 'waiting';
CREATE INDEX applications_due ON applications (due_on) WHERE due_on <> '';
CREATE INDEX applications_asset ON applications (asset_id);
CREATE INDEX applications_notice ON applications (notice_id, id) WHERE notice_id <> '';

-- Four eyes in the data: a person has at most one part in a case, whatever
-- role or name the account has by then.
CREATE TABLE application_people (
    application_id TEXT NOT NULL REFERENCES applications (id),
    person_id      TEXT NOT NULL,
    person_name    TEXT NOT NULL,
    duty           TEXT NOT NULL CHECK (duty IN ('enter', 'check', 'approve', 'pay')),
    at             TIMESTAMP NOT NULL,
    PRIMARY KEY (application_id, person_id)
);
INSERT INTO application_people (application_id, person_id, person_name, duty, at)
    SELECT id, decided_by, decided_by_name, 'approve', decided_at FROM applications WHERE decided_by <> '' AND decided_at IS NOT NULL;

CREATE TABLE program_queues (
    program_id TEXT PRIMARY KEY REFERENCES programs (id),
    last_no    BIGINT NOT NULL DEFAULT 0
);

-- How the applications of a program are worked off. A program without a row
-- has the default of subsidy.DefaultFlow.
CREATE TABLE program_flows (
    program_id      TEXT PRIMARY KEY REFERENCES programs (id),
    reserve_on      TEXT NOT NULL CHECK (reserve_on IN ('submission', 'approval')),
    mend_days       BIGINT NOT NULL CHECK (mend_days BETWEEN 1 AND 365),
    papers          TEXT NOT NULL,
    updated_by      TEXT NOT NULL,
    updated_by_name TEXT NOT NULL,
    updated_at      TIMESTAMP NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1
);

-- Papers of an application are files of its asset that only finance sees.
ALTER TABLE files ADD COLUMN application_id TEXT NOT NULL DEFAULT '';
CREATE INDEX files_application ON files (application_id, id) WHERE application_id <> '';

-- The official calendar: the days on which a year differs from Monday to Friday.
CREATE TABLE calendar_years (
    year       BIGINT PRIMARY KEY,
    source     TEXT NOT NULL,
    entered_by TEXT NOT NULL DEFAULT '',
    entered_at TIMESTAMP,
    version    BIGINT NOT NULL DEFAULT 1
);
CREATE TABLE calendar_days (
    day  TEXT PRIMARY KEY,
    year BIGINT NOT NULL REFERENCES calendar_years (year),
    kind TEXT NOT NULL CHECK (kind IN ('off', 'work')),
    name TEXT NOT NULL DEFAULT ''
);
CREATE INDEX calendar_days_year ON calendar_days (year, day);

CREATE TABLE notices (
    id              TEXT PRIMARY KEY,
    city_code       TEXT NOT NULL,
    number          TEXT NOT NULL UNIQUE,
    program_id      TEXT NOT NULL REFERENCES programs (id),
    program_name_zh TEXT NOT NULL,
    program_name_en TEXT NOT NULL,
    from_on         TEXT NOT NULL,
    until_on        TEXT NOT NULL,
    days            BIGINT NOT NULL CHECK (days > 0),
    contact         TEXT NOT NULL,
    line_count      BIGINT NOT NULL,
    total_fen       BIGINT NOT NULL,
    made_by         TEXT NOT NULL,
    made_by_name    TEXT NOT NULL,
    made_at         TIMESTAMP NOT NULL,
    version         BIGINT NOT NULL DEFAULT 1,
    CHECK (from_on <= until_on)
);
CREATE INDEX notices_city ON notices (city_code, id);

-- What was published, as it was published: owners masked.
CREATE TABLE notice_lines (
    notice_id      TEXT NOT NULL REFERENCES notices (id),
    line_no        BIGINT NOT NULL,
    application_id TEXT NOT NULL REFERENCES applications (id),
    asset_label    TEXT NOT NULL,
    class          TEXT NOT NULL,
    owner_masked   TEXT NOT NULL,
    retired_on     TEXT NOT NULL DEFAULT '',
    amount_fen     BIGINT NOT NULL,
    PRIMARY KEY (notice_id, line_no)
);
CREATE UNIQUE INDEX notice_lines_application ON notice_lines (notice_id, application_id);

CREATE TABLE objections (
    id               TEXT PRIMARY KEY,
    application_id   TEXT NOT NULL REFERENCES applications (id),
    notice_id        TEXT NOT NULL REFERENCES notices (id),
    city_code        TEXT NOT NULL,
    district_code    TEXT NOT NULL DEFAULT '',
    asset_label      TEXT NOT NULL,
    raised_by        TEXT NOT NULL,
    text             TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('open', 'upheld', 'dismissed')),
    recorded_by      TEXT NOT NULL,
    recorded_by_name TEXT NOT NULL,
    recorded_at      TIMESTAMP NOT NULL,
    resolved_by      TEXT NOT NULL DEFAULT '',
    resolved_by_name TEXT NOT NULL DEFAULT '',
    resolved_at      TIMESTAMP,
    resolution       TEXT NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 1,
    CHECK (resolved_by = '' OR resolved_by <> recorded_by)
);
CREATE INDEX objections_application ON objections (application_id, id);
CREATE INDEX objections_city ON objections (city_code, state, id);

-- What looks odd, and what a person made of it. facts is the hash of what the
-- signal rests on: while it stays, a decision stays.
CREATE TABLE signals (
    id              TEXT PRIMARY KEY,
    city_code       TEXT NOT NULL,
    kind            TEXT NOT NULL,
    subject         TEXT NOT NULL,
    score           BIGINT NOT NULL CHECK (score BETWEEN 0 AND 100),
    reasons         TEXT NOT NULL,
    application_ids TEXT NOT NULL,
    facts           TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'harmless', 'confirmed', 'gone')),
    found_at        TIMESTAMP NOT NULL,
    decided_by      TEXT NOT NULL DEFAULT '',
    decided_by_name TEXT NOT NULL DEFAULT '',
    decided_at      TIMESTAMP,
    decision_reason TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1,
    UNIQUE (city_code, kind, subject)
);
CREATE INDEX signals_city ON signals (city_code, state, id);

-- +goose Down
DROP TABLE signals;
DROP TABLE objections;
DROP TABLE notice_lines;
DROP TABLE notices;
DROP TABLE calendar_days;
DROP TABLE calendar_years;
DROP TABLE program_flows;
DROP TABLE program_queues;
DROP TABLE application_people;
