-- +goose Up
-- Until now nobody kept when an asset came to stand as it does: it counts as
-- known since it was created, to the second.
UPDATE assets SET recorded_no = CAST(strftime('%s', created_at) AS INTEGER) * 1000000;
INSERT INTO recordings (no, at_us, day, by_name)
SELECT recorded_no, recorded_no, strftime('%Y-%m-%d', recorded_no / 1000000 + 28800, 'unixepoch'), '' FROM assets GROUP BY recorded_no;

-- +goose Down
DELETE FROM recordings;
