-- +goose Up
-- Batches that are frozen, sent and answered by the bank line by line. "Paid"
-- comes only from an answer (ADR 341).
CREATE TABLE payment_batches (
    id              TEXT PRIMARY KEY,
    city_code       TEXT NOT NULL,
    number          TEXT NOT NULL UNIQUE,
    program_id      TEXT NOT NULL,
    program_name_zh TEXT NOT NULL,
    program_name_en TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('sealed', 'sent', 'done', 'partly', 'returned', 'void')),
    line_count      BIGINT NOT NULL,
    total_fen       BIGINT NOT NULL,
    offset_fen      BIGINT NOT NULL DEFAULT 0,
    sha256          TEXT NOT NULL,
    paid_count      BIGINT NOT NULL DEFAULT 0,
    paid_fen        BIGINT NOT NULL DEFAULT 0,
    returned_count  BIGINT NOT NULL DEFAULT 0,
    returned_fen    BIGINT NOT NULL DEFAULT 0,
    created_by      TEXT NOT NULL,
    created_by_name TEXT NOT NULL,
    created_at      TIMESTAMP NOT NULL,
    sent_by         TEXT NOT NULL DEFAULT '',
    sent_by_name    TEXT NOT NULL DEFAULT '',
    sent_at         TIMESTAMP,
    paid_on         TEXT NOT NULL DEFAULT '',
    reference       TEXT NOT NULL DEFAULT '',
    void_reason     TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1,
    CHECK (sent_by = '' OR sent_by <> created_by),
    CHECK (paid_count + returned_count <= line_count)
);
CREATE INDEX payment_batches_city ON payment_batches (city_code, id);

CREATE TABLE payment_lines (
    batch_id       TEXT NOT NULL REFERENCES payment_batches (id),
    line_no        BIGINT NOT NULL,
    city_code      TEXT NOT NULL,
    application_id TEXT NOT NULL,
    asset_label    TEXT NOT NULL,
    payee_name     TEXT NOT NULL,
    payee_bank     TEXT NOT NULL,
    bank_code      TEXT NOT NULL DEFAULT '',
    payee_account  TEXT NOT NULL,
    amount_fen     BIGINT NOT NULL CHECK (amount_fen >= 0),
    offset_fen     BIGINT NOT NULL DEFAULT 0 CHECK (offset_fen >= 0),
    case_id        TEXT NOT NULL DEFAULT '',
    state          TEXT NOT NULL CHECK (state IN ('sealed', 'sent', 'paid', 'returned', 'refunded', 'void')),
    reason_code    TEXT NOT NULL DEFAULT '',
    reason         TEXT NOT NULL DEFAULT '',
    reference      TEXT NOT NULL DEFAULT '',
    settled_on     TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (batch_id, line_no)
);
-- One application has one live line, in whatever batch: the database itself refuses a second payment.
CREATE UNIQUE INDEX payment_lines_once ON payment_lines (application_id) WHERE state IN ('sealed', 'sent', 'paid');
CREATE INDEX payment_lines_state ON payment_lines (batch_id, state, line_no);

CREATE TABLE bank_answers (
    id               TEXT PRIMARY KEY,
    batch_id         TEXT NOT NULL REFERENCES payment_batches (id),
    city_code        TEXT NOT NULL,
    file_name        TEXT NOT NULL,
    file_sha256      TEXT NOT NULL,
    booked_on        TEXT NOT NULL,
    row_count        BIGINT NOT NULL,
    paid_count       BIGINT NOT NULL,
    paid_fen         BIGINT NOT NULL,
    returned_count   BIGINT NOT NULL,
    returned_fen     BIGINT NOT NULL,
    refunded_count   BIGINT NOT NULL,
    refunded_fen     BIGINT NOT NULL,
    repeated_count   BIGINT NOT NULL,
    unmatched_count  BIGINT NOT NULL,
    uploaded_by      TEXT NOT NULL,
    uploaded_by_name TEXT NOT NULL,
    uploaded_at      TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX bank_answers_once ON bank_answers (city_code, file_sha256);
CREATE INDEX bank_answers_batch ON bank_answers (batch_id, id);
CREATE INDEX bank_answers_day ON bank_answers (city_code, booked_on);

CREATE TABLE bank_unmatched (
    id                TEXT PRIMARY KEY,
    answer_id         TEXT NOT NULL REFERENCES bank_answers (id),
    batch_id          TEXT NOT NULL,
    city_code         TEXT NOT NULL,
    booked_on         TEXT NOT NULL,
    row_no            BIGINT NOT NULL,
    name              TEXT NOT NULL DEFAULT '',
    account           TEXT NOT NULL DEFAULT '',
    amount_fen        BIGINT NOT NULL DEFAULT 0,
    word              TEXT NOT NULL DEFAULT '',
    reference         TEXT NOT NULL DEFAULT '',
    verdict           TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('open', 'explained')),
    explanation       TEXT NOT NULL DEFAULT '',
    explained_by      TEXT NOT NULL DEFAULT '',
    explained_by_name TEXT NOT NULL DEFAULT '',
    explained_at      TIMESTAMP,
    version           BIGINT NOT NULL DEFAULT 1
);
CREATE INDEX bank_unmatched_city ON bank_unmatched (city_code, state, id);

