-- +goose Up
-- What tonnes need to come out again as they were known at an instant (ADR
-- 395): the day of mandatory scrapping and the fields that they are reckoned
-- from, as JSON, as part of how an asset stood; of a set of factors the
-- recording that put it in force. Until now nobody kept them: a former standing
-- has those of the asset as it is.
ALTER TABLE standings ADD COLUMN scrap_due_on TEXT NOT NULL DEFAULT '';
ALTER TABLE standings ADD COLUMN activity TEXT NOT NULL DEFAULT '';
UPDATE standings SET
    scrap_due_on = (SELECT a.scrap_due_on FROM assets a WHERE a.id = standings.asset_id),
    activity = (SELECT CASE WHEN a.class = 'truck' THEN '' ELSE json_build_object('power_kw', a.fields::json ->> 'power_kw',
        'annual_hours', a.fields::json ->> 'annual_hours', 'annual_fuel_t', a.fields::json ->> 'annual_fuel_t')::text END FROM assets a WHERE a.id = standings.asset_id)
WHERE EXISTS (SELECT 1 FROM assets a WHERE a.id = standings.asset_id);
ALTER TABLE factor_sets ADD COLUMN in_force_no BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE factor_sets DROP COLUMN in_force_no;
ALTER TABLE standings DROP COLUMN activity;
ALTER TABLE standings DROP COLUMN scrap_due_on;
