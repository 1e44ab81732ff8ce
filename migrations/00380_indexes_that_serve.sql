-- +goose Up
-- SQLite uses a partial index only where its condition stands in the query: for
-- "asset_id = ?" it cannot know that the value is not ''. These indexes were
-- never used for what they are there for.
DROP INDEX audit_events_asset;
CREATE INDEX audit_events_asset ON audit_events (asset_id, seq);
DROP INDEX assets_owner;
CREATE INDEX assets_owner ON assets (owner_ref, id);
DROP INDEX assets_import;
CREATE INDEX assets_import ON assets (import_id, id);
DROP INDEX assets_district;
CREATE INDEX assets_district ON assets (district_code, id);
DROP INDEX retirements_yard;
CREATE INDEX retirements_yard ON retirements (yard_id, id);
DROP INDEX retirements_import;
CREATE INDEX retirements_import ON retirements (import_id);
DROP INDEX retirements_certificate_key;
CREATE INDEX retirements_certificate_key ON retirements (certificate_key);
DROP INDEX applications_batch;
CREATE INDEX applications_batch ON applications (batch_id, id);
DROP INDEX applications_notice;
CREATE INDEX applications_notice ON applications (notice_id, id);
DROP INDEX files_application;
CREATE INDEX files_application ON files (application_id, id);
DROP INDEX ledger_entries_application;
CREATE INDEX ledger_entries_application ON ledger_entries (application_id, id);
DROP INDEX ledger_entries_batch;
CREATE INDEX ledger_entries_batch ON ledger_entries (batch_id, id);
DROP INDEX ledger_entries_case;
CREATE INDEX ledger_entries_case ON ledger_entries (case_id, id);
DROP INDEX ledger_postings_case;
CREATE INDEX ledger_postings_case ON ledger_postings (case_id, entry_id);
DROP INDEX ledger_postings_line;
CREATE INDEX ledger_postings_line ON ledger_postings (line_id, entry_id);
-- A sighting and the memory of benefits know a number, but not of which kind it is.
DROP INDEX asset_identifiers_norm;
CREATE INDEX asset_identifiers_norm ON asset_identifiers (norm, kind);
-- These were not there.
CREATE INDEX applications_retirement ON applications (retirement_id);
CREATE INDEX applications_state ON applications (state, id);
CREATE INDEX transfers_asset ON transfers (asset_id);

-- +goose Down
DROP INDEX transfers_asset;
DROP INDEX applications_state;
DROP INDEX applications_retirement;
DROP INDEX asset_identifiers_norm;
CREATE INDEX asset_identifiers_norm ON asset_identifiers (kind, norm);
DROP INDEX ledger_postings_line;
CREATE INDEX ledger_postings_line ON ledger_postings (line_id, entry_id) WHERE line_id <> '';
DROP INDEX ledger_postings_case;
CREATE INDEX ledger_postings_case ON ledger_postings (case_id, entry_id) WHERE case_id <> '';
DROP INDEX ledger_entries_case;
CREATE INDEX ledger_entries_case ON ledger_entries (case_id, id) WHERE case_id <> '';
DROP INDEX ledger_entries_batch;
CREATE INDEX ledger_entries_batch ON ledger_entries (batch_id, id) WHERE batch_id <> '';
DROP INDEX ledger_entries_application;
CREATE INDEX ledger_entries_application ON ledger_entries (application_id, id) WHERE application_id <> '';
DROP INDEX files_application;
CREATE INDEX files_application ON files (application_id, id) WHERE application_id <> '';
DROP INDEX applications_notice;
CREATE INDEX applications_notice ON applications (notice_id, id) WHERE notice_id <> '';
DROP INDEX applications_batch;
CREATE INDEX applications_batch ON applications (batch_id, id) WHERE batch_id <> '';
DROP INDEX retirements_certificate_key;
CREATE INDEX retirements_certificate_key ON retirements (certificate_key) WHERE certificate_key <> '';
DROP INDEX retirements_import;
CREATE INDEX retirements_import ON retirements (import_id) WHERE import_id <> '';
DROP INDEX retirements_yard;
CREATE INDEX retirements_yard ON retirements (yard_id, id) WHERE yard_id <> '';
DROP INDEX assets_district;
CREATE INDEX assets_district ON assets (city_code, district_code, id) WHERE district_code <> '';
DROP INDEX assets_import;
CREATE INDEX assets_import ON assets (import_id, id) WHERE import_id <> '';
DROP INDEX assets_owner;
CREATE INDEX assets_owner ON assets (owner_ref, id) WHERE owner_ref <> '';
DROP INDEX audit_events_asset;
CREATE INDEX audit_events_asset ON audit_events (asset_id, seq) WHERE asset_id <> '';
