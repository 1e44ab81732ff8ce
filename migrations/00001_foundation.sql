-- +goose Up
-- Portable between SQLite and PostgreSQL: keys are UUIDv7 text made in Go, days
-- are ISO 8601 text with '' for none, instants are UTC, money is BIGINT fen.

CREATE TABLE regions (
    code         TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    name_en      TEXT NOT NULL,
    parent_code  TEXT NOT NULL,
    level        TEXT NOT NULL CHECK (level IN ('province', 'city', 'district')),
    plate_prefix TEXT NOT NULL DEFAULT '',
    old_codes    TEXT NOT NULL DEFAULT ''
);

CREATE TABLE dictionary (
    class    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    code     TEXT NOT NULL,
    name_zh  TEXT NOT NULL,
    name_en  TEXT NOT NULL,
    grp      TEXT NOT NULL DEFAULT '',
    synonyms TEXT NOT NULL DEFAULT '',
    position BIGINT NOT NULL,
    PRIMARY KEY (class, kind, code)
);

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    username      TEXT NOT NULL UNIQUE,
    display_name  TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('clerk', 'reviewer', 'finance', 'province', 'auditor', 'admin')),
    scope_code    TEXT NOT NULL REFERENCES regions (code),
    password_hash TEXT NOT NULL,
    disabled      BOOLEAN NOT NULL DEFAULT FALSE,
    created_at    TIMESTAMP NOT NULL,
    updated_at    TIMESTAMP NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1
);

