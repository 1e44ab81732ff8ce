-- +goose Up
-- What the province splits its retirements by: the year of mandatory scrapping
-- and whether the asset was in commercial transport, without districts and days
-- and without what an asset is (docs/adr/0360). Counted at the next start, with
-- the metrics of what another definition counts before the default one does.
CREATE TABLE rollup_due (
    span      TEXT NOT NULL,
    period    TEXT NOT NULL,
    metric    TEXT NOT NULL,
    city_code TEXT NOT NULL,
    class     TEXT NOT NULL,
    due_year  BIGINT NOT NULL,
    operating BOOLEAN NOT NULL,
    n         BIGINT NOT NULL,
    PRIMARY KEY (span, period, metric, city_code, class, due_year, operating)
);
UPDATE rollup_state SET stale = TRUE;

-- +goose Down
DROP TABLE rollup_due;
UPDATE rollup_state SET stale = TRUE;
