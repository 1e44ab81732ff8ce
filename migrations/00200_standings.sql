-- +goose Up
-- What a retirement says about its asset, beside the days on which it counts
-- (internal/retirement, Facts), so that every figure and the list behind it
-- are one predicate on one row. recorded_no is the recording that brought the
-- asset to how it stands now, recorded_cause the deed.
ALTER TABLE assets ADD COLUMN counts_as TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN review TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN evidence_complete BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE assets ADD COLUMN hand_over_on TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN dismantled_on TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN left_on TEXT NOT NULL DEFAULT '';
ALTER TABLE assets ADD COLUMN recorded_no BIGINT NOT NULL DEFAULT 0;
ALTER TABLE assets ADD COLUMN recorded_cause TEXT NOT NULL DEFAULT 'registration';
UPDATE assets SET
    review = (SELECT r.state FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn),
    evidence_complete = (SELECT r.evidence_complete FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn),
    hand_over_on = (SELECT r.handed_in_on FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn),
    dismantled_on = (SELECT r.dismantled_on FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn),
    left_on = (SELECT r.deregistered_on FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn)
WHERE status <> 'duplicate' AND EXISTS (SELECT 1 FROM retirements r WHERE r.asset_id = assets.id AND NOT r.withdrawn);
UPDATE assets SET counts_as = CASE way_out
    WHEN 'scrapped' THEN 'retired' WHEN 'destroyed_on_site' THEN 'retired'
    WHEN 're_engined' THEN 'converted' WHEN 'new_energy' THEN 'converted' WHEN 'retrofitted' THEN 'converted'
    WHEN 'moved_out' THEN 'moved' WHEN 'declared_void' THEN 'void' ELSE 'other' END
WHERE way_out <> '';
CREATE INDEX assets_recorded ON assets (recorded_no);

-- One row for each transaction that changed what is counted. no is drawn by
-- the transaction, at_us (microseconds since 1970, UTC) is stamped just before
-- it commits, one transaction after the other: at_us is the order in which the
-- figures changed. day is its day in Asia/Shanghai.
CREATE TABLE recordings (
    no      BIGINT PRIMARY KEY,
    at_us   BIGINT NOT NULL UNIQUE,
    day     TEXT NOT NULL,
    by_name TEXT NOT NULL DEFAULT ''
);

-- How an asset stood before its present standing: known from recording
-- from_no until recording to_no. Rows are only added. The present standing is
-- the row of the asset itself.
CREATE TABLE standings (
    asset_id          TEXT NOT NULL,
    from_no           BIGINT NOT NULL,
    to_no             BIGINT NOT NULL,
    cause             TEXT NOT NULL,
    end_cause         TEXT NOT NULL,
    label             TEXT NOT NULL,
    city_code         TEXT NOT NULL,
    district_code     TEXT NOT NULL,
    class             TEXT NOT NULL,
    category          TEXT NOT NULL,
    stage             TEXT NOT NULL,
    status            TEXT NOT NULL,
    cohort_on         TEXT NOT NULL,
    handed_in_on      TEXT NOT NULL,
    declared_on       TEXT NOT NULL,
    evidenced_on      TEXT NOT NULL,
    verified_on       TEXT NOT NULL,
    converted_on      TEXT NOT NULL,
    moved_out_on      TEXT NOT NULL,
    way_out           TEXT NOT NULL,
    counts_as         TEXT NOT NULL,
    driver            TEXT NOT NULL,
    review            TEXT NOT NULL,
    evidence_complete BOOLEAN NOT NULL,
    hand_over_on      TEXT NOT NULL,
    dismantled_on     TEXT NOT NULL,
    left_on           TEXT NOT NULL,
    due_year          BIGINT NOT NULL,
    operating         BOOLEAN NOT NULL,
    PRIMARY KEY (asset_id, to_no)
);
CREATE INDEX standings_to ON standings (to_no);
CREATE INDEX standings_from ON standings (from_no);

-- The roll-ups, kept in the transaction that changes what they count. A cell
-- is a year, a month or a day (span y, m, d), so that a figure as of a day is
-- read from years, months of one year and days of one month, however many
-- assets there are. Period '' holds what counts on any day.
DROP TABLE summary;
CREATE TABLE rollup (
    span          TEXT NOT NULL,
    period        TEXT NOT NULL,
    metric        TEXT NOT NULL,
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL,
    class         TEXT NOT NULL,
    n             BIGINT NOT NULL,
    PRIMARY KEY (span, period, metric, city_code, district_code, class)
);
-- The same by what an asset is and how it left, without districts and days.
CREATE TABLE rollup_fine (
    span      TEXT NOT NULL,
    period    TEXT NOT NULL,
    metric    TEXT NOT NULL,
    city_code TEXT NOT NULL,
    class     TEXT NOT NULL,
    category  TEXT NOT NULL,
    stage     TEXT NOT NULL,
    way_out   TEXT NOT NULL,
    driver    TEXT NOT NULL,
    n         BIGINT NOT NULL,
    PRIMARY KEY (span, period, metric, city_code, class, category, stage, way_out, driver)
);
-- What each recorded day changed in the months, by the deed that did it.
CREATE TABLE rollup_log (
    day           TEXT NOT NULL,
    cause         TEXT NOT NULL,
    metric        TEXT NOT NULL,
    month         TEXT NOT NULL,
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL,
    class         TEXT NOT NULL,
    n             BIGINT NOT NULL,
    PRIMARY KEY (day, cause, metric, month, city_code, district_code, class)
);
-- Whether the roll-ups are to be counted anew from the rows at the next start.
CREATE TABLE rollup_state (
    id    BIGINT PRIMARY KEY CHECK (id = 1),
    stale BOOLEAN NOT NULL
);
INSERT INTO rollup_state (id, stale) VALUES (1, TRUE);

-- +goose Down
DROP TABLE rollup_state;
DROP TABLE rollup_log;
DROP TABLE rollup_fine;
DROP TABLE rollup;
CREATE TABLE summary (
    city_code     TEXT NOT NULL,
    district_code TEXT NOT NULL,
    class         TEXT NOT NULL,
    metric        TEXT NOT NULL,
    month         TEXT NOT NULL,
    n             BIGINT NOT NULL,
    PRIMARY KEY (city_code, district_code, class, metric, month)
);
DROP TABLE standings;
DROP TABLE recordings;
DROP INDEX assets_recorded;
ALTER TABLE assets DROP COLUMN recorded_cause;
ALTER TABLE assets DROP COLUMN recorded_no;
ALTER TABLE assets DROP COLUMN left_on;
ALTER TABLE assets DROP COLUMN dismantled_on;
ALTER TABLE assets DROP COLUMN hand_over_on;
ALTER TABLE assets DROP COLUMN evidence_complete;
ALTER TABLE assets DROP COLUMN review;
ALTER TABLE assets DROP COLUMN counts_as;
