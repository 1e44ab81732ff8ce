-- +goose Up
-- Money that must come back: due, in instalments, received, or kept back from a
-- later payment to the same payee.
CREATE TABLE recoveries (
    id              TEXT PRIMARY KEY,
    city_code       TEXT NOT NULL,
    application_id  TEXT NOT NULL,
    asset_label     TEXT NOT NULL,
    payee_name      TEXT NOT NULL,
    owner_name      TEXT NOT NULL,
    account_key     TEXT NOT NULL DEFAULT '',
    reason_code     TEXT NOT NULL CHECK (reason_code IN ('false_material', 'not_eligible', 'double_benefit', 'overpaid', 'seen_again', 'other')),
    reason          TEXT NOT NULL,
    document        TEXT NOT NULL DEFAULT '',
    amount_fen      BIGINT NOT NULL CHECK (amount_fen > 0),
    received_fen    BIGINT NOT NULL DEFAULT 0 CHECK (received_fen >= 0),
    offset_fen      BIGINT NOT NULL DEFAULT 0 CHECK (offset_fen >= 0),
    pending_fen     BIGINT NOT NULL DEFAULT 0 CHECK (pending_fen >= 0),
    may_offset      BOOLEAN NOT NULL DEFAULT TRUE,
    due_on          TEXT NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('open', 'settled', 'withdrawn')),
    opened_by       TEXT NOT NULL,
    opened_by_name  TEXT NOT NULL,
    opened_at       TIMESTAMP NOT NULL,
    closed_by       TEXT NOT NULL DEFAULT '',
    closed_by_name  TEXT NOT NULL DEFAULT '',
    closed_at       TIMESTAMP,
    close_reason    TEXT NOT NULL DEFAULT '',
    version         BIGINT NOT NULL DEFAULT 1,
    CHECK (received_fen + offset_fen + pending_fen <= amount_fen),
    CHECK (state <> 'withdrawn' OR closed_by <> opened_by)
);
CREATE INDEX recoveries_city ON recoveries (city_code, state, id);
CREATE INDEX recoveries_application ON recoveries (application_id);
CREATE INDEX recoveries_account ON recoveries (city_code, account_key) WHERE state = 'open';

CREATE TABLE recovery_instalments (
    case_id    TEXT NOT NULL REFERENCES recoveries (id),
    position   BIGINT NOT NULL,
    due_on     TEXT NOT NULL,
    amount_fen BIGINT NOT NULL CHECK (amount_fen > 0),
    PRIMARY KEY (case_id, position)
);

CREATE TABLE recovery_receipts (
    id          TEXT PRIMARY KEY,
    case_id     TEXT NOT NULL REFERENCES recoveries (id),
    city_code   TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('receipt', 'offset', 'offset_undone')),
    amount_fen  BIGINT NOT NULL CHECK (amount_fen > 0),
    received_on TEXT NOT NULL,
    reference   TEXT NOT NULL,
    booked_by      TEXT NOT NULL,
    booked_by_name TEXT NOT NULL,
    booked_at      TIMESTAMP NOT NULL
);
CREATE INDEX recovery_receipts_case ON recovery_receipts (case_id, id);
CREATE UNIQUE INDEX recovery_receipts_once ON recovery_receipts (city_code, reference) WHERE kind = 'receipt';

-- +goose Down
DROP TABLE recovery_receipts;
DROP TABLE recovery_instalments;
DROP TABLE recoveries;
