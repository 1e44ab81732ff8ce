-- +goose Up
-- file_blob is the SHA-256 of the sealed bytes of the bank's file as they lie in
-- files/; '' for a file of before, which lies there as it came, under file_sha256.
ALTER TABLE bank_answers ADD COLUMN file_blob TEXT NOT NULL DEFAULT '';

-- What the program seals for itself, such as the key of keyed hashes.
CREATE TABLE sealed_settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

-- +goose Down
DROP TABLE sealed_settings;
ALTER TABLE bank_answers DROP COLUMN file_blob;
