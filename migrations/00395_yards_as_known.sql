-- +goose Up
-- What a forecast needs to come out again as it was known at an instant (ADR
-- 395): which yard took an asset, as part of how the asset stands, and how a
-- yard stood before it was changed. recorded_no is the recording that brought a
-- yard to how it stands now; a yard from before counts as known ever since.
ALTER TABLE assets ADD COLUMN yard_id TEXT NOT NULL DEFAULT '';
ALTER TABLE standings ADD COLUMN yard_id TEXT NOT NULL DEFAULT '';
UPDATE assets SET yard_id = (SELECT r.yard_id FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn)
WHERE status <> 'duplicate' AND EXISTS (SELECT 1 FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn AND r.yard_id <> '');
UPDATE standings SET yard_id = (SELECT a.yard_id FROM assets a WHERE a.id = standings.asset_id)
WHERE hand_over_on <> '' AND EXISTS (SELECT 1 FROM assets a WHERE a.id = standings.asset_id AND a.yard_id <> '');
-- What waits in yards is counted from here.
CREATE INDEX assets_yard ON assets (city_code, yard_id, class, hand_over_on, left_on) WHERE yard_id <> '';

ALTER TABLE yards ADD COLUMN recorded_no BIGINT NOT NULL DEFAULT 0;
-- How a yard stood from recording from_no until recording to_no. Rows are only added.
CREATE TABLE yard_standings (
    yard_id   TEXT NOT NULL REFERENCES yards (id),
    from_no   BIGINT NOT NULL,
    to_no     BIGINT NOT NULL,
    city_code TEXT NOT NULL,
    facts     TEXT NOT NULL,
    PRIMARY KEY (yard_id, to_no)
);

-- +goose Down
DROP TABLE yard_standings;
ALTER TABLE yards DROP COLUMN recorded_no;
DROP INDEX assets_yard;
ALTER TABLE standings DROP COLUMN yard_id;
ALTER TABLE assets DROP COLUMN yard_id;