CREATE TABLE bank_days (
    city_code      TEXT NOT NULL,
    day            TEXT NOT NULL,
    answers        BIGINT NOT NULL,
    bank_fen       BIGINT NOT NULL,
    ledger_fen     BIGINT NOT NULL,
    explained      BIGINT NOT NULL,
    closed_by      TEXT NOT NULL,
    closed_by_name TEXT NOT NULL,
    closed_at      TIMESTAMP NOT NULL,
    PRIMARY KEY (city_code, day),
    CHECK (bank_fen = ledger_fen)
);

CREATE TABLE return_reasons (
    code    TEXT PRIMARY KEY,
    kind    TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    todo_zh TEXT NOT NULL,
    todo_en TEXT NOT NULL,
    words   TEXT NOT NULL
);

-- How a bank wants its file: which columns, in which order, under which headings.
CREATE TABLE bank_layouts (
    id         TEXT PRIMARY KEY,
    city_code  TEXT NOT NULL DEFAULT '',
    code       TEXT NOT NULL,
    name_zh    TEXT NOT NULL,
    name_en    TEXT NOT NULL,
    columns    TEXT NOT NULL,
    version    BIGINT NOT NULL DEFAULT 1,
    UNIQUE (city_code, code)
);

INSERT INTO payment_batches (id, city_code, number, program_id, program_name_zh, program_name_en, state, line_count, total_fen, sha256,
    paid_count, paid_fen, returned_count, returned_fen, created_by, created_by_name, created_at, paid_on, reference)
SELECT b.id, b.city_code, b.number, b.program_id, b.program_name_zh, b.program_name_en, 'sealed', b.line_count, b.total_fen, b.sha256,
    (SELECT COUNT(*) FROM batch_lines l WHERE l.batch_id = b.id AND l.state = 'paid'),
    COALESCE((SELECT SUM(amount_fen) FROM batch_lines l WHERE l.batch_id = b.id AND l.state = 'paid'), 0),
    (SELECT COUNT(*) FROM batch_lines l WHERE l.batch_id = b.id AND l.state = 'failed'),
    COALESCE((SELECT SUM(amount_fen) FROM batch_lines l WHERE l.batch_id = b.id AND l.state = 'failed'), 0),
    b.created_by, b.created_by_name, b.created_at, b.paid_on, b.reference FROM batches b;
UPDATE payment_batches SET state = CASE WHEN paid_count = line_count THEN 'done' WHEN returned_count = line_count THEN 'returned' ELSE 'partly' END
    WHERE paid_count + returned_count > 0;
INSERT INTO payment_lines (batch_id, line_no, city_code, application_id, asset_label, payee_name, payee_bank, payee_account, amount_fen, state, reason, settled_on)
SELECT l.batch_id, l.line_no, b.city_code, l.application_id, l.asset_label, l.payee_name, l.payee_bank, l.payee_account, l.amount_fen,
    CASE WHEN l.state = 'failed' THEN 'returned' ELSE l.state END, l.reason, b.paid_on FROM batch_lines l JOIN batches b ON b.id = l.batch_id;
DROP TABLE batch_lines;
DROP TABLE batches;

-- +goose Down
CREATE TABLE batches (id TEXT PRIMARY KEY);
CREATE TABLE batch_lines (batch_id TEXT);
DROP TABLE bank_layouts;
DROP TABLE return_reasons;
DROP TABLE bank_days;
DROP TABLE bank_unmatched;
DROP TABLE bank_answers;
DROP TABLE payment_lines;
DROP TABLE payment_batches;
