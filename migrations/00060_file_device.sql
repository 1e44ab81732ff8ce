-- +goose Up
-- From what a file was sent: the browser or program and its system.
ALTER TABLE files ADD COLUMN device TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE files DROP COLUMN device;
