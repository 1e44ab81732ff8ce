-- +goose Up
-- Until now nobody kept when an asset came to stand as it does: it counts as
-- known since it was created, to the second.
UPDATE assets SET recorded_no = CAST(floor(extract(epoch FROM created_at)) AS BIGINT) * 1000000;
INSERT INTO recordings (no, at_us, day, by_name)
SELECT recorded_no, recorded_no, to_char(to_timestamp(recorded_no / 1000000) AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD'), '' FROM assets GROUP BY recorded_no;

-- +goose Down
DELETE FROM recordings;
