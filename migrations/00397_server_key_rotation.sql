-- +goose Up
-- A key is replaced by another one while both are taken for a time. lineage is
-- the first key of a system's: what the system has sent is known by it whichever
-- of its keys it used.
ALTER TABLE server_keys ADD COLUMN lineage TEXT NOT NULL DEFAULT '';
UPDATE server_keys SET lineage = id;
ALTER TABLE server_keys ADD COLUMN replaces TEXT NOT NULL DEFAULT '';
ALTER TABLE server_keys ADD COLUMN replaced_by TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE server_keys DROP COLUMN replaced_by;
ALTER TABLE server_keys DROP COLUMN replaces;
ALTER TABLE server_keys DROP COLUMN lineage;
