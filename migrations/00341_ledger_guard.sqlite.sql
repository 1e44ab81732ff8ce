-- +goose Up
-- Nobody edits or removes an entry, and nothing is booked on a line whose year is closed.
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_postings_no_update BEFORE UPDATE ON ledger_postings
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_postings_no_delete BEFORE DELETE ON ledger_postings
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER ledger_postings_closed BEFORE INSERT ON ledger_postings
WHEN EXISTS (SELECT 1 FROM budget_lines WHERE id = NEW.line_id AND closed)
BEGIN
    SELECT RAISE(ABORT, 'the year of this budget line is closed');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER budget_lines_stay_closed BEFORE UPDATE ON budget_lines WHEN OLD.closed
BEGIN
    SELECT RAISE(ABORT, 'the year of this budget line is closed');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER budget_lines_stay_closed;
DROP TRIGGER ledger_postings_closed;
DROP TRIGGER ledger_postings_no_delete;
DROP TRIGGER ledger_postings_no_update;
DROP TRIGGER ledger_entries_no_delete;
DROP TRIGGER ledger_entries_no_update;
