-- +goose Up
-- Who sees to what a rule finds, and the definition of a rule that the province
-- has made itself (internal/quality.Definition as JSON); "" for a shipped one.
ALTER TABLE quality_rules ADD COLUMN owner TEXT NOT NULL DEFAULT '';
ALTER TABLE quality_rules ADD COLUMN definition TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE quality_rules DROP COLUMN definition;
ALTER TABLE quality_rules DROP COLUMN owner;
