-- +goose Up
-- What a small change does to the roll-ups is not written with it: its recording
-- is pending until some hundred are counted at once (docs/adr/0402). Figures add
-- what is pending from the rows. pending is how many standings began or ended
-- with the recording that no roll-up counts yet.
ALTER TABLE recordings ADD COLUMN pending BIGINT NOT NULL DEFAULT 0;
CREATE INDEX recordings_pending ON recordings (no) WHERE pending > 0;

-- +goose Down
UPDATE rollup_state SET stale = TRUE WHERE EXISTS (SELECT 1 FROM recordings WHERE pending > 0);
DROP INDEX recordings_pending;
ALTER TABLE recordings DROP COLUMN pending;
