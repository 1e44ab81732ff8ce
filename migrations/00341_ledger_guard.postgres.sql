-- +goose Up
-- Nobody edits or removes an entry, and nothing is booked on a line whose year is closed.
-- +goose StatementBegin
CREATE FUNCTION ledger_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only';
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER ledger_entries_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
CREATE TRIGGER ledger_postings_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_append_only();
-- +goose StatementBegin
CREATE FUNCTION ledger_year_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM budget_lines WHERE id = NEW.line_id AND closed) THEN
        RAISE EXCEPTION 'the year of this budget line is closed';
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER ledger_postings_closed BEFORE INSERT ON ledger_postings
    FOR EACH ROW EXECUTE FUNCTION ledger_year_is_open();
-- +goose StatementBegin
CREATE FUNCTION budget_line_stays_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.closed THEN
        RAISE EXCEPTION 'the year of this budget line is closed';
    END IF;
    RETURN NEW;
END;
$$;
-- +goose StatementEnd
CREATE TRIGGER budget_lines_stay_closed BEFORE UPDATE ON budget_lines
    FOR EACH ROW EXECUTE FUNCTION budget_line_stays_closed();

-- +goose Down
DROP TRIGGER budget_lines_stay_closed ON budget_lines;
DROP TRIGGER ledger_postings_closed ON ledger_postings;
DROP TRIGGER ledger_postings_guard ON ledger_postings;
DROP TRIGGER ledger_entries_guard ON ledger_entries;
DROP FUNCTION budget_line_stays_closed();
DROP FUNCTION ledger_year_is_open();
DROP FUNCTION ledger_append_only();
