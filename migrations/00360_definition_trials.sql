-- +goose Up
-- A definition is tried on the present stock before it counts: tried_us is the
-- instant of the stock it was tried on, trial what it would move there (JSON).
-- What one person proposed, another puts in force.
ALTER TABLE definitions ADD COLUMN proposed_by TEXT NOT NULL DEFAULT '';
ALTER TABLE definitions ADD COLUMN proposed_by_name TEXT NOT NULL DEFAULT '';
ALTER TABLE definitions ADD COLUMN tried_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE definitions ADD COLUMN tried_on TEXT NOT NULL DEFAULT '';
ALTER TABLE definitions ADD COLUMN trial TEXT NOT NULL DEFAULT '[]';

-- Everybody who wrote in a draft of the factors, ids separated by blanks.
ALTER TABLE factor_sets ADD COLUMN written_by TEXT NOT NULL DEFAULT '';
UPDATE factor_sets SET written_by = created_by;

-- +goose Down
ALTER TABLE factor_sets DROP COLUMN written_by;
ALTER TABLE definitions DROP COLUMN trial;
ALTER TABLE definitions DROP COLUMN tried_on;
ALTER TABLE definitions DROP COLUMN tried_us;
ALTER TABLE definitions DROP COLUMN proposed_by_name;
ALTER TABLE definitions DROP COLUMN proposed_by;
