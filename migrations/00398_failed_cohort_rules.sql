-- +goose Up
-- A trial or an application of a cohort rule that breaks off ends as failed,
-- with its reason and with what it was doing, and is done again from there.
-- seen_at is its last sign of life, NULL as long as it waits in the queue. The
-- constraint on the state goes with its column, which both engines can drop.
DROP INDEX cohort_rules_one;
DROP INDEX cohort_rules_in_force;
ALTER TABLE cohort_rules ADD COLUMN state_now TEXT NOT NULL DEFAULT 'trying' CHECK (state_now IN ('trying', 'tried', 'applying', 'failed', 'in_force', 'replaced', 'discarded'));
UPDATE cohort_rules SET state_now = state;
ALTER TABLE cohort_rules DROP COLUMN state;
ALTER TABLE cohort_rules RENAME COLUMN state_now TO state;
CREATE UNIQUE INDEX cohort_rules_one ON cohort_rules (class) WHERE state IN ('trying', 'tried', 'applying', 'failed');
CREATE UNIQUE INDEX cohort_rules_in_force ON cohort_rules (class) WHERE state = 'in_force';
ALTER TABLE cohort_rules ADD COLUMN problem TEXT NOT NULL DEFAULT '';
ALTER TABLE cohort_rules ADD COLUMN failed_while TEXT NOT NULL DEFAULT '' CHECK (failed_while IN ('', 'trying', 'applying'));
ALTER TABLE cohort_rules ADD COLUMN seen_at TIMESTAMP;

-- +goose Down
ALTER TABLE cohort_rules DROP COLUMN seen_at;
DROP INDEX cohort_rules_one;
DROP INDEX cohort_rules_in_force;
ALTER TABLE cohort_rules ADD COLUMN state_was TEXT NOT NULL DEFAULT 'trying' CHECK (state_was IN ('trying', 'tried', 'applying', 'in_force', 'replaced', 'discarded'));
UPDATE cohort_rules SET state_was = CASE WHEN state = 'failed' THEN failed_while ELSE state END;
ALTER TABLE cohort_rules DROP COLUMN failed_while;
ALTER TABLE cohort_rules DROP COLUMN problem;
ALTER TABLE cohort_rules DROP COLUMN state;
ALTER TABLE cohort_rules RENAME COLUMN state_was TO state;
CREATE UNIQUE INDEX cohort_rules_one ON cohort_rules (class) WHERE state IN ('trying', 'tried', 'applying');
CREATE UNIQUE INDEX cohort_rules_in_force ON cohort_rules (class) WHERE state = 'in_force';
