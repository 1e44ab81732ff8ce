-- +goose Up
-- Nothing looks for files by their application alone, and SQLite took this index for "application_id = ''", which is nearly every file.
DROP INDEX files_application;

-- +goose Down
CREATE INDEX files_application ON files (application_id, id);
