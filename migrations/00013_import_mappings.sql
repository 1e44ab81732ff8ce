-- +goose Up
-- How the columns of a sheet are understood: found by the program, taken from
-- what a clerk saved for the same headings, or set by hand for this import.
ALTER TABLE imports ADD COLUMN mapping TEXT NOT NULL DEFAULT '';

CREATE TABLE import_mappings (
    id          TEXT PRIMARY KEY,
    city_code   TEXT NOT NULL REFERENCES regions (code),
    class       TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    name        TEXT NOT NULL,
    mapping     TEXT NOT NULL,
    saved_by    TEXT NOT NULL,
    saved_by_name TEXT NOT NULL,
    saved_at    TIMESTAMP NOT NULL,
    UNIQUE (city_code, class, fingerprint)
);

-- +goose Down
DROP TABLE import_mappings;
ALTER TABLE imports DROP COLUMN mapping;