-- A session is the family of refresh tokens that one log-in started.
CREATE TABLE sessions (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    expires_at TIMESTAMP NOT NULL,
    revoked_at TIMESTAMP,
    reason     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE refresh_tokens (
    hash       TEXT PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    created_at TIMESTAMP NOT NULL,
    used_at    TIMESTAMP
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

-- Keyed by what was typed, whether or not such an account exists, so that a
-- lock-out reveals no account.
CREATE TABLE login_attempts (
    username     TEXT PRIMARY KEY,
    failures     BIGINT NOT NULL,
    last_failed  TIMESTAMP NOT NULL,
    locked_until TIMESTAMP
);

CREATE TABLE assets (
    id               TEXT PRIMARY KEY,
    city_code        TEXT NOT NULL REFERENCES regions (code),
    district_code    TEXT NOT NULL DEFAULT '',
    class            TEXT NOT NULL,
    category         TEXT NOT NULL DEFAULT '',
    status           TEXT NOT NULL,
    label            TEXT NOT NULL,
    stage            TEXT NOT NULL DEFAULT 'unknown',
    stage_source     TEXT NOT NULL DEFAULT '',
    fuel             TEXT NOT NULL DEFAULT '',
    model            TEXT NOT NULL DEFAULT '',
    registered_on    TEXT NOT NULL DEFAULT '',
    built_on         TEXT NOT NULL DEFAULT '',
    scrap_due_on     TEXT NOT NULL DEFAULT '',
    scrap_due_source TEXT NOT NULL DEFAULT '',
    police_status    TEXT NOT NULL DEFAULT '',
    owner_name       TEXT NOT NULL DEFAULT '',
    owner_id         TEXT NOT NULL DEFAULT '',
    owner_phone      TEXT NOT NULL DEFAULT '',
    fields           TEXT NOT NULL,
    search_text      TEXT NOT NULL,
    search_doc       BIGINT NOT NULL DEFAULT 0, -- document of the search index on SQLite
    -- The days from which the asset counts in each figure, '' where it does not.
    cohort_on        TEXT NOT NULL DEFAULT '',
    handed_in_on     TEXT NOT NULL DEFAULT '',
    declared_on      TEXT NOT NULL DEFAULT '',
    evidenced_on     TEXT NOT NULL DEFAULT '',
    verified_on      TEXT NOT NULL DEFAULT '',
    converted_on     TEXT NOT NULL DEFAULT '',
    moved_out_on     TEXT NOT NULL DEFAULT '',
    import_id        TEXT NOT NULL DEFAULT '',
    created_at       TIMESTAMP NOT NULL,
    created_by       TEXT NOT NULL,
    updated_at       TIMESTAMP NOT NULL,
    version          BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX assets_city ON assets (city_code, class, id);
CREATE INDEX assets_district ON assets (city_code, district_code, id) WHERE district_code <> '';
CREATE INDEX assets_class ON assets (class, id);
CREATE INDEX assets_import ON assets (import_id, id) WHERE import_id <> '';
CREATE INDEX assets_cohort ON assets (cohort_on, city_code, district_code, class) WHERE cohort_on <> '';
CREATE INDEX assets_handed_in ON assets (handed_in_on, city_code, district_code, class) WHERE handed_in_on <> '';
CREATE INDEX assets_declared ON assets (declared_on, city_code, district_code, class) WHERE declared_on <> '';
CREATE INDEX assets_evidenced ON assets (evidenced_on, city_code, district_code, class) WHERE evidenced_on <> '';
CREATE INDEX assets_verified ON assets (verified_on, city_code, district_code, class) WHERE verified_on <> '';
CREATE INDEX assets_converted ON assets (converted_on, city_code, district_code, class) WHERE converted_on <> '';
CREATE INDEX assets_moved_out ON assets (moved_out_on, city_code, district_code, class) WHERE moved_out_on <> '';

-- Identity is one for the whole province, so its unique key cannot hold the city.
CREATE TABLE asset_identifiers (
    asset_id  TEXT NOT NULL REFERENCES assets (id),
    kind      TEXT NOT NULL,
    value     TEXT NOT NULL,
    norm      TEXT NOT NULL,
    is_unique BOOLEAN NOT NULL,
    PRIMARY KEY (asset_id, kind)
);
CREATE UNIQUE INDEX asset_identifiers_once ON asset_identifiers (kind, norm) WHERE is_unique;
CREATE INDEX asset_identifiers_norm ON asset_identifiers (kind, norm);

CREATE TABLE retirements (
    id               TEXT PRIMARY KEY,
    asset_id         TEXT NOT NULL REFERENCES assets (id),
    asset_label      TEXT NOT NULL,
    city_code        TEXT NOT NULL,
    district_code    TEXT NOT NULL DEFAULT '',
    class            TEXT NOT NULL,
    way_out          TEXT NOT NULL,
    driver           TEXT NOT NULL DEFAULT '',
    state            TEXT NOT NULL CHECK (state IN ('declared', 'returned', 'verified')),
    handed_in_on     TEXT NOT NULL DEFAULT '',
    dismantled_on    TEXT NOT NULL DEFAULT '',
    deregistered_on  TEXT NOT NULL DEFAULT '',
    recycler         TEXT NOT NULL DEFAULT '',
    certificate_no   TEXT NOT NULL DEFAULT '',
    note             TEXT NOT NULL DEFAULT '',
    evidence_complete BOOLEAN NOT NULL DEFAULT FALSE,
    declared_by      TEXT NOT NULL,
    declared_by_name TEXT NOT NULL,
    declared_at      TIMESTAMP NOT NULL,
    verified_by      TEXT NOT NULL DEFAULT '',
    verified_by_name TEXT NOT NULL DEFAULT '',
    verified_at      TIMESTAMP,
    return_reason    TEXT NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 1,
    -- Four eyes in the data, whatever roles change in between.
    CHECK (verified_by = '' OR verified_by <> declared_by)
);
CREATE UNIQUE INDEX retirements_asset ON retirements (asset_id);
CREATE UNIQUE INDEX retirements_certificate ON retirements (recycler, certificate_no) WHERE certificate_no <> '';
CREATE INDEX retirements_city ON retirements (city_code, state, id);

CREATE TABLE files (
    id               TEXT PRIMARY KEY,
    city_code        TEXT NOT NULL,
    district_code    TEXT NOT NULL DEFAULT '',
    asset_id         TEXT NOT NULL REFERENCES assets (id),
    retirement_id    TEXT NOT NULL DEFAULT '',
    kind             TEXT NOT NULL,
    name             TEXT NOT NULL,
    mime             TEXT NOT NULL,
    size             BIGINT NOT NULL,
    sha256           TEXT NOT NULL,
    uploaded_by      TEXT NOT NULL,
    uploaded_by_name TEXT NOT NULL,
    uploaded_at      TIMESTAMP NOT NULL
);
CREATE INDEX files_asset ON files (asset_id, id);
CREATE UNIQUE INDEX files_once ON files (asset_id, kind, sha256);

CREATE TABLE imports (
    id               TEXT PRIMARY KEY,
    city_code        TEXT NOT NULL REFERENCES regions (code),
    district_code    TEXT NOT NULL DEFAULT '',
    class            TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('checking', 'checked', 'applying', 'applied', 'failed', 'cancelled', 'undone')),
    mode             TEXT NOT NULL DEFAULT '',
    file_name        TEXT NOT NULL,
    file_sha256      TEXT NOT NULL,
    size             BIGINT NOT NULL,
    uploaded_by      TEXT NOT NULL,
    uploaded_by_name TEXT NOT NULL,
    uploaded_role    TEXT NOT NULL,
    uploaded_scope   TEXT NOT NULL,
    request_id       TEXT NOT NULL,
    uploaded_at      TIMESTAMP NOT NULL,
    applied_at       TIMESTAMP,
    heartbeat_at     TIMESTAMP NOT NULL,
    done             BIGINT NOT NULL DEFAULT 0,
    total            BIGINT NOT NULL DEFAULT 0,
    counts           TEXT NOT NULL DEFAULT '{}',
    sheet            TEXT NOT NULL DEFAULT '{}',
    problem          TEXT NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX imports_city ON imports (city_code, id);

CREATE TABLE import_rows (
    import_id TEXT NOT NULL REFERENCES imports (id),
    row_no    BIGINT NOT NULL,
    outcome   TEXT NOT NULL,
    warned    BOOLEAN NOT NULL DEFAULT FALSE,
    label     TEXT NOT NULL DEFAULT '',
    asset_id  TEXT NOT NULL DEFAULT '',
    data      TEXT NOT NULL DEFAULT '',
    changes   TEXT NOT NULL DEFAULT '',
    applied   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (import_id, row_no)
);
CREATE INDEX import_rows_outcome ON import_rows (import_id, outcome, row_no);

CREATE TABLE import_findings (
    import_id  TEXT NOT NULL REFERENCES imports (id),
    row_no     BIGINT NOT NULL,
    position   BIGINT NOT NULL,
    col        TEXT NOT NULL DEFAULT '',
    field      TEXT NOT NULL DEFAULT '',
    value      TEXT NOT NULL DEFAULT '',
    code       TEXT NOT NULL,
    severity   TEXT NOT NULL CHECK (severity IN ('error', 'warning')),
    message_zh TEXT NOT NULL,
    message_en TEXT NOT NULL,
    mend_zh    TEXT NOT NULL DEFAULT '',
    mend_en    TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (import_id, row_no, position)
);

-- What an import changed, so that it can be undone as one act.
CREATE TABLE import_changes (
    import_id     TEXT NOT NULL REFERENCES imports (id),
    row_no        BIGINT NOT NULL,
    asset_id      TEXT NOT NULL,
    kind          TEXT NOT NULL CHECK (kind IN ('created', 'updated')),
    before        TEXT NOT NULL DEFAULT '',
    version_after BIGINT NOT NULL,
    PRIMARY KEY (import_id, row_no)
);

CREATE TABLE definitions (
    code     TEXT NOT NULL,
    revision BIGINT NOT NULL,
    name_zh  TEXT NOT NULL,
    name_en  TEXT NOT NULL,
    text_zh  TEXT NOT NULL,
    text_en  TEXT NOT NULL,
    share_bp BIGINT CHECK (share_bp BETWEEN 0 AND 10000),
    sample   BOOLEAN NOT NULL DEFAULT FALSE,
    source   TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (code, revision)
);

CREATE TABLE targets (
    id                  TEXT PRIMARY KEY,
    code                TEXT NOT NULL,
    clause              TEXT NOT NULL,
    class               TEXT NOT NULL,
    city_code           TEXT NOT NULL REFERENCES regions (code),
    kind                TEXT NOT NULL CHECK (kind IN ('hard', 'soft')),
    measure             TEXT NOT NULL CHECK (measure IN ('count', 'share', 'none')),
    value               BIGINT CHECK (value >= 0),
    due_on              TEXT NOT NULL,
    baseline_on         TEXT NOT NULL,
    definition_code     TEXT NOT NULL,
    definition_revision BIGINT NOT NULL,
    threshold_code      TEXT NOT NULL DEFAULT '',
    threshold_revision  BIGINT NOT NULL DEFAULT 0,
    responsible_unit    TEXT NOT NULL DEFAULT '',
    document            TEXT NOT NULL DEFAULT '',
    state               TEXT NOT NULL CHECK (state IN ('draft', 'in_force', 'replaced')),
    sample              BOOLEAN NOT NULL DEFAULT FALSE,
    set_by              TEXT NOT NULL,
    set_at              TIMESTAMP NOT NULL,
    version             BIGINT NOT NULL DEFAULT 1,
    FOREIGN KEY (definition_code, definition_revision) REFERENCES definitions (code, revision)
);
CREATE UNIQUE INDEX targets_in_force ON targets (city_code, class) WHERE state = 'in_force';

-- Roll-up kept in the same transaction as the rows it counts (docs/adr/0008).
CREATE TABLE summary (
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL,
    class         TEXT NOT NULL,
    metric        TEXT NOT NULL,
    month         TEXT NOT NULL,
    n             BIGINT NOT NULL,
    PRIMARY KEY (city_code, district_code, class, metric, month)
);

CREATE TABLE programs (
    id            TEXT PRIMARY KEY,
    city_code     TEXT NOT NULL REFERENCES regions (code),
    code          TEXT NOT NULL,
    revision      BIGINT NOT NULL,
    name_zh       TEXT NOT NULL,
    name_en       TEXT NOT NULL,
    class         TEXT NOT NULL,
    document      TEXT NOT NULL DEFAULT '',
    sample        BOOLEAN NOT NULL DEFAULT FALSE,
    valid_from    TEXT NOT NULL,
    valid_to      TEXT NOT NULL,
    basis         TEXT NOT NULL CHECK (basis IN ('deregistered_on', 'handed_in_on')),
    rules         TEXT NOT NULL,
    budget_fen    BIGINT NOT NULL CHECK (budget_fen >= 0),
    committed_fen BIGINT NOT NULL DEFAULT 0 CHECK (committed_fen >= 0),
    paid_fen      BIGINT NOT NULL DEFAULT 0 CHECK (paid_fen >= 0),
    created_by    TEXT NOT NULL,
    created_at    TIMESTAMP NOT NULL,
    version       BIGINT NOT NULL DEFAULT 1,
    CHECK (committed_fen <= budget_fen),
    CHECK (paid_fen <= committed_fen),
    UNIQUE (city_code, code, revision)
);

CREATE TABLE applications (
    id               TEXT PRIMARY KEY,
    city_code        TEXT NOT NULL,
    district_code    TEXT NOT NULL DEFAULT '',
    class            TEXT NOT NULL,
    program_id       TEXT NOT NULL REFERENCES programs (id),
    program_code     TEXT NOT NULL,
    program_name_zh  TEXT NOT NULL,
    program_name_en  TEXT NOT NULL,
    asset_id         TEXT NOT NULL REFERENCES assets (id),
    asset_label      TEXT NOT NULL,
    retirement_id    TEXT NOT NULL REFERENCES retirements (id),
    owner_name       TEXT NOT NULL,
    payee_name       TEXT NOT NULL,
    payee_bank       TEXT NOT NULL DEFAULT '',
    payee_account    TEXT NOT NULL DEFAULT '',
    amount_fen       BIGINT NOT NULL CHECK (amount_fen > 0),
    explanation      TEXT NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected', 'batched', 'paid', 'failed')),
    opened_by        TEXT NOT NULL,
    opened_by_name   TEXT NOT NULL,
    opened_at        TIMESTAMP NOT NULL,
    decided_by       TEXT NOT NULL DEFAULT '',
    decided_by_name  TEXT NOT NULL DEFAULT '',
    decided_at       TIMESTAMP,
    reject_reason    TEXT NOT NULL DEFAULT '',
    batch_id         TEXT NOT NULL DEFAULT '',
    paid_on          TEXT NOT NULL DEFAULT '',
    fail_reason      TEXT NOT NULL DEFAULT '',
    version          BIGINT NOT NULL DEFAULT 1,
    CHECK (state <> 'approved' OR decided_by <> opened_by)
);
-- No double benefit: one asset, one live application in a family of programs, over all cities.
CREATE UNIQUE INDEX applications_once ON applications (asset_id) WHERE state <> 'rejected';
CREATE INDEX applications_city ON applications (city_code, state, id);
CREATE INDEX applications_program ON applications (program_id, state, id);
CREATE INDEX applications_batch ON applications (batch_id, id) WHERE batch_id <> '';

CREATE TABLE batches (
    id              TEXT PRIMARY KEY,
    city_code       TEXT NOT NULL,
    number          TEXT NOT NULL UNIQUE,
    program_id      TEXT NOT NULL REFERENCES programs (id),
    program_name_zh TEXT NOT NULL,
    program_name_en TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('sealed', 'paid')),
    line_count      BIGINT NOT NULL,
    total_fen       BIGINT NOT NULL,
    sha256          TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    paid_on         TEXT NOT NULL DEFAULT '',
    reference       TEXT NOT NULL DEFAULT '',
    paid_by         TEXT NOT NULL DEFAULT '',
    paid_by_name    TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX batches_city ON batches (city_code, id);

-- The frozen lines of a batch: what was sealed stays, whatever changes later.
CREATE TABLE batch_lines (
    batch_id       TEXT NOT NULL REFERENCES batches (id),
    line_no        BIGINT NOT NULL,
    application_id TEXT NOT NULL REFERENCES applications (id),
    asset_label    TEXT NOT NULL,
    payee_name     TEXT NOT NULL,
    payee_bank     TEXT NOT NULL,
    payee_account  TEXT NOT NULL,
    amount_fen     BIGINT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('sealed', 'paid', 'failed')),
    reason         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (batch_id, line_no)
);
CREATE UNIQUE INDEX batch_lines_application ON batch_lines (batch_id, application_id);

CREATE TABLE idempotency (
    actor_id    TEXT NOT NULL,
    operation   TEXT NOT NULL,
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer      TEXT NOT NULL,
    created_at  TIMESTAMP NOT NULL,
    PRIMARY KEY (actor_id, operation, key)
);

CREATE TABLE audit_events (
    seq           BIGINT PRIMARY KEY,
    at            TEXT NOT NULL,
    actor_id      TEXT NOT NULL,
    actor_name    TEXT NOT NULL,
    role          TEXT NOT NULL,
    request_id    TEXT NOT NULL,
    action        TEXT NOT NULL,
    entity        TEXT NOT NULL,
    entity_id     TEXT NOT NULL,
    asset_id      TEXT NOT NULL DEFAULT '',
    city_code     TEXT NOT NULL DEFAULT '',
    district_code TEXT NOT NULL DEFAULT '',
    reason        TEXT NOT NULL DEFAULT '',
    before        TEXT NOT NULL DEFAULT '',
    after         TEXT NOT NULL DEFAULT '',
    prev_hash     TEXT NOT NULL,
    hash          TEXT NOT NULL
);
CREATE INDEX audit_events_asset ON audit_events (asset_id, seq) WHERE asset_id <> '';
CREATE INDEX audit_events_entity ON audit_events (entity, entity_id, seq);

CREATE TABLE audit_head (
    id   BIGINT PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT NOT NULL
);
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, '');

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit_events;
DROP TABLE idempotency;
DROP TABLE batch_lines;
DROP TABLE batches;
DROP TABLE applications;
DROP TABLE programs;
DROP TABLE summary;
DROP TABLE targets;
DROP TABLE definitions;
DROP TABLE import_changes;
DROP TABLE import_findings;
DROP TABLE import_rows;
DROP TABLE imports;
DROP TABLE files;
DROP TABLE retirements;
DROP TABLE asset_identifiers;
DROP TABLE assets;
DROP TABLE login_attempts;
DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE dictionary;
DROP TABLE regions;
