-- +goose Up
-- The list of a city over all classes, and a search in it, in the order of ids.
CREATE INDEX assets_city_id ON assets (city_code, id);

-- +goose Down
DROP INDEX assets_city_id;
